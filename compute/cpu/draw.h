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

/* The low words of a and b by turns, as they lie in memory. */
ALWAYS_INLINE vecw draw_by_turns(vecw a, vecw b) {
    return (a & 0xffffffffu) | b << 32;
}

/* rng_u32 of 4 first ... 4 first + DRAW_STRETCH - 1: one block an element of the vectors, whose
 * low words count. Two vectors of each word keep the multipliers busy. */
static inline void draw_words(const struct rng *rng, uint64_t first, uint32_t *out) {
    const vecw numbers = {WIDE_NUMBERS};
    const vecw by_turns = (numbers >> 1) + (numbers & 1) * WIDE_WIDTH; /* of two vectors */
    vecw word[4][2];
    uint32_t key[2], counter[4];
    rng_block_input(rng, first, counter, key);
    for (int v = 0; v < 2; v++) {
        word[0][v] = numbers + (first + (uint64_t)(v * WIDE_WIDTH));
        word[1][v] = word[0][v] >> 32;
        word[2][v] = (vecw){0} + counter[2];
        word[3][v] = (vecw){0} + counter[3];
    }
#pragma GCC unroll 10
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
    for (int v = 0; v < 2; v++) {
        const vecw a = draw_by_turns(word[0][v], word[1][v]);
        const vecw b = draw_by_turns(word[2][v], word[3][v]);
        const vecw low = __builtin_shuffle(a, b, by_turns);
        const vecw high = __builtin_shuffle(a, b, by_turns + WIDE_WIDTH / 2);
        memcpy(out + 4 * v * WIDE_WIDTH, &low, sizeof low);
        memcpy(out + 4 * v * WIDE_WIDTH + SIMD_WIDTH, &high, sizeof high);
    }
}

#endif
