/* SPDX-License-Identifier: Apache-2.0
 * The sum of rows: the gradient of a product's bias.
 *   db[j] += chain over t = 0 .. N-1 of dy[t][j], starting from db[j]
 * Tolerance: sqrt(N) * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_ROWS_H
#define COTRAIN_COMPUTE_OPS_ROWS_H

#include "compute/compute.h"

struct sum_rows_args {
    int64_t n, c;
    const void *dy; /* act (N,C) */
    float *db;      /* (C), added to */
};

#endif
