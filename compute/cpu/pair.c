/* SPDX-License-Identifier: Apache-2.0
 * Rows paired with the row before, and the gradient of that. Rows are independent: each looks at
 * one neighbour and writes only itself. Elements change places within vectors.
 * Read next: compute/ops/pair.h. */
#include "compute/ops/pair.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

/* y = (before[0], x[0], before[1], ...); before NULL: zeros. */
static void pair_row(const float *before, const float *x, int64_t n, float *y) {
    int64_t j = 0;
    for (; j + SIMD_WIDTH <= n; j += SIMD_WIDTH) {
        const vec a = before ? vec_load(before + j) : (vec){0}, b = vec_load(x + j);
        vec_store(y + 2 * j, vec_by_turns(a, b, 0));
        vec_store(y + 2 * j + SIMD_WIDTH, vec_by_turns(a, b, 1));
    }
    for (; j < n; j++) {
        y[2 * j] = before ? before[j] : 0.0f;
        y[2 * j + 1] = x[j];
    }
}

static void pair_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct pair_args *args = ctx;
    for (int64_t t = begin; t < end; t++) {
        const float *x = (const float *)args->x + t * args->c, *before = NULL;
        const int32_t row = args->before_row ? args->before_row[t] : -1;
        BUG_IF(args->link[t] && row < 0 && t == 0);
        if (args->link[t])
            before = row < 0 ? x - args->c : (const float *)args->before + row * args->c;
        pair_row(before, x, args->c, (float *)args->y + 2 * t * args->c);
    }
}

err CPU(pair)(struct compute *c, const struct pair_args *args) {
    (void)c;
    struct pair_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), pair_piece, &copy);
    return ERR_OK;
}

/* dx (+)= the odd elements of a row's pairs, and the even ones of the next row's (NULL: none). */
static void unpair_row(const float *dy, const float *next, int64_t n, bool accumulate, float *dx) {
    int64_t j = 0;
    for (; j + SIMD_WIDTH <= n; j += SIMD_WIDTH) {
        vec value = vec_every_second(vec_load(dy + 2 * j), vec_load(dy + 2 * j + SIMD_WIDTH), 1);
        if (next) {
            const float *from = next + 2 * j;
            value += vec_every_second(vec_load(from), vec_load(from + SIMD_WIDTH), 0);
        }
        vec_store(dx + j, accumulate ? vec_load(dx + j) + value : value);
    }
    for (; j < n; j++) {
        float value = dy[2 * j + 1];
        if (next) value += next[2 * j];
        dx[j] = accumulate ? dx[j] + value : value;
    }
}

static void unpair_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct unpair_args *args = ctx;
    for (int64_t t = begin; t < end; t++) {
        const float *dy = (const float *)args->dy + 2 * t * args->c;
        const bool linked = t + 1 < args->n && args->link[t + 1];
        unpair_row(dy, linked ? dy + 2 * args->c : NULL, args->c, args->accumulate,
                   (float *)args->dx + t * args->c);
    }
}

err CPU(unpair)(struct compute *c, const struct unpair_args *args) {
    (void)c;
    struct unpair_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), unpair_piece, &copy);
    return ERR_OK;
}
