/* SPDX-License-Identifier: Apache-2.0
 * A constant factor.  y[i] = s x[i]; y may be x.
 * Tolerance: one rounding, 2^-24.
 * Its own gradient is the same operation on dy, so there is no backward operation. */
#ifndef COTRAIN_COMPUTE_OPS_SCALE_H
#define COTRAIN_COMPUTE_OPS_SCALE_H

#include "compute/compute.h"
#include <stdbool.h>

struct scale_args {
    int64_t n; /* elements */
    float s;
    const void *x;
    void *y;
};

#endif
