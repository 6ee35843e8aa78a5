/* SPDX-License-Identifier: Apache-2.0
 * Queries and keys from one projection (the share-qk variant). Column c of p is element i of head
 * j, c = j D + i; the result lies as attention reads it, rows of H heads [q(D) k(D)].
 *   q[t][c] = w[0][c] p[t][c] + b[0][c]      k[t][c] = w[1][c] p[t][c] + b[1][c]
 *   backward:  dp = w[0] dq + w[1] dk;   dw[s][c] += sum_t p ds;   db[s][c] += sum_t ds,  s = q, k
 * Sums over t: one chain in token order from the present value.
 * Source: released model code. Tolerance: forward one rounding, 2^-24; backward two of terms no
 * larger than the largest result, 2^-23, and sqrt(N) * 2^-24 more in dw and db. */
#ifndef COTRAIN_COMPUTE_OPS_SHAREQK_H
#define COTRAIN_COMPUTE_OPS_SHAREQK_H

#include "compute/compute.h"

struct shareqk_args {
    int64_t n, h, d;
    const void *p;   /* act (N,C), C = H D */
    struct mat w, b; /* (2,C): row 0 for queries, 1 for keys */
    void *qk;        /* act (N,2C) */
};
struct shareqk_backward_args {
    int64_t n, h, d;
    const void *p, *dqk; /* act (N,C), (N,2C) */
    struct mat w;
    void *dp;       /* act (N,C) */
    float *dw, *db; /* (2,C), added to; each NULL where frozen */
};

#endif
