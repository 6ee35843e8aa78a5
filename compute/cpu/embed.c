/* SPDX-License-Identifier: Apache-2.0
 * Embedding lookup, converting the rows it takes. Its gradient is cut by columns, so that each
 * element's sum is one chain in token order.
 * Read next: compute/ops/embed.h. */
#include "compute/ops/embed.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

static void embed_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct embed_args *args = ctx;
    for (int64_t t = begin; t < end; t++) {
        float *x = (float *)args->x + t * args->c;
        pack_block(&(struct pack_block){&args->w, args->ids[t], 0, 1, args->c, x, args->c});
    }
}

err CPU(embed)(struct compute *c, const struct embed_args *args) {
    (void)c;
    BUG_IF(args->w.dtype > DTYPE_F16);
    struct embed_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), embed_piece, &copy);
    return ERR_OK;
}

static void embed_backward_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct embed_backward_args *args = ctx;
    for (int64_t t = 0; t < args->n; t++) {
        if (args->ids[t] == args->skip_id) continue;
        const float *dx = (const float *)args->dx + t * args->c;
        float *dw = args->dw + args->ids[t] * args->c;
        for (int64_t j = begin; j < end; j += SIMD_WIDTH) {
            int64_t left = end - j;
            vec_store_left(dw + j, vec_load_left(dw + j, left) + vec_load_left(dx + j, left), left);
        }
    }
}

err CPU(embed_backward)(struct compute *c, const struct embed_backward_args *args) {
    (void)c;
    struct embed_backward_args copy = *args;
    par_for(args->c, 64 + ELEMENTS_A_PIECE / (args->n + 1), embed_backward_piece, &copy);
    return ERR_OK;
}
