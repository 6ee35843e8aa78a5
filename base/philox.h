/* SPDX-License-Identifier: Apache-2.0
 * Counter-based random numbers: Philox4x32-10.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
 * the test vectors are the ones published with it (Random123, kat_vectors).
 * A number is a pure function of (seed, purpose, step, index), so any batch, mask or initial weight
 * can be made again without replaying what came before it. */
#ifndef COTRAIN_BASE_PHILOX_H
#define COTRAIN_BASE_PHILOX_H

#include <stdint.h>

/* What the numbers are for: keeps streams of one seed apart. Values are part of the file formats.
 */
enum rng_purpose {
    RNG_INIT = 1,
    RNG_SHUFFLE = 2,
    RNG_DROPOUT = 3,
    RNG_SPLIT = 4,
    RNG_SAMPLE = 5,
    RNG_ROUND = 6,
    RNG_TEST = 7,
};

struct rng {
    uint64_t seed;
    uint32_t purpose; /* enum rng_purpose */
    uint64_t step;    /* or any other second key: an epoch, a parameter number */
};

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

uint32_t rng_u32(const struct rng *r, uint64_t index);
/* rng_u32 of index, index + 1, ..., at a quarter of the cost each. */
void rng_u32_fill(const struct rng *r, uint64_t index, int64_t n, uint32_t *out);
uint64_t rng_u64(const struct rng *r, uint64_t index);
double rng_uniform(const struct rng *r, uint64_t index);                 /* [0,1), 53 bits */
double rng_normal(const struct rng *r, uint64_t index);                  /* mean 0, deviation 1 */
uint64_t rng_below(const struct rng *r, uint64_t index, uint64_t bound); /* [0,bound), bound > 0 */
/* Fisher-Yates over items[0..n). */
void rng_shuffle(const struct rng *r, int64_t *items, int64_t n);

#endif
