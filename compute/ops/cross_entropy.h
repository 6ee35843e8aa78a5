/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of rows of logits, over the vocabulary in one go or in ranges one after the other,
 * and its gradient in place of a range of logits.
 *   forward, a range at a time:  most[r] = max_j z[r][j],  sum[r] = sum_j exp(z[r][j] - most[r])
 *   behind the last range:       loss[r] = log sum[r] + most[r] - z[r][target[r]]
 *   backward, of any range:
 *     z[r][j] = scale * (exp(z[r][j] - most[r]) / sum[r] - (j == target[r]))
 * Every target is in [0,V): rows that are not trained never get here.
 * Order: logits come in blocks of CROSS_ENTROPY_BLOCK, counted from the vocabulary's beginning. A
 * block's sum uses the lanes of compute/ops/op.h; where it raises `most`, the sum so far is
 * multiplied by exp(old most - most) first. So ranges of whole blocks do not show in the bits.
 * Tolerance: (log2(V)/2 + 8) * 2^-24 relative to the largest |z|. */
#ifndef COTRAIN_COMPUTE_OPS_CROSS_ENTROPY_H
#define COTRAIN_COMPUTE_OPS_CROSS_ENTROPY_H

#include "compute/compute.h"
#include <stdbool.h>

enum { CROSS_ENTROPY_BLOCK = 4096 };

struct cross_entropy_args {
    int64_t n, v;          /* rows; logits [first, first + v) of each */
    int64_t first;         /* a multiple of CROSS_ENTROPY_BLOCK; 0 begins most, sum and loss */
    bool last;             /* nothing follows: loss is finished */
    const void *z;         /* act (N, v) */
    const int32_t *target; /* (N) of the whole vocabulary */
    float *most, *sum;     /* (N) running */
    float *loss;           /* (N); until the last range, minus the target's logit or 0 */
};
struct cross_entropy_backward_args {
    int64_t n, v, first;
    void *z; /* act (N, v), changed in place */
    const int32_t *target;
    const float *most, *sum; /* (N) as the last range left them */
    float scale;
};

#endif
