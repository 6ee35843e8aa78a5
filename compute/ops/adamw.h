/* SPDX-License-Identifier: Apache-2.0
 * AdamW with decoupled weight decay, and the sum of squares for clipping.
 *   g = gradient * gradient_scale;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr weight_decay w;  w -= lr (m / (1 - b1^step)) / (sqrt(v / (1 - b2^step)) + eps)
 * Source: Loshchilov and Hutter 2019, as torch.optim.AdamW orders the operations.
 *   sum_squares: out[0] = sum g^2 in double; blocks of 1024 elements, each by 16 lanes and the
 *   fixed tree, then the blocks in ascending order.
 * Tolerance: 8 * 2^-24; with 8-bit states one code, 2^-7; sum_squares N * 2^-53. */
#ifndef COTRAIN_COMPUTE_OPS_ADAMW_H
#define COTRAIN_COMPUTE_OPS_ADAMW_H

#include "compute/compute.h"
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Weights in bf16 are rounded stochastically: element i goes up with the probability that its cut
 * off bits have of a whole step, by the half word `first + i` of the stream (seed, RNG_ROUND, step)
 * (base/philox.h). The mean of many roundings is the fp32 value; to nearest, an update below half a
 * step (2^-9 of the weight) would never be seen.
 *
 * States in 8 bits: m and v of each ADAMW_BLOCK elements as codes of x = state / largest magnitude
 * in the block. The codes' magnitudes are 0, 1, and for decade d = 0 .. 6 the midpoints of equal
 * parts of [0.1, 1] 10^(d-6): 2^d parts with a sign (m), 2^(d+1) without (v). The nearest is taken,
 * of two equally near the smaller; but v > 0 is never coded 0, since m / sqrt(v) would explode.
 * Source: Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization".
 * Codes of m: 0 .. 127 magnitudes in ascending order, above that the same below 0; 128 is +1. */
enum { ADAMW_BLOCK = 256 };

struct adamw_args {
    int64_t n;
    float *w;         /* fp32; or NULL and */
    uint16_t *w_bf16; /* bf16 */
    float *m, *v;     /* fp32; or, with states_8bit, */
    uint8_t *m_codes, *v_codes;
    float *m_largest, *v_largest; /* of each block, the last may be short */
    bool states_8bit;
    struct mat gradient; /* (1,N), fp32, bf16 or fp16, contiguous */
    double lr, beta1, beta2, eps, weight_decay, gradient_scale;
    int64_t step;         /* from 1 */
    uint64_t seed, first; /* of bf16's rounding; first is a multiple of ADAMW_BLOCK */
};

/* What the codes stand for: 256 of m, and 256 of v. */
void adamw_code_values(float m[256], float v[256]);

/* The settings of a step, computed in double and rounded once, the same for every backend:
 *   m = fma(new1, g - m, m);  v = fma(g new2, g, v beta2);  g = gradient gradient_scale
 *   w = fma(-step_size, m / (sqrt(v) / root_correction + eps), w keep) */
struct adamw_factors {
    float keep, new1, beta2, new2, step_size, root_correction, eps, gradient_scale;
};
struct adamw_factors adamw_factors(const struct adamw_args *args);

struct sum_squares_args {
    int64_t n;
    struct mat x; /* (1,N), fp32, bf16 or fp16, contiguous */
    double *out;  /* host memory, complete on return */
};

#ifdef __cplusplus
}
#endif
#endif
