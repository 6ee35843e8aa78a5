/* SPDX-License-Identifier: Apache-2.0
 * Rows put where an index says: how a decoder keeps what later tokens need.
 *   to[index[i]][head][j] = from[i][head][j]   for the rows with index[i] >= 0, head < H, j < D
 * Elements of head h of a row begin at h * head stride. No two rows have the same index; rows of
 * `to` that are not named stay as they are.  Tolerance: exact. */
#ifndef COTRAIN_COMPUTE_OPS_PUT_H
#define COTRAIN_COMPUTE_OPS_PUT_H

#include "compute/compute.h"

struct put_args {
    int64_t n, n_to, h, d; /* rows of `from` and of `to` */
    const void *from;      /* act */
    void *to;              /* act */
    int64_t from_row, to_row, from_head_stride, to_head_stride;
    int64_t to_turned;    /* 0, or `to` lies like the keys of compute/ops/attention.h */
    const int32_t *index; /* (N), below n_to */
};

#endif
