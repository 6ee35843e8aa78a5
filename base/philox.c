/* SPDX-License-Identifier: Apache-2.0
 * Philox4x32-10: ten rounds of two 32x32 multiplications, the key bumped by the Weyl constants
 * between rounds. Source: see base/philox.h.
 * Read next: base/philox.h, the contract. */
#include "base/philox.h"

#include <math.h>

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)PHILOX_MULTIPLIER_0 * c0, p1 = (uint64_t)PHILOX_MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += PHILOX_WEYL_0;
        k1 += PHILOX_WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void block(const struct rng *r, uint64_t n, uint32_t out[4]) {
    uint32_t counter[4], key[2];
    rng_block_input(r, n, counter, key);
    philox4x32_10(counter, key, out);
}

uint32_t rng_u32(const struct rng *r, uint64_t index) {
    uint32_t out[4];
    block(r, index / 4, out);
    return out[index % 4];
}

uint64_t rng_u64(const struct rng *r, uint64_t index) {
    uint32_t out[4];
    block(r, index / 2, out);
    return (uint64_t)out[2 * (index % 2) + 1] << 32 | out[2 * (index % 2)];
}

static double unit_interval(uint32_t low, uint32_t high) {
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double rng_uniform(const struct rng *r, uint64_t index) {
    uint32_t out[4];
    block(r, index / 2, out);
    return unit_interval(out[2 * (index % 2)], out[2 * (index % 2) + 1]);
}

/* Box and Muller, of the uniform numbers 2 index and 2 index + 1, which are one block. The C
 * library's log and cos may differ in their last bit between versions; rounding to a multiple of
 * 2^-40 makes such a difference show in one number of thousands at most. */
double rng_normal(const struct rng *r, uint64_t index) {
    uint32_t out[4];
    block(r, index, out);
    double u = 1.0 - unit_interval(out[0], out[1]),
           angle = 6.283185307179586 * unit_interval(out[2], out[3]);
    double value = sqrt(-2.0 * log(u)) * cos(angle);
    return rint(value * 0x1p40) * 0x1p-40;
}

/* Multiply-shift: the bias is below bound / 2^64. */
uint64_t rng_below(const struct rng *r, uint64_t index, uint64_t bound) {
    return (uint64_t)(((unsigned __int128)rng_u64(r, index) * bound) >> 64);
}

void rng_shuffle(const struct rng *r, int64_t *items, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)rng_below(r, (uint64_t)i, (uint64_t)i + 1), t = items[i];
        items[i] = items[j];
        items[j] = t;
    }
}
