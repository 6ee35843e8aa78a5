/* SPDX-License-Identifier: Apache-2.0
 * Residual sum, element by element: one rounding each, the same at every vector width, so only the
 * loop is here.
 * Read next: compute/ops/add.h. */
#include "compute/ops/add.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

static void add_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct add_args *args = ctx;
    const float *a = args->a, *b = args->b;
    float *y = args->y;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH) {
        int64_t left = end - i;
        vec_store_left(y + i, vec_load_left(a + i, left) + vec_load_left(b + i, left), left);
    }
}

err CPU(add)(struct compute *c, const struct add_args *args) {
    (void)c;
    struct add_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, add_piece, &copy);
    return ERR_OK;
}
