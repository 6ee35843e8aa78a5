/* SPDX-License-Identifier: Apache-2.0
 * Rows paired with the row before, and the gradient of that. Rows are independent: each looks at
 * one neighbour and writes only itself.
 * Read next: compute/ops/pair.h. */
#include "compute/ops/pair.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

static void pair_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct pair_args *args = ctx;
    for (int64_t t = begin; t < end; t++) {
        const float *x = (const float *)args->x + t * args->c, *before = NULL;
        const int32_t row = args->before_row ? args->before_row[t] : -1;
        float *y = (float *)args->y + 2 * t * args->c;
        BUG_IF(args->link[t] && row < 0 && t == 0);
        if (args->link[t])
            before = row < 0 ? x - args->c : (const float *)args->before + row * args->c;
        for (int64_t j = 0; j < args->c; j++) {
            y[2 * j] = before ? before[j] : 0.0f;
            y[2 * j + 1] = x[j];
        }
    }
}

err CPU(pair)(struct compute *c, const struct pair_args *args) {
    (void)c;
    struct pair_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), pair_piece, &copy);
    return ERR_OK;
}

static void unpair_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct unpair_args *args = ctx;
    for (int64_t t = begin; t < end; t++) {
        const float *dy = (const float *)args->dy + 2 * t * args->c;
        const bool linked = t + 1 < args->n && args->link[t + 1];
        float *dx = (float *)args->dx + t * args->c;
        for (int64_t j = 0; j < args->c; j++) {
            float value = dy[2 * j + 1];
            if (linked) value += dy[2 * args->c + 2 * j];
            dx[j] = args->accumulate ? dx[j] + value : value;
        }
    }
}

err CPU(unpair)(struct compute *c, const struct unpair_args *args) {
    (void)c;
    struct unpair_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), unpair_piece, &copy);
    return ERR_OK;
}
