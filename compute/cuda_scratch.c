/* SPDX-License-Identifier: Apache-2.0
 * The scratch of the GPU's operations: one function for each that takes any, in the table at the
 * end. They follow each other on one stream, so the largest serves all. Without a function are
 * those that stay below a product's: the partial sums of gradients over rows (2 KB a column of a
 * norm or of shareqk, compute/cuda/columns.cuh) and the embedding's sorted tokens.
 * Read next: compute/cuda_scratch.h. */
#include "compute/cuda_scratch.h"

#include "compute/ops/cross_entropy.h"

/* The library's workspace, both operands as they are converted, and a bias. */
static size_t product(const struct work_shape *shape, enum dtype act) {
    const size_t element = (size_t)dtype_bytes(act);
    return CUDA_PRODUCT_WORKSPACE + cuda_scratch_part(CUDA_PRODUCT_CONVERTED * element) +
           cuda_scratch_part((size_t)shape->columns * sizeof(float));
}

/* Two numbers of each block of a row of logits. */
static size_t cross_entropy(const struct work_shape *shape, enum dtype act) {
    (void)act;
    const int64_t blocks = (shape->columns + CROSS_ENTROPY_BLOCK - 1) / CROSS_ENTROPY_BLOCK;
    return (size_t)(shape->rows * blocks) * 2 * sizeof(float);
}

static size_t (*const operations[])(const struct work_shape *shape, enum dtype act) = {
    product,
    cross_entropy,
};

static size_t largest(const struct work_shape *shape, enum dtype act) {
    size_t most = 0;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const size_t bytes = operations[i](shape, act);
        if (bytes > most) most = bytes;
    }
    return most;
}

size_t cuda_scratch_bf16(const struct work_shape *shape) {
    return largest(shape, DTYPE_BF16);
}

size_t cuda_scratch_f32(const struct work_shape *shape) {
    return largest(shape, DTYPE_F32);
}
