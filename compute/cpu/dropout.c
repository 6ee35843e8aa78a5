/* SPDX-License-Identifier: Apache-2.0
 * Dropout: the mask is made again from its numbers wherever it is needed and never stored.
 * Four elements share a Philox block, and vectors run many blocks side by side.
 * Read next: compute/ops/dropout.h, base/philox.h. */
#include "compute/ops/dropout.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/draw.h"
#include <math.h>

/* `count` elements of x from `at` on, `step` apart, whose numbers run on from `index`. */
static void dropout_row(const struct dropout_args *args, int64_t at, int64_t count, int64_t step,
                        uint64_t index) {
    const struct rng rng = {args->seed, RNG_DROPOUT, args->step};
    const float *x = (const float *)args->x + at, scale = (float)(1.0 / (1.0 - args->p));
    float *y = (float *)args->y + at;
    const uint64_t threshold = (uint64_t)ceil(args->p * 0x1p32);
    uint32_t drawn[DRAW_STRETCH];
    for (int64_t j = 0; j < count;) {
        draw_words(&rng, (index + (uint64_t)j) / 4, drawn);
        for (int64_t k = (int64_t)((index + (uint64_t)j) % 4); k < DRAW_STRETCH && j < count;
             k++, j++) {
            const float kept = x[j * step] * scale;
            uint32_t bits; /* masked, since a branch would be mispredicted */
            memcpy(&bits, &kept, sizeof bits);
            bits &= -(uint32_t)(drawn[k] >= threshold);
            memcpy(&y[j * step], &bits, sizeof bits);
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
