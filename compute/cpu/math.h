/* SPDX-License-Identifier: Apache-2.0
 * exp and sigmoid of fp32 vectors: our own polynomials, so that every processor and every version
 * of the C library gives the same bits. tests/unit/compute/test_math.c measures the errors stated
 * here. Double precision functions (log, sin, cos, pow) are in compute/math64.h. */
#ifndef COTRAIN_COMPUTE_CPU_MATH_H
#define COTRAIN_COMPUTE_CPU_MATH_H

#include "compute/cpu/simd.h"

/* e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2, ln 2 in two parts of which n times the first
 * is exact; e^r = 1 + r + r^2 q(r), q of degree 4 with the least largest relative error (3.1e-9).
 * Error: at most 1.01 ulp from -87.3 up (every float was tried), gradual underflow below, 0 under
 * -104, infinity over 88.73. */
ALWAYS_INLINE vec vec_exp(vec x) {
    const vec shift = vec_set(0x1.8p23f); /* adding it leaves round(x) in the low bits */
    x = vec_max(vec_set(-105.0f), vec_min(vec_set(89.0f), x));
    const vec shifted = vec_fma(x, vec_set(0x1.715476p+0f), shift), n = shifted - shift;
    vec r = vec_fma(n, vec_set(-0x1.62e4p-1f), x);
    r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);
    vec q = vec_set(0x1.6a23dp-10f);
    q = vec_fma(q, r, vec_set(0x1.123a2p-7f));
    q = vec_fma(q, r, vec_set(0x1.5558f2p-5f));
    q = vec_fma(q, r, vec_set(0x1.555492p-3f));
    q = vec_fma(q, r, vec_set(0x1.fffffcp-2f));
    vec y = vec_fma(r * r, q, r) + 1.0f;
#if SIMD_WIDTH == 16
    return (vec)_mm512_scalef_ps((__m512)y, (__m512)n);
#else
    /* 2^n in two factors, since one alone can be out of range. */
    const veci power = (veci)shifted - (veci)shift, half = power >> 1;
    return y * (vec)((half + 127) << 23) * (vec)((power - half + 127) << 23);
#endif
}

/* 1 / (1 + e^-x). Error: at most 2.5 ulp from -87.3 up (every float was tried); 0 under -88.73. */
ALWAYS_INLINE vec vec_sigmoid(vec x) {
    return 1.0f / (1.0f + vec_exp(-x));
}

#endif
