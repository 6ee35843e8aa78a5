/* SPDX-License-Identifier: Apache-2.0
 * Root-mean-square norm.
 *   rstd[t] = 1 / sqrt(mean_j x[t][j]^2 + eps);   y[t][j] = w[j] * (x[t][j] * rstd[t])
 *   backward, g = dy * w:  dx = rstd * (g - x * rstd^2 * mean(g * x))
 *                          dw[j] += sum_t dy * x * rstd
 * Sums over a row: 16 lanes and the fixed tree; dw: one chain in token order from its present
 * value.
 * Source: released model code; mean and square in fp32.
 * Tolerance: (log2(C)/2 + 4) * 2^-24; dw sqrt(N) * 2^-24 more. */
#ifndef COTRAIN_COMPUTE_OPS_RMSNORM_H
#define COTRAIN_COMPUTE_OPS_RMSNORM_H

#include "compute/compute.h"
#include <stdbool.h>

struct rmsnorm_args {
    int64_t n, c;
    float eps;
    const void *x; /* act (N,C) */
    struct mat w;  /* (1,C) */
    void *y;       /* act (N,C); may be x */
    float *rstd;   /* (N) */
};
struct rmsnorm_backward_args {
    int64_t n, c;
    const void *x, *dy; /* act (N,C) */
    struct mat w;       /* (1,C) */
    const float *rstd;  /* (N) */
    void *dx;           /* act (N,C); may be dy */
    bool accumulate;    /* dx += instead of = */
    float *dw;          /* (C), added to; NULL: frozen */
};

#endif
