/* SPDX-License-Identifier: Apache-2.0
 * Widening and rounding of stored bf16, element by element, so only the loops are here. Gradients
 * that a step keeps in bf16 pass through them.
 * Read next: compute/ops/bf16.h, compute/cpu/bf16.h. */
#include "compute/ops/bf16.h"

#include "base/par.h"
#include "compute/cpu/bf16.h"
#include "compute/cpu/cpu.h"

static void widen_bf16_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct widen_bf16_args *args = ctx;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH)
        vec_store_left(args->y + i, bf16_load_left(args->x + i, end - i), end - i);
}

err CPU(widen_bf16)(struct compute *c, const struct widen_bf16_args *args) {
    (void)c;
    struct widen_bf16_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, widen_bf16_piece, &copy);
    return ERR_OK;
}

static void round_bf16_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct round_bf16_args *args = ctx;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH)
        bf16_store_left(args->y + i, vec_load_left(args->x + i, end - i), end - i);
}

err CPU(round_bf16)(struct compute *c, const struct round_bf16_args *args) {
    (void)c;
    struct round_bf16_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, round_bf16_piece, &copy);
    return ERR_OK;
}
