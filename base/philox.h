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
    RNG_NOISE = 8,
    RNG_FIM = 12,
    RNG_PACK = 9,
    RNG_RESAMPLE = 10,
    RNG_EXPAND = 11,
};

/* Of the rounds: two multipliers, and what is added to the two key words between rounds. */
enum { PHILOX_ROUNDS = 10 };
#define PHILOX_MULTIPLIER_0 0xD2511F53u
#define PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define PHILOX_WEYL_0 0x9E3779B9u
#define PHILOX_WEYL_1 0xBB67AE85u

struct rng {
    uint64_t seed;
    uint32_t purpose; /* enum rng_purpose */
    uint64_t step;    /* or any other second key: an epoch, a parameter number */
};

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The input of the Philox block whose output words are the numbers 4 n ... 4 n + 3: the counter
 * holds (n, step), the key the seed; the purpose takes the top byte of the step, which no step
 * number reaches. */
static inline void rng_block_input(const struct rng *r, uint64_t n, uint32_t counter[4],
                                   uint32_t key[2]) {
    uint64_t step = r->step ^ (uint64_t)r->purpose << 56;
    counter[0] = (uint32_t)n;
    counter[1] = (uint32_t)(n >> 32);
    counter[2] = (uint32_t)step;
    counter[3] = (uint32_t)(step >> 32);
    key[0] = (uint32_t)r->seed;
    key[1] = (uint32_t)(r->seed >> 32);
}

uint32_t rng_u32(const struct rng *r, uint64_t index);
uint64_t rng_u64(const struct rng *r, uint64_t index);
double rng_uniform(const struct rng *r, uint64_t index);                 /* [0,1), 53 bits */
double rng_normal(const struct rng *r, uint64_t index);                  /* mean 0, deviation 1 */
uint64_t rng_below(const struct rng *r, uint64_t index, uint64_t bound); /* [0,bound), bound > 0 */
/* Fisher-Yates over items[0..n). */
void rng_shuffle(const struct rng *r, int64_t *items, int64_t n);

#endif
