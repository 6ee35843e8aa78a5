/* SPDX-License-Identifier: Apache-2.0
 * Feed-forward activation and its gradient, element by element; the sigmoid is our own polynomial
 * and the same at every vector width.
 * Read next: compute/ops/swiglu.h, compute/cpu/math.h. */
#include "compute/ops/swiglu.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/math.h"

static void swiglu_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct swiglu_args *args = ctx;
    const float *up = args->up, *gate = args->gate;
    float *h = args->h;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH) {
        int64_t left = end - i;
        vec u = vec_load_left(up + i, left), g = vec_load_left(gate + i, left);
        vec_store_left(h + i, g * (u * vec_sigmoid(u)), left);
    }
}

err CPU(swiglu)(struct compute *c, const struct swiglu_args *args) {
    (void)c;
    struct swiglu_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, swiglu_piece, &copy);
    return ERR_OK;
}

static void swiglu_backward_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct swiglu_backward_args *args = ctx;
    const float *up = args->up, *gate = args->gate, *dh = args->dh;
    float *dup = args->dup, *dgate = args->dgate;
    for (int64_t i = begin; i < end; i += SIMD_WIDTH) {
        int64_t left = end - i;
        vec u = vec_load_left(up + i, left), g = vec_load_left(gate + i, left);
        vec d = vec_load_left(dh + i, left), s = vec_sigmoid(u);
        vec slope = s * vec_fma(u, 1.0f - s, vec_set(1.0f));
        vec_store_left(dgate + i, d * (u * s), left);
        vec_store_left(dup + i, d * g * slope, left);
    }
}

err CPU(swiglu_backward)(struct compute *c, const struct swiglu_backward_args *args) {
    (void)c;
    struct swiglu_backward_args copy = *args;
    par_for(args->n, ELEMENTS_A_PIECE, swiglu_backward_piece, &copy);
    return ERR_OK;
}
