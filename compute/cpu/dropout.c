/* SPDX-License-Identifier: Apache-2.0
 * Dropout: the mask is made again from its numbers wherever it is needed and never stored; four
 * elements share a Philox block.
 * Read next: compute/ops/dropout.h, base/philox.h. */
#include "compute/ops/dropout.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/cpu/cpu.h"

enum { DROPOUT_STRETCH = 64 };

/* `count` elements of x from `at` on, `step` apart, whose numbers run on from `index`. */
static void dropout_row(const struct dropout_args *args, int64_t at, int64_t count, int64_t step,
                        uint64_t index) {
    const struct rng rng = {args->seed, RNG_DROPOUT, args->step};
    const float *x = (const float *)args->x + at, scale = (float)(1.0 / (1.0 - args->p));
    float *y = (float *)args->y + at;
    const double threshold = args->p * 0x1p32;
    for (int64_t start = 0; start < count; start += DROPOUT_STRETCH) {
        int64_t n = count - start < DROPOUT_STRETCH ? count - start : DROPOUT_STRETCH;
        uint32_t drawn[DROPOUT_STRETCH];
        rng_u32_fill(&rng, index + (uint64_t)start, n, drawn);
        for (int64_t j = 0; j < n; j++) {
            const int64_t element = (start + j) * step;
            y[element] = (double)drawn[j] >= threshold ? x[element] * scale : 0.0f;
        }
    }
}

static void dropout_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct dropout_args *args = ctx;
    const int64_t columns = args->paired ? args->c / 2 : args->c;
    for (int64_t t = begin; t < end; t++) {
        uint64_t index = (args->site << 40) + (uint64_t)(args->row[t] * columns);
        if (args->paired) {
            dropout_row(args, t * args->c, columns, 2, index - (uint64_t)columns);
            dropout_row(args, t * args->c + 1, columns, 2, index);
        } else {
            dropout_row(args, t * args->c, columns, 1, index);
        }
    }
}

err CPU(dropout)(struct compute *c, const struct dropout_args *args) {
    (void)c;
    BUG_IF(!(args->p >= 0 && args->p < 1) || (args->paired && args->c % 2 != 0));
    struct dropout_args copy = *args;
    par_for(args->n, 1 + 1024 / (args->c + 1), dropout_piece, &copy);
    return ERR_OK;
}
