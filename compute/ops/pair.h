/* SPDX-License-Identifier: Apache-2.0
 * Rows paired with the row before, which turns the localized filter's two-tap causal convolutions
 * into products: weights (out,in,2,1), as checkpoints store them, are a contiguous (out, 2 in)
 * matrix.
 *   pair:    y[t][2j] = link[t] ? x[t-1][j] : 0,   y[t][2j+1] = x[t][j]
 *   unpair:  dx[t][j] (+)= dy[t][2j+1] + (link[t+1] ? dy[t+1][2j] : 0)   (no last term at N-1)
 * link[t] says that there is a row before row t. It is x[t-1], but before[before_row[t]] (a
 * decoder's state) where that index is not negative; link[0] = 0 without one.
 * Source: released model code (Conv2d kernel (2,1), zero padding). Tolerance: exact;
 * unpair 2^-23. */
#ifndef COTRAIN_COMPUTE_OPS_PAIR_H
#define COTRAIN_COMPUTE_OPS_PAIR_H

#include "compute/compute.h"
#include <stdbool.h>

struct pair_args {
    int64_t n, c;
    const void *x;       /* act (N,C) */
    const uint8_t *link; /* (N) */
    const void *before;  /* act (n_before,C) */
    int64_t n_before;
    const int32_t *before_row; /* (N), below n_before; NULL: all negative */
    void *y;                   /* act (N,2C) */
};
struct unpair_args {
    int64_t n, c;
    const void *dy;      /* act (N,2C) */
    const uint8_t *link; /* (N) */
    void *dx;            /* act (N,C) */
    bool accumulate;
};

#endif
