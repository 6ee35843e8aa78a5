/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of rows of logits, block by block: the largest logit, then the sum of exponentials
 * while the block is in the cache. The gradient makes them once more: that is cheaper than to
 * write them down.
 * Read next: compute/ops/cross_entropy.h, compute/cpu/softmax.h. */
#include "compute/ops/cross_entropy.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/softmax.h"
#include "compute/math64.h"

static float cross_entropy_exp(float x) {
    float wide[SIMD_WIDTH];
    vec_store(wide, vec_exp(vec_set(x)));
    return wide[0];
}

/* One block's part of a row's running sum. */
static void cross_entropy_block(const float *z, int64_t n, bool begins, float *most, float *sum) {
    const float highest = softmax_max(z, n), before = *most;
    if (begins || highest > before) {
        if (!begins) *sum *= cross_entropy_exp(before - highest);
        *most = highest;
    }
    const float part = softmax_exp(z, n, *most, NULL);
    *sum = begins ? part : *sum + part;
}

static void cross_entropy_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct cross_entropy_args *args = ctx;
    for (int64_t r = begin; r < end; r++) {
        const float *z = (const float *)args->z + r * args->v;
        const int64_t at = args->target[r] - args->first;
        float *loss = &args->loss[r];
        BUG_IF(args->target[r] < 0 || (args->last && at >= args->v));
        for (int64_t j = 0; j < args->v; j += CROSS_ENTROPY_BLOCK) {
            const int64_t left = args->v - j;
            cross_entropy_block(z + j, left < CROSS_ENTROPY_BLOCK ? left : CROSS_ENTROPY_BLOCK,
                                args->first + j == 0, &args->most[r], &args->sum[r]);
        }
        if (args->first == 0) *loss = 0;
        if (at >= 0 && at < args->v) *loss = -z[at];
        if (args->last)
            *loss =
                (float)(math_log((double)args->sum[r]) + ((double)*loss + (double)args->most[r]));
    }
}

err CPU(cross_entropy)(struct compute *c, const struct cross_entropy_args *args) {
    (void)c;
    struct cross_entropy_args copy = *args;
    BUG_IF(args->first % CROSS_ENTROPY_BLOCK);
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->v + 1), cross_entropy_piece, &copy);
    return ERR_OK;
}

static void cross_entropy_backward_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct cross_entropy_backward_args *args = ctx;
    for (int64_t r = begin; r < end; r++) {
        float *z = (float *)args->z + r * args->v;
        const int64_t at = args->target[r] - args->first;
        const float most = args->most[r], each = 1.0f / args->sum[r], scale = args->scale;
        const bool here = at >= 0 && at < args->v;
        const float p = here ? cross_entropy_exp(z[at] - most) * each : 0;
        for (int64_t j = 0; j < args->v; j += SIMD_WIDTH) {
            const int64_t left = args->v - j;
            const vec e = vec_exp(vec_load_left(z + j, left) - most);
            vec_store_left(z + j, e * each * scale, left);
        }
        if (here) z[at] = scale * (p - 1.0f);
    }
}

err CPU(cross_entropy_backward)(struct compute *c, const struct cross_entropy_backward_args *args) {
    (void)c;
    struct cross_entropy_backward_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->v + 1), cross_entropy_backward_piece, &copy);
    return ERR_OK;
}
