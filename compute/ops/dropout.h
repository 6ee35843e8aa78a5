/* SPDX-License-Identifier: Apache-2.0
 * Dropout.  y[t][j] = keep(t,j) ? x[t][j] / (1 - p) : 0, keep from Philox:
 * u = rng_u32({seed, RNG_DROPOUT, step}, (site * 2^40) + row[t] * C + j), kept where u >= p 2^32.
 * row[t] is the token's number in the step, so how rows were cut into micro-batches does not show.
 * paired: x is (N,2C) as ops/pair makes it; element (t,2j+1) has the number row[t] * C + j and
 * element (t,2j), which is of the token before, (row[t] - 1) * C + j.
 * The gradient is the same operation on dy. Tolerance: one rounding, 2^-23. */
#ifndef COTRAIN_COMPUTE_OPS_DROPOUT_H
#define COTRAIN_COMPUTE_OPS_DROPOUT_H

#include "compute/compute.h"
#include <stdbool.h>

struct dropout_args {
    int64_t n, c; /* c: columns of x (2C when paired) */
    double p;
    uint64_t seed, step, site;
    const int32_t *row; /* (N) */
    bool paired;
    const void *x;
    void *y; /* may be x */
};

#endif
