/* SPDX-License-Identifier: Apache-2.0
 * How much scratch the GPU backend's operations take, for the memory plan. Apart from the backend,
 * so that a program knows it that has not opened the shared object (`cotrain plan --device cuda`);
 * the backend is built with the same functions.
 * Read next: compute/cuda_scratch.c, compute/plan.h. */
#ifndef COTRAIN_COMPUTE_CUDA_SCRATCH_H
#define COTRAIN_COMPUTE_CUDA_SCRATCH_H

#include "compute/compute.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CUDA_SCRATCH_ALIGNMENT = 256 };
static inline size_t cuda_scratch_part(size_t bytes) {
    return (bytes + CUDA_SCRATCH_ALIGNMENT - 1) / CUDA_SCRATCH_ALIGNMENT * CUDA_SCRATCH_ALIGNMENT;
}

enum {
    /* What cuBLASLt may use; its fast kernels for Hopper ask for this much. */
    CUDA_PRODUCT_WORKSPACE = 32 << 20,
    /* Elements of a product's operands that are converted at once. As bf16 they stay in an H100's
     * L2 (50 MB) between the conversion and the product. */
    CUDA_PRODUCT_CONVERTED = 8 << 20,
};

/* struct backend.scratch_bytes of the variants: the most of any one operation. */
size_t cuda_scratch_bf16(const struct work_shape *shape);
size_t cuda_scratch_f32(const struct work_shape *shape);

#ifdef __cplusplus
}
#endif
#endif
