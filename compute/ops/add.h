/* SPDX-License-Identifier: Apache-2.0
 * Residual sum.  y[i] = a[i] + b[i]; y may be a or b.
 * Tolerance: one rounding, 2^-24.
 * Its own gradient is the identity, so there is no backward operation. */
#ifndef COTRAIN_COMPUTE_OPS_ADD_H
#define COTRAIN_COMPUTE_OPS_ADD_H

#include "compute/compute.h"
#include <stdbool.h>

struct add_args {
    int64_t n; /* elements */
    const void *a, *b;
    void *y;
};

#endif
