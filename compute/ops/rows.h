/* SPDX-License-Identifier: Apache-2.0
 * Row broadcasts and sums.
 *   fill_rows: y[t][j] = b[j]                      (a bias, before the product that adds to it)
 *   sum_rows:  db[j] += chain over t = 0 .. N-1 of dy[t][j], starting from db[j]
 * Tolerance: fill exact; sum sqrt(N) * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_ROWS_H
#define COTRAIN_COMPUTE_OPS_ROWS_H

#include "compute/compute.h"
#include <stdbool.h>

struct fill_rows_args {
    int64_t n, c;
    struct mat b; /* (1,C) */
    void *y;      /* act (N,C), contiguous */
};
struct sum_rows_args {
    int64_t n, c;
    const void *dy; /* act (N,C) */
    float *db;      /* (C), added to */
};

#endif
