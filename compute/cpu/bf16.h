/* SPDX-License-Identifier: Apache-2.0
 * SIMD_WIDTH numbers between bf16 and fp32, with integers alone, so that every vector unit and the
 * compiler's own code for none of them give the bits of compute/dtype.c.
 * Read next: compute/cpu/bf16.c. */
#ifndef COTRAIN_COMPUTE_CPU_BF16_H
#define COTRAIN_COMPUTE_CPU_BF16_H

#include "compute/cpu/simd.h"
#include <string.h>

typedef uint16_t bf16_vec __attribute__((vector_size(2 * SIMD_WIDTH)));
typedef uint32_t bf16_bits __attribute__((vector_size(4 * SIMD_WIDTH)));

ALWAYS_INLINE vec bf16_widen(bf16_vec x) {
    return (vec)(__builtin_convertvector(x, bf16_bits) << 16);
}

/* To nearest even; NaN stays NaN. */
ALWAYS_INLINE bf16_vec bf16_round(vec x) {
    const bf16_bits bits = (bf16_bits)x;
    const bf16_bits nan = (bf16_bits)((veci)(bits & 0x7fffffffu) > 0x7f800000);
    const bf16_bits near = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return __builtin_convertvector((nan & (bits >> 16 | 0x40u)) | (~nan & near), bf16_vec);
}

ALWAYS_INLINE vec bf16_load(const uint16_t *p) {
    bf16_vec x;
    memcpy(&x, p, sizeof x);
    return bf16_widen(x);
}

/* The first `left` numbers, or all where there are as many; zeros behind them. */
ALWAYS_INLINE vec bf16_load_left(const uint16_t *p, int64_t left) {
    bf16_vec x = {0};
    if (left >= SIMD_WIDTH)
        memcpy(&x, p, sizeof x);
    else
        memcpy(&x, p, (size_t)left * sizeof *p);
    return bf16_widen(x);
}

ALWAYS_INLINE void bf16_store_left(uint16_t *p, vec v, int64_t left) {
    const bf16_vec x = bf16_round(v);
    if (left >= SIMD_WIDTH)
        memcpy(p, &x, sizeof x);
    else
        memcpy(p, &x, (size_t)left * sizeof *p);
}

#endif
