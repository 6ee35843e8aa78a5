/* SPDX-License-Identifier: Apache-2.0
 * The GPU backend: a shared object (libcotrain_cuda.so) that compute/module.c opens when it is
 * asked for. Host code is C (cuda.c: device, memory, copies; product.c: cuBLASLt). Each operation
 * of compute/ops.def is one compute/cuda/<op>.cu: kernels, and the backend's function `cuda_<op>`,
 * which launches them on the state's stream. The same sources are compiled by g++ against the
 * emulator of tests/cudasim, so kernels keep to what it knows.
 *
 * The variants share all functions and differ in the activations' dtype, backend->act_dtype:
 * "bf16" (products on tensor cores, sums in fp32) and "f32" (fp32 all through, for checking).
 * "cudnn" is as "bf16", with the localized filter's products through cuDNN.
 * Order: the stream's. All is deterministic: no atomics in sums, block sums folded in order.
 * Read next: compute/cuda/device.cuh, what kernels share. */
#ifndef COTRAIN_COMPUTE_CUDA_CUDA_H
#define COTRAIN_COMPUTE_CUDA_CUDA_H

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/compute.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cuda_memory {
    void *at;
    size_t bytes;
};

/* struct compute.state of an open GPU backend. */
struct cuda_state {
    int device;
    cudaStream_t stream;
    cublasLtHandle_t blas;
    struct blas *algorithms; /* of products (blas.c); NULL before the first */
    struct filter *filter;   /* cuDNN (filter_cudnn.c); NULL: another variant */
    /* Scratch of one operation: lent by plans (the newest last), or our own. */
    struct cuda_memory lent[COMPUTE_LENDERS], own;
    int n_lent;
    struct cuda_copies *copies; /* memory.c */
};
static inline struct cuda_state *cuda_state(const struct compute *c) {
    return (struct cuda_state *)c->state;
}

/* ERR_OK, or an error that names the call and the device: `cuda_check(c, cudaMalloc(...),
 * "cudaMalloc")`. Out of memory is ERR_MEMORY, a device that is lost ERR_DEVICE. */
MUST_CHECK err cuda_check(const struct compute *c, cudaError_t result, const char *call);

/* Device memory for the length of one operation, at least `bytes`, 256-byte aligned. The next call
 * gives the same memory again: an operation asks once and cuts it up itself. */
MUST_CHECK err cuda_scratch(struct compute *c, size_t bytes, void **out);

#define OP(name) MUST_CHECK err cuda_##name(struct compute *c, const struct name##_args *args);
#include "compute/ops.def"
#undef OP

#ifdef __cplusplus
}
#endif
#endif
