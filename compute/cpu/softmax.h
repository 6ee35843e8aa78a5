/* SPDX-License-Identifier: Apache-2.0
 * The two halves of a softmax over a contiguous row: the largest element, then exponentials in
 * place with their sum by the 16 lanes.
 * Read next: compute/cpu/math.h. */
#ifndef COTRAIN_COMPUTE_CPU_SOFTMAX_H
#define COTRAIN_COMPUTE_CPU_SOFTMAX_H

#include "compute/cpu/math.h"
#include <math.h>

/* max_j z[j]; NaN elements do not count (the exponentials show them). */
static inline float softmax_max(const float *z, int64_t n) {
    vec most = vec_set(-INFINITY);
    int64_t j = 0;
    for (; j + SIMD_WIDTH <= n; j += SIMD_WIDTH) most = vec_max(vec_load(z + j), most);
    float wide[SIMD_WIDTH], result = -INFINITY;
    vec_store(wide, most);
    for (int i = 0; i < SIMD_WIDTH; i++) result = wide[i] > result ? wide[i] : result;
    for (; j < n; j++) result = z[j] > result ? z[j] : result;
    return result;
}

/* e[j] = exp(z[j] - shift), and their sum; e may be z, or NULL when only the sum is wanted. */
static inline float softmax_exp(const float *z, int64_t n, float shift, float *e) {
    struct lanes l = {{{0}}};
    for (int64_t j = 0; j < n; j += LANES) {
        for (int v = 0; v < LANE_VECS && j + v * SIMD_WIDTH < n; v++) {
            int64_t at = j + v * SIMD_WIDTH, left = n - at;
            vec x = vec_load_left(z + at, left) - shift;
            if (left < SIMD_WIDTH) { /* what is past the row counts as exp(-infinity) */
                float wide[SIMD_WIDTH];
                vec_store(wide, x);
                for (int64_t i = left; i < SIMD_WIDTH; i++) wide[i] = -INFINITY;
                x = vec_load(wide);
            }
            x = vec_exp(x);
            if (e != NULL) vec_store_left(e + at, x, left);
            l.v[v] += x;
        }
    }
    return lanes_sum(l);
}

#endif
