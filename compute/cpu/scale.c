/* SPDX-License-Identifier: Apache-2.0
 * Constant factor, element by element: one rounding each, the same at every vector width, so only
 * the loop is here.
 * Read next: compute/ops/scale.h. */
#include "compute/ops/scale.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

static void scale_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct scale_args *args = ctx;
    const float *x = args->x;
    float *y = args->y;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH) {
        int64_t left = end - i;
        vec_store_left(y + i, vec_load_left(x + i, left) * args->s, left);
    }
}

err CPU(scale)(struct compute *c, const struct scale_args *args) {
    (void)c;
    struct scale_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, scale_piece, &copy);
    return ERR_OK;
}
