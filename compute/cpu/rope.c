/* SPDX-License-Identifier: Apache-2.0
 * Rotary embedding in place, by rows. Each output is a product and one fma, the same at every
 * width. The tables are made by rope_table in compute/ops/rope.c.
 * Read next: compute/ops/rope.h. */
#include "compute/ops/rope.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

static void rope_vector(float *x, const float *cos, const float *sin, int64_t half, float sign) {
    for (int64_t i = 0; i < half; i += SIMD_WIDTH) {
        int64_t left = half - i;
        vec c = vec_load_left(cos + i, left), s = vec_load_left(sin + i, left) * sign;
        vec low = vec_load_left(x + i, left), high = vec_load_left(x + half + i, left);
        vec_store_left(x + i, vec_fma(low, c, -(high * s)), left);
        vec_store_left(x + half + i, vec_fma(high, c, low * s), left);
    }
}

static void rope_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rope_args *args = ctx;
    const int64_t half = args->d / 2;
    for (int64_t t = begin; t < end; t++) {
        const int64_t position = args->position[t];
        BUG_IF(position < 0 || position >= args->n_positions);
        float *row = (float *)args->x + t * args->row_stride;
        for (int64_t v = 0; v < args->n_vectors; v++) {
            rope_vector(row + v * args->d, args->cos + position * half, args->sin + position * half,
                        half, args->inverse ? -1.0f : 1.0f);
        }
    }
}

err CPU(rope)(struct compute *c, const struct rope_args *args) {
    (void)c;
    BUG_IF(args->d % 2 != 0);
    struct rope_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->n_vectors * args->d + 1), rope_piece, &copy);
    return ERR_OK;
}
