/* SPDX-License-Identifier: Apache-2.0
 * The random numbers of base/philox.h in kernels: rng_u32 of numbers that lie side by side, a
 * Philox block for four of them. The host cuts the stream's seed, purpose and step into the words.
 * Read next: base/philox.h, compute/cuda/dropout.cu. */
#ifndef COTRAIN_COMPUTE_CUDA_PHILOX_CUH
#define COTRAIN_COMPUTE_CUDA_PHILOX_CUH

#include "base/philox.h"
#include "compute/cuda/device.cuh"

/* The input of the stream's block 0; a block's number takes the place of the first two words. */
struct philox_stream {
    uint32_t counter[4], key[2];
};
static inline struct philox_stream philox_stream_of(struct rng r) {
    struct philox_stream s;
    rng_block_input(&r, 0, s.counter, s.key);
    return s;
}

static __device__ __forceinline__ void philox_block(const struct philox_stream &s, uint64_t n,
                                                    uint32_t *out) {
    uint32_t c0 = (uint32_t)n, c1 = (uint32_t)(n >> 32), c2 = s.counter[2], c3 = s.counter[3];
    uint32_t k0 = s.key[0], k1 = s.key[1];
#pragma unroll
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)PHILOX_MULTIPLIER_0 * c0;
        const uint64_t p1 = (uint64_t)PHILOX_MULTIPLIER_1 * c2;
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

/* rng_u32 of index ... index + N - 1. The block behind is drawn only where they reach into it;
 * words are chosen, not addressed, so they stay in registers. */
template <int N>
static __device__ __forceinline__ void draw(const struct philox_stream &s, uint64_t index,
                                            uint32_t (&out)[N]) {
    constexpr int BLOCKS = (N + 3) / 4;
    uint32_t word[4 * BLOCKS + 4] = {};
    const unsigned shift = (unsigned)(index % 4);
    for (int b = 0; b < BLOCKS; b++) philox_block(s, index / 4 + b, word + 4 * b);
    if (shift + N > 4 * BLOCKS) philox_block(s, index / 4 + BLOCKS, word + 4 * BLOCKS);
    for (int i = 0; i < N; i++) {
        const uint32_t low = shift & 1 ? word[i + 1] : word[i];
        const uint32_t high = shift & 1 ? word[i + 3] : word[i + 2];
        out[i] = shift & 2 ? high : low;
    }
}

#endif
