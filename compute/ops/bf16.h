/* SPDX-License-Identifier: Apache-2.0
 * Between fp32 and bf16, as numbers are stored in it: gradients between two parts of a step.
 *   widen_bf16:  y[i] = x[i]
 *   round_bf16:  y[i] = x[i], to the nearest, ties to even; NaN stays NaN, what is too large
 *                becomes an infinity
 * Tolerance: exact; rounding 2^-8. */
#ifndef COTRAIN_COMPUTE_OPS_BF16_H
#define COTRAIN_COMPUTE_OPS_BF16_H

#include "compute/compute.h"

struct widen_bf16_args {
    int64_t n;
    const uint16_t *x;
    float *y;
};
struct round_bf16_args {
    int64_t n;
    const float *x;
    uint16_t *y;
};

#endif
