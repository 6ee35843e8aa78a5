/* SPDX-License-Identifier: Apache-2.0
 * Dropout: the mask is made again from its numbers wherever it is needed and never stored.
 * Four elements share a Philox block, and vectors run many blocks side by side.
 * Read next: compute/ops/dropout.h, base/philox.h. */
#include "compute/ops/dropout.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"
#include <math.h>

enum {
    DROPOUT_BLOCKS = 2 * WIDE_WIDTH, /* Philox blocks side by side */
    DROPOUT_STRETCH = 4 * DROPOUT_BLOCKS,
};

/* rng_u32 of 4 first ... 4 first + DROPOUT_STRETCH - 1: one block an element of the vectors, whose
 * low words count. Two vectors of each word keep the multipliers busy. */
static void dropout_draw(const struct rng *rng, uint64_t first, uint32_t *out) {
    uint64_t words[4][DROPOUT_BLOCKS];
    vecw word[4][2];
    uint32_t key[2], counter[4];
    for (int i = 0; i < DROPOUT_BLOCKS; i++) {
        rng_block_input(rng, first + (uint64_t)i, counter, key);
        for (int w = 0; w < 4; w++) words[w][i] = counter[w];
    }
    memcpy(word, words, sizeof words);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            vecw p0 = vecw_multiply(word[0][v], PHILOX_MULTIPLIER_0);
            vecw p1 = vecw_multiply(word[2][v], PHILOX_MULTIPLIER_1);
            word[0][v] = (p1 >> 32) ^ word[1][v] ^ key[0];
            word[1][v] = p1;
            word[2][v] = (p0 >> 32) ^ word[3][v] ^ key[1];
            word[3][v] = p0;
        }
        key[0] += PHILOX_WEYL_0;
        key[1] += PHILOX_WEYL_1;
    }
    memcpy(words, word, sizeof words);
    for (int i = 0; i < DROPOUT_BLOCKS; i++) {
        for (int w = 0; w < 4; w++) out[4 * i + w] = (uint32_t)words[w][i];
    }
}

/* `count` elements of x from `at` on, `step` apart, whose numbers run on from `index`. */
static void dropout_row(const struct dropout_args *args, int64_t at, int64_t count, int64_t step,
                        uint64_t index) {
    const struct rng rng = {args->seed, RNG_DROPOUT, args->step};
    const float *x = (const float *)args->x + at, scale = (float)(1.0 / (1.0 - args->p));
    float *y = (float *)args->y + at;
    const uint64_t threshold = (uint64_t)ceil(args->p * 0x1p32);
    uint32_t drawn[DROPOUT_STRETCH];
    for (int64_t j = 0; j < count;) {
        dropout_draw(&rng, (index + (uint64_t)j) / 4, drawn);
        for (int64_t k = (int64_t)((index + (uint64_t)j) % 4); k < DROPOUT_STRETCH && j < count;
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
