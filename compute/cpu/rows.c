/* SPDX-License-Identifier: Apache-2.0
 * Row broadcasts and sums over rows. Sums are cut by columns, so that each element is one chain in
 * token order whatever the number of threads.
 * Read next: compute/ops/rows.h. */
#include "compute/ops/rows.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

struct rows_work {
    int64_t n, c;
    const float *from;
    float *to;
};

static void rows_fill_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rows_work *w = ctx;
    for (int64_t t = begin; t < end; t++) {
        memcpy(w->to + t * w->c, w->from, (size_t)w->c * sizeof *w->to);
    }
}

err CPU(fill_rows)(struct compute *c, const struct fill_rows_args *args) {
    BUG_IF(args->b.dtype > DTYPE_F16);
    void *scratch;
    TRY(cpu_scratch(c, (size_t)args->c * sizeof(float), &scratch));
    pack_block(&(struct pack_block){&args->b, 0, 0, 1, args->c, scratch, args->c});
    struct rows_work w = {args->n, args->c, scratch, args->y};
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), rows_fill_piece, &w);
    return ERR_OK;
}

static void rows_sum_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rows_work *w = ctx;
    for (int64_t t = 0; t < w->n; t++) {
        const float *from = w->from + t * w->c;
        for (int64_t j = begin; j < end; j += SIMD_WIDTH) {
            int64_t left = end - j;
            vec sum = vec_load_left(w->to + j, left) + vec_load_left(from + j, left);
            vec_store_left(w->to + j, sum, left);
        }
    }
}

err CPU(sum_rows)(struct compute *c, const struct sum_rows_args *args) {
    (void)c;
    struct rows_work w = {args->n, args->c, args->dy, args->db};
    par_for(args->c, 64 + ELEMENTS_A_PIECE / (args->n + 1), rows_sum_piece, &w);
    return ERR_OK;
}
