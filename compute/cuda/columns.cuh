/* SPDX-License-Identifier: Apache-2.0
 * Sums over the rows of a matrix, for weight gradients, in two passes and without atomics: blocks
 * add up the rows they have into a row of partial sums each, then the partial sums are folded in
 * order. The order depends on the shape alone, not on the GPU.
 * Also the walk of kernels that keep to columns: each thread has a few columns side by side, which
 * it follows down a slice of the rows, so what belongs to the columns stays in registers.
 * Read next: compute/cuda/rows.cu. */
#ifndef COTRAIN_COMPUTE_CUDA_COLUMNS_CUH
#define COTRAIN_COMPUTE_CUDA_COLUMNS_CUH

#include "compute/cuda/device.cuh"

enum {
    COLUMN_THREADS = 64, /* of a block that walks down columns */
    COLUMN_PARTS = 128,  /* partial sums: enough blocks for any GPU, few enough to fold at once */
    FOLD_COLUMNS = 32,
    FOLD_THREADS = 1024, /* a warp for every 32nd part */
};

/* Blocks for n rows in slices (x) and c columns (y), W of them a thread. */
static inline dim3 column_grid(int64_t n, int64_t rows_a_slice, int64_t c, int width) {
    return dim3(n_blocks(n, rows_a_slice), n_blocks(c, COLUMN_THREADS * width));
}
/* Rows of a slice, where there are at most COLUMN_PARTS. */
static inline int64_t column_slice(int64_t n) {
    return n > COLUMN_PARTS ? (n + COLUMN_PARTS - 1) / COLUMN_PARTS : 1;
}
/* This thread's first column. */
template <int W> static __device__ __forceinline__ int64_t own_column(void) {
    return ((int64_t)blockIdx.y * COLUMN_THREADS + threadIdx.x) * W;
}

/* to[j] += the sum over p of part[p][j]. */
static __global__ void __launch_bounds__(FOLD_THREADS)
    fold_kernel(int64_t n_parts, int64_t c, const float *part, float *to) {
    __shared__ float sums[FOLD_COLUMNS][FOLD_COLUMNS + 1];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int64_t first = (int64_t)blockIdx.x * FOLD_COLUMNS, j = first + lane;
    float sum = 0;
    if (j < c)
        for (int64_t p = warp; p < n_parts; p += FOLD_THREADS / 32) sum += part[p * c + j];
    sums[warp][lane] = sum;
    __syncthreads();
    sum = warp_sum(sums[lane][warp]);
    if (lane == 0 && first + warp < c) to[first + warp] += sum;
}

static inline err fold_columns(struct compute *c, int64_t n_parts, int64_t n_columns,
                               const float *part, float *to) {
    return cuda_launch(c, "fold of partial sums", n_blocks(n_columns, FOLD_COLUMNS), FOLD_THREADS,
                       0, fold_kernel, n_parts, n_columns, part, to);
}

#endif
