/* SPDX-License-Identifier: Apache-2.0
 * DoRA's arithmetic: a projection whose rows keep their direction apart from their length.
 *   row_norms:  y[i] = sqrt(sum_j (w[i][j] + s sum_k b[i][k] a[k][j])^2)
 *   magnitude:  v[t][j] = (w given ? w[t][j] : y[t][j] - b[j]) + z[t][j]
 *               y[t][j] += (g[j] - 1) v[t][j] + z[t][j],     g = m / norm
 *   magnitude_backward:  dz[t][j] = (g[j] - shift) dy[t][j],  dm[j] += chain of dy v / norm
 * A norm of 0 counts as g = 1 without a gradient, so that a row of zeros stays one. With g = 1 and
 * z = 0, y keeps its bits. norm is a constant of the gradient.
 * row_norms never holds the sum as a matrix: a tile of a row at a time, w + (s b) a as one chain of
 * fused multiply-adds in ascending k, squares by the 16 lanes of compute/ops/op.h.
 * Source: Liu et al. 2024, DoRA, sections 4.1 and 4.3; adapters/dora.c has PEFT's form of it.
 * Tolerance: row_norms (sqrt(R + 2) + sqrt(C) + 2) 2^-24; the others up to 8 roundings. */
#ifndef COTRAIN_COMPUTE_OPS_MAGNITUDE_H
#define COTRAIN_COMPUTE_OPS_MAGNITUDE_H

#include "compute/compute.h"

struct row_norms_args {
    int64_t n, c, r; /* rows and columns of w, rank of the update (0: w alone) */
    struct mat w;    /* (N,C) */
    float s;
    const float *a; /* (R,C) */
    const float *b; /* (N,R) */
    float *y;       /* (N) */
};
struct magnitude_args {
    int64_t n, c, y_stride;
    const float *m, *norm; /* (C) */
    struct mat b;          /* (1,C) bias that y holds; data NULL: none. Unused where w is given */
    const void *w;         /* act (N,C) the base's product, or NULL: y without the bias */
    const void *z;         /* act (N,C) the update's product, unscaled by g */
    void *v;               /* act (N,C) kept for the backward pass; may be w or z */
    void *y;               /* act (N,C), rows y_stride apart */
};
struct magnitude_backward_args {
    int64_t n, c, dy_stride;
    const float *m, *norm; /* (C) */
    float shift;
    const void *dy; /* act (N,C), rows dy_stride apart */
    const void *v;  /* act (N,C) of the forward pass; NULL where dm is */
    void *dz;       /* act (N,C) */
    float *dm;      /* (C), added to; NULL: not wanted */
};

#endif
