/* SPDX-License-Identifier: Apache-2.0
 * Widening and rounding of stored bf16, four numbers a thread: 8 bytes on one side, 16 on the
 * other. By integers alone, so that the bits are those of compute/dtype.c, of a NaN too.
 * Read next: compute/ops/bf16.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/bf16.h"

enum { THREADS = 256, N = 4 };

static __device__ __forceinline__ bf16 from_bits(uint32_t bits) {
    return __ushort_as_bfloat16((unsigned short)bits);
}

static __global__ void __launch_bounds__(THREADS) widen(const struct widen_bf16_args a) {
    const int64_t i = flat_index<N>(), left = a.n - i;
    float v[N];
    if (left <= 0) return;
    load((const bf16 *)a.x + i, left, v);
    store(a.y + i, left, v);
}

static __global__ void __launch_bounds__(THREADS) narrow(const struct round_bf16_args a) {
    const int64_t i = flat_index<N>(), left = a.n - i;
    float v[N];
    bf16 y[N];
    if (left <= 0) return;
    load(a.x + i, left, v);
    for (int k = 0; k < N; k++) {
        const uint32_t bits = __float_as_uint(v[k]);
        const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        y[k] = from_bits(nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    }
    store_raw((bf16 *)a.y + i, left, y);
}

extern "C" err cuda_widen_bf16(struct compute *c, const struct widen_bf16_args *a) {
    return cuda_launch(c, "widen_bf16", n_blocks(a->n, THREADS * N), THREADS, 0, widen, *a);
}
extern "C" err cuda_round_bf16(struct compute *c, const struct round_bf16_args *a) {
    return cuda_launch(c, "round_bf16", n_blocks(a->n, THREADS * N), THREADS, 0, narrow, *a);
}
