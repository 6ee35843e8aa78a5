/* SPDX-License-Identifier: Apache-2.0
 * The parts of the matrix product: product.c brings operands into a form that cuBLASLt takes and
 * cuts the work into blocks; convert.cu and dequantise.cu make the copies; blas.c calls the
 * library; product_any.cu is what it does not take; filter_cudnn.c the second way of the localized
 * filter.
 * Read next: compute/cuda/product.c. */
#ifndef COTRAIN_COMPUTE_CUDA_PRODUCT_H
#define COTRAIN_COMPUTE_CUDA_PRODUCT_H

#include "compute/cuda/cuda.h"
#include "compute/ops/product.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- copies of an operand ---- */

/* A part of a matrix as `outer` rows of `inner` elements: element (i,j) is number first + i *
 * outer_stride + j * inner_stride of `data`. Goes to rows of `to_type` (F32 or BF16), to_stride
 * apart, each of them dense; `to` and its rows are 16-byte aligned. */
struct product_copy {
    const void *data;
    enum dtype dtype;
    int64_t first, outer, inner, outer_stride, inner_stride;
    void *to;
    enum dtype to_type;
    int64_t to_stride;
};
/* F32, BF16, F16. */
MUST_CHECK err cuda_convert(struct compute *c, const struct product_copy *copy);
/* NF4, INT8: the bits of compute/quant.h's decode, then rounded to `to_type`. */
MUST_CHECK err cuda_dequantise(struct compute *c, const struct product_copy *copy);

/* ---- cuBLASLt ---- */

/* c (M,N) = [from] + [bias] + a (M,K) b (K,N), row after row. */
struct blas_operand {
    const void *data; /* 16-byte aligned */
    int64_t stride;   /* elements between rows, or between columns where turned */
    bool turned;      /* columns are dense, not rows */
};
struct blas_product {
    enum dtype type, c_type; /* of a and b: F32 (then c, too) or BF16; of c, from and bias */
    int64_t m, n, k;
    struct blas_operand a, b;
    void *c;
    int64_t c_stride;
    const void *from; /* may be c; NULL: 0 */
    int64_t from_stride;
    const void *bias; /* NULL: none */
    void *workspace;  /* CUDA_PRODUCT_WORKSPACE bytes */
};
/* *out_taken: false when the library has no algorithm for it, and nothing was done. */
MUST_CHECK err blas_product(struct compute *c, const struct blas_product *p, bool *out_taken);
void blas_release(struct cuda_state *s);

/* ---- the others ---- */

/* Any strides and element types but quantised ones, fp32 arithmetic; an element's chain is the
 * CPU's. */
MUST_CHECK err cuda_product_any(struct compute *c, const struct product_args *args);

/* The variant "cudnn": opens the library; and a product of the localized filter through its
 * convolutions. *out_taken: false when it is none of those, and nothing was done. */
MUST_CHECK err filter_open(struct compute *c);
void filter_close(struct cuda_state *s);
MUST_CHECK err filter_product(struct compute *c, const struct product_args *args, bool *out_taken);

static inline enum dtype product_c_type(const struct compute *c, const struct product_args *args) {
    return args->c_is_gradient ? DTYPE_F32 : c->backend->act_dtype;
}

#ifdef __cplusplus
}
#endif
#endif
