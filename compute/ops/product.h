/* SPDX-License-Identifier: Apache-2.0
 * Matrix product.  c (M,N) = [c +] a (M,K) b (K,N)
 *   c[i][j] = fma chain over k = 0 .. K-1 of a[i][k] b[k][j], from c[i][j] (accumulate) or from 0
 * Three additions save a pass over c each, and give the bits of the operations they stand for:
 *   bias           the chain starts from bias[j]          (rows of it, then accumulate)
 *   more_a,more_b  it goes on over k = 0 .. more_k-1 of a second pair    (a product more)
 *   add            the finished element is c[i][j] + add[i][j]           (ops/add)
 * a and b may be any strided view of fp32, bf16 or fp16 data (a transposed weight swaps its
 * strides); each element is converted to fp32 exactly. They may be of a quantised type, too: the
 * result has the bits of a product with the decoded fp32 matrix (compute/quant.h).  c is fp32 on
 * the CPU (activation or gradient).
 * Tolerance: sqrt(K + more_k) + 1 roundings of 2^-24 relative to the largest |c|, one more for
 * add. */
#ifndef COTRAIN_COMPUTE_OPS_PRODUCT_H
#define COTRAIN_COMPUTE_OPS_PRODUCT_H

#include "compute/compute.h"
#include <stdbool.h>

struct product_args {
    int64_t m, n, k;
    struct mat a, b;
    void *c; /* (M,N), row stride c_stride elements */
    int64_t c_stride;
    bool accumulate;
    bool c_is_gradient; /* c is an fp32 gradient, not an activation (differs on a GPU only) */
    bool paired;        /* of the localized filter: its input's rows are paired (ops/pair). No other
                         * numbers; a backend may take another way */
    struct mat bias;    /* (1,N); data NULL: none. Not together with accumulate */
    struct mat more_a, more_b; /* (M,more_k), (more_k,N) */
    int64_t more_k;
    const void *add; /* act (M,N), row stride add_stride elements, apart from c; NULL: none */
    int64_t add_stride;
};

#endif
