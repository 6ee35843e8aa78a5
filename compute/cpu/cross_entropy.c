/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of rows of logits, with the gradient in their place: the largest logit,
 * exponentials (kept where the gradient is wanted) and their sum, then the gradient from them.
 * Read next: compute/ops/cross_entropy.h, compute/cpu/softmax.h. */
#include "compute/ops/cross_entropy.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/softmax.h"
#include "compute/math64.h"

static void cross_entropy_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct cross_entropy_args *args = ctx;
    for (int64_t r = begin; r < end; r++) {
        float *z = (float *)args->z + r * args->v;
        const int64_t target = args->target[r];
        BUG_IF(target < 0 || target >= args->v);
        const float most = softmax_max(z, args->v), at_target = z[target];
        const float sum = softmax_exp(z, args->v, most, args->want_gradient ? z : NULL);
        args->loss[r] = (float)(math_log((double)sum) - ((double)at_target - (double)most));
        if (!args->want_gradient) continue;
        const float each = 1.0f / sum, scale = args->scale, p_target = z[target] * each;
        for (int64_t j = 0; j < args->v; j += SIMD_WIDTH) {
            int64_t left = args->v - j;
            vec_store_left(z + j, vec_load_left(z + j, left) * each * scale, left);
        }
        z[target] = scale * (p_target - 1.0f);
    }
}

err CPU(cross_entropy)(struct compute *c, const struct cross_entropy_args *args) {
    (void)c;
    struct cross_entropy_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->v + 1), cross_entropy_piece, &copy);
    return ERR_OK;
}
