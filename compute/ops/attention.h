/* SPDX-License-Identifier: Apache-2.0
 * Causal attention over flat tokens with borders instead of a mask matrix.  Query i sees the keys
 * first[i] .. last[i], its own being the last (last NULL: query i is key i):
 *   s[i][j] = scale q[i].k[j];   p = softmax over the seen keys;   out[i] = sum_j p[i][j] v[j]
 *   lse[i][h] = log sum_j exp(s[i][j])
 *   backward, delta = sum_d dout out:  dv[j] += p dout;  ds = p (dout.v[j] - delta);
 *             dq[i] = scale sum_j ds k[j];  dk[j] = scale sum_i ds q[i]
 * Query, key and value of head h of a row start at h * head_stride; Yuan's mixed q/k rows
 * [H][q(D) k(D)] are q = m, k = m + D with head strides 2D.  Memory is linear in N.
 * Order: s[i][j] is one chain over D, without the scale. Keys come in blocks of 128, counted from
 * first[i] (so a document gives the same bits alone and packed). m is the largest s so far; where a
 * block raises it, the chain of out and the sum are multiplied by exp(scale (old m - m)). out is
 * one chain of exp(scale s - scale m) v over the keys in ascending order, then divided by the sum;
 * a block's part of the sum uses the lanes of compute/ops/op.h. dq is a chain over keys, dk and dv
 * over queries, both ascending; delta uses the lanes.
 * Source: released model code (softmax in fp32). Tolerance: (sqrt(D) + sqrt(keys) + 8) * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_ATTENTION_H
#define COTRAIN_COMPUTE_OPS_ATTENTION_H

#include "compute/compute.h"
#include <stdbool.h>

struct attention_args {
    int64_t n_q, n_k, h, d;
    float scale;                        /* above 0 */
    const void *q, *k, *v;              /* act */
    int64_t q_row, k_row, v_row, o_row; /* elements between rows */
    /* 0: rows of keys. Else n_k is a multiple of it and each block of so many rows is turned over,
     * so that element c of rows j, j + 1, .. follow each other:
     *   k[j][c] is at j / k_turned * k_turned * k_row + c * k_turned + j % k_turned
     * Only a backend whose k_turned it is takes it. */
    int64_t k_turned;
    /* elements between heads; out uses v_head_stride */
    int64_t q_head_stride, k_head_stride, v_head_stride;
    const int32_t *first, *last; /* (n_q), 0 <= first[i] <= last[i] < n_k */
    void *out;                   /* act (n_q, H, D) */
    float *lse;                  /* (n_q, H); NULL: not wanted */
};
struct attention_backward_args {
    /* last NULL, k_turned 0, n_q == n_k, first[i] is i or first[i-1]; out, lse as it left them */
    struct attention_args forward;
    const void *dout;   /* act, laid out as out */
    void *dq, *dk, *dv; /* act, laid out as q, k, v; written, not added to */
};

#endif
