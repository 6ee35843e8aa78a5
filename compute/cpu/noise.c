/* SPDX-License-Identifier: Apache-2.0
 * Uniform noise: the numbers are made from seed, step and place, as dropout's are, so that nothing
 * has to be kept.
 * Read next: compute/ops/noise.h, compute/cpu/draw.h. */
#include "compute/ops/noise.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/draw.h"

static void noise_row(const struct noise_args *args, int64_t t) {
    const struct rng rng = {args->seed, RNG_NOISE, args->step};
    const float *x = (const float *)args->x + t * args->c, scale = args->scale[t];
    float *y = (float *)args->y + t * args->c;
    const uint64_t index = (uint64_t)(args->row[t] * args->c);
    uint32_t drawn[DRAW_STRETCH];
    for (int64_t j = 0; j < args->c;) {
        draw_words(&rng, (index + (uint64_t)j) / 4, drawn);
        for (int64_t k = (int64_t)((index + (uint64_t)j) % 4); k < DRAW_STRETCH && j < args->c;
             k++, j++) {
            const int32_t odd = (int32_t)(2 * (drawn[k] >> 8) + 1) - (1 << 24);
            y[j] = __builtin_fmaf(scale, (float)odd * 0x1p-24f, x[j]);
        }
    }
}

static void noise_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    for (int64_t t = begin; t < end; t++) noise_row(ctx, t);
}

err CPU(noise)(struct compute *c, const struct noise_args *args) {
    (void)c;
    struct noise_args copy = *args;
    par_for(args->n, 1 + 1024 / (args->c + 1), noise_piece, &copy);
    return ERR_OK;
}
