/* SPDX-License-Identifier: Apache-2.0
 * Vectors of fp32 for one compilation of the kernels: SIMD_WIDTH elements of `vec`, chosen by the
 * file that includes (4 where nothing is said: any processor). The same source then gives the same
 * bits at every width: elementwise work does not see the width, products are chains, and sums over
 * a row go to 16 virtual lanes (compute/ops/op.h) that are LANE_VECS vectors here.
 * Read next: compute/cpu/cpu.h for how a file is compiled several times, compute/cpu/math.h. */
#ifndef COTRAIN_COMPUTE_CPU_SIMD_H
#define COTRAIN_COMPUTE_CPU_SIMD_H

#ifndef SIMD_WIDTH
#define SIMD_WIDTH 4
#endif
#if SIMD_WIDTH > 4
#include <immintrin.h>
#elif defined(SIMD_NEON)
#include <arm_neon.h>
#endif
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { LANES = 16, LANE_VECS = LANES / SIMD_WIDTH };

typedef float vec __attribute__((vector_size(4 * SIMD_WIDTH)));
typedef int32_t veci __attribute__((vector_size(4 * SIMD_WIDTH)));
typedef uint32_t vecu __attribute__((vector_size(4 * SIMD_WIDTH)));

ALWAYS_INLINE vec vec_load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS_INLINE void vec_store(float *p, vec v) {
    memcpy(p, &v, sizeof v);
}

/* The first n < SIMD_WIDTH elements, zeros behind. */
ALWAYS_INLINE vec vec_load_part(const float *p, int64_t n) {
    float wide[SIMD_WIDTH] = {0};
    for (int64_t i = 0; i < n; i++) wide[i] = p[i];
    return vec_load(wide);
}

ALWAYS_INLINE void vec_store_part(float *p, vec v, int64_t n) {
    float wide[SIMD_WIDTH];
    vec_store(wide, v);
    for (int64_t i = 0; i < n; i++) p[i] = wide[i];
}

/* Loads and stores of what is left of a row: whole or part. */
ALWAYS_INLINE vec vec_load_left(const float *p, int64_t left) {
    return left >= SIMD_WIDTH ? vec_load(p) : vec_load_part(p, left);
}

ALWAYS_INLINE void vec_store_left(float *p, vec v, int64_t left) {
    if (left >= SIMD_WIDTH) {
        vec_store(p, v);
    } else {
        vec_store_part(p, v, left);
    }
}

ALWAYS_INLINE vec vec_set(float x) {
    return x - (vec){0};
}

/* a b + c, rounded once. */
ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif SIMD_WIDTH == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(SIMD_NEON)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int i = 0; i < SIMD_WIDTH; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* Rounded once, as IEEE wants. */
ALWAYS_INLINE vec vec_sqrt(vec a) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_sqrt_ps((__m512)a);
#elif SIMD_WIDTH == 8
    return (vec)_mm256_sqrt_ps((__m256)a);
#elif defined(SIMD_NEON)
    return (vec)vsqrtq_f32((float32x4_t)a);
#else
    for (int i = 0; i < SIMD_WIDTH; i++) a[i] = __builtin_sqrtf(a[i]);
    return a;
#endif
}

/* The mask (all bits or none, as comparisons give) chooses a or b. */
ALWAYS_INLINE vec vec_select(veci mask, vec a, vec b) {
    return (vec)((mask & (veci)a) | (~mask & (veci)b));
}

/* a > b ? a : b, so where `a` is NaN the result is b. */
ALWAYS_INLINE vec vec_max(vec a, vec b) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif SIMD_WIDTH == 8
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vec_select(a > b, a, b);
#endif
}

/* a < b ? a : b. */
ALWAYS_INLINE vec vec_min(vec a, vec b) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif SIMD_WIDTH == 8
    return (vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return vec_select(a < b, a, b);
#endif
}

#if SIMD_WIDTH == 16
#define VEC_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define WIDE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#elif SIMD_WIDTH == 8
#define VEC_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#define WIDE_NUMBERS 0, 1, 2, 3
#else
#define VEC_NUMBERS 0, 1, 2, 3
#define WIDE_NUMBERS 0, 1
#endif

/* Element i of the result is element i + apart of a, counted round. */
ALWAYS_INLINE vec vec_turn(vec a, const int apart) {
    return __builtin_shuffle(a, ((veci){VEC_NUMBERS} + apart) & (SIMD_WIDTH - 1));
}

/* Elements of a and b by turns: of the first half of each, or of the second. */
ALWAYS_INLINE vec vec_by_turns(vec a, vec b, const int half) {
    const veci numbers = {VEC_NUMBERS};
    return __builtin_shuffle(a, b,
                             (numbers >> 1) + (numbers & 1) * SIMD_WIDTH + half * (SIMD_WIDTH / 2));
}

/* Every second element of a and then of b, from the first or the second on. */
ALWAYS_INLINE vec vec_every_second(vec a, vec b, const int from) {
    return __builtin_shuffle(a, b, 2 * (veci){VEC_NUMBERS} + from);
}

/* The largest element, where none is NaN. */
ALWAYS_INLINE float vec_highest(vec a) {
#pragma GCC unroll 4
    for (int apart = SIMD_WIDTH / 2; apart > 0; apart /= 2) a = vec_max(vec_turn(a, apart), a);
    return a[0];
}

/* Pairs of 32-bit words as 64-bit elements. */
enum { WIDE_WIDTH = SIMD_WIDTH / 2 };
typedef uint64_t vecw __attribute__((vector_size(4 * SIMD_WIDTH)));

/* The low word of each element times b. */
ALWAYS_INLINE vecw vecw_multiply(vecw a, uint32_t b) {
#if SIMD_WIDTH == 16
    return (vecw)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((int64_t)b));
#elif SIMD_WIDTH == 8
    return (vecw)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((int64_t)b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* Half a vector, and the same in double precision. */
typedef float vech __attribute__((vector_size(2 * SIMD_WIDTH)));
typedef double vecd __attribute__((vector_size(4 * SIMD_WIDTH)));

ALWAYS_INLINE vecd vecd_load(const float *p) {
    vech half;
    memcpy(&half, p, sizeof half);
    return __builtin_convertvector(half, vecd);
}

/* The 16 virtual lanes of a sum. */
struct lanes {
    vec v[LANE_VECS];
};

ALWAYS_INLINE float lanes_sum(struct lanes l) {
    for (int apart = LANE_VECS / 2; apart > 0; apart /= 2) {
        for (int i = 0; i < apart; i++) l.v[i] += l.v[i + apart];
    }
    vec sum = l.v[0];
#pragma GCC unroll 4
    for (int apart = SIMD_WIDTH / 2; apart > 0; apart /= 2) sum += vec_turn(sum, apart);
    return sum[0];
}

/* lane[j mod 16] += x[j] y[j], each by one fma. */
ALWAYS_INLINE float lanes_dot(const float *x, const float *y, int64_t n) {
    struct lanes l = {{{0}}};
    for (int64_t j = 0; j < n; j += LANES) {
        for (int v = 0; v < LANE_VECS; v++) {
            int64_t at = j + v * SIMD_WIDTH;
            if (at >= n) break;
            l.v[v] = vec_fma(vec_load_left(x + at, n - at), vec_load_left(y + at, n - at), l.v[v]);
        }
    }
    return lanes_sum(l);
}

#endif
