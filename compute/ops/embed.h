/* SPDX-License-Identifier: Apache-2.0
 * Embedding lookup.
 *   embed:           x[t][:] = w[ids[t]][:]
 *   embed_backward:  dw[ids[t]][:] += dx[t][:]  for t ascending, except where ids[t] == skip_id
 * skip_id: the padding row gets no gradient from the lookup (released code, padding_idx); -1: none.
 * ids are below V (the caller has checked). Tolerance: exact; backward sqrt(N) * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_EMBED_H
#define COTRAIN_COMPUTE_OPS_EMBED_H

#include "compute/compute.h"
#include <stdbool.h>

struct embed_args {
    int64_t n, c, v;
    const int32_t *ids; /* (N) */
    struct mat w;       /* (V,C) */
    void *x;            /* act (N,C) */
};
struct embed_backward_args {
    int64_t n, c, v;
    const int32_t *ids; /* (N) */
    int64_t skip_id;
    const void *dx; /* act (N,C) */
    float *dw;      /* (V,C), added to */
};

#endif
