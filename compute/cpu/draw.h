/* SPDX-License-Identifier: Apache-2.0
 * Many random numbers at once: Philox blocks side by side in vectors, word by word the numbers of
 * rng_u32.
 * Read next: base/philox.h. */
#ifndef COTRAIN_COMPUTE_CPU_DRAW_H
#define COTRAIN_COMPUTE_CPU_DRAW_H

#include "base/philox.h"
#include "compute/cpu/simd.h"

enum {
    DRAW_BLOCKS = 2 * WIDE_WIDTH, /* Philox blocks side by side */
    DRAW_STRETCH = 4 * DRAW_BLOCKS,
};

/* rng_u32 of 4 first ... 4 first + DRAW_STRETCH - 1: one block an element of the vectors, whose
 * low words count. Two vectors of each word keep the multipliers busy. */
static inline void draw_words(const struct rng *rng, uint64_t first, uint32_t *out) {
    uint64_t words[4][DRAW_BLOCKS];
    vecw word[4][2];
    uint32_t key[2], counter[4];
    for (int i = 0; i < DRAW_BLOCKS; i++) {
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
    for (int i = 0; i < DRAW_BLOCKS; i++) {
        for (int w = 0; w < 4; w++) out[4 * i + w] = (uint32_t)words[w][i];
    }
}

#endif
