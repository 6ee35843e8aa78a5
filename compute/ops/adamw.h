/* SPDX-License-Identifier: Apache-2.0
 * AdamW with decoupled weight decay, and the sum of squares for clipping.
 *   g = gradient * gradient_scale;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr weight_decay w;  w -= lr (m / (1 - b1^step)) / (sqrt(v / (1 - b2^step)) + eps)
 * Source: Loshchilov and Hutter 2019, as torch.optim.AdamW orders the operations.
 *   sum_squares: out[0] = sum g^2 in double; blocks of 1024 elements, each by 16 lanes and the
 *   fixed tree, then the blocks in ascending order.
 * Tolerance: 8 * 2^-24; sum_squares N * 2^-53. */
#ifndef COTRAIN_COMPUTE_OPS_ADAMW_H
#define COTRAIN_COMPUTE_OPS_ADAMW_H

#include "compute/compute.h"
#include <stdbool.h>

struct adamw_args {
    int64_t n;
    float *w, *m, *v;
    struct mat gradient; /* (1,N), fp32, bf16 or fp16, contiguous */
    double lr, beta1, beta2, eps, weight_decay, gradient_scale;
    int64_t step; /* from 1 */
};
struct sum_squares_args {
    int64_t n;
    struct mat x; /* (1,N), fp32, bf16 or fp16, contiguous */
    double *out;  /* host memory, complete on return */
};

#endif
