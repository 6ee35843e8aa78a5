/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of rows of logits, with its gradient in place.
 *   loss[r] = log sum_j exp(z[r][j]) - z[r][target[r]]
 *   with want_gradient:  z[r][j] = scale * (softmax(z[r])[j] - (j == target[r]))
 * Every target is in [0,V): rows that are not trained never get here.
 * Tolerance: (log2(V)/2 + 8) * 2^-24 relative to the largest |z|. */
#ifndef COTRAIN_COMPUTE_OPS_CROSS_ENTROPY_H
#define COTRAIN_COMPUTE_OPS_CROSS_ENTROPY_H

#include "compute/compute.h"
#include <stdbool.h>

struct cross_entropy_args {
    int64_t n, v;
    void *z;               /* act (N,V), changed in place when want_gradient */
    const int32_t *target; /* (N) */
    float *loss;           /* (N) */
    bool want_gradient;
    float scale;
};

#endif
