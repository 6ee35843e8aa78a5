/* SPDX-License-Identifier: Apache-2.0
 * Uniform noise.  y[t][j] = x[t][j] + scale[t] * u,  u in (-1,1) from Philox:
 * u = (2 floor(rng_u32({seed, RNG_NOISE, step}, row[t] * C + j) / 2^8) + 1) / 2^24 - 1.
 * row[t] is the token's number in the step, so how rows were cut into micro-batches does not show.
 * The noise is a constant: dx = dy, which needs no operation.
 * Tolerance: u is exact in fp32, and one fused multiply-add rounds once: 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_NOISE_H
#define COTRAIN_COMPUTE_OPS_NOISE_H

#include "compute/compute.h"

struct noise_args {
    int64_t n, c;
    uint64_t seed, step;
    const int32_t *row; /* (N) */
    const float *scale; /* (N) */
    const void *x;      /* act (N,C) */
    void *y;            /* act (N,C); may be x */
};

#endif
