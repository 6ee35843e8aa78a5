/* SPDX-License-Identifier: Apache-2.0
 * Feed-forward activation with SiLU on the up projection (the reverse of LLaMA's names).
 *   h = gate * up * sigmoid(up)
 *   backward: dgate = dh * silu(up),  dup = dh * gate * s (1 + up (1 - s)),  s = sigmoid(up)
 * Source: released model code. Tolerance: 6 roundings, 6 * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_SWIGLU_H
#define COTRAIN_COMPUTE_OPS_SWIGLU_H

#include "compute/compute.h"
#include <stdbool.h>

struct swiglu_args {
    int64_t n; /* elements */
    const void *up, *gate;
    void *h;
};
struct swiglu_backward_args {
    int64_t n;
    const void *up, *gate, *dh;
    void *dup, *dgate; /* may be up and gate */
};

#endif
