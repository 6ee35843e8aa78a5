/* SPDX-License-Identifier: Apache-2.0
 * Lengths of the rows of a weight with a low-rank update, which never exist as a matrix: a block
 * has ROWS rows and goes along their columns, a thread one column of all rows at a time, so that a
 * column of `a` is read once for all of them.
 * Quantised weights are decoded on the way, as on the CPU.
 * Read next: compute/ops/magnitude.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/magnitude.h"
#include "compute/quants/int8.h"
#include "compute/quants/nf4.h"

enum {
    THREADS = 256,
    ROWS = 8,
    RANKS = 64, /* of b in shared memory at once */
};

/* What a kernel reads of w. */
struct weight {
    struct mat mat;
    struct quant_blocks blocks; /* of a quantised type, in place of mat.data */
    float nf4[NF4_VALUES];
};

static __device__ __forceinline__ float unaligned(const void *from, int64_t i) {
    float value;
    memcpy(&value, (const char *)from + i * (int64_t)sizeof value, sizeof value);
    return value;
}

/* Element i, counted as struct mat says. The products of nf4_absmax are not to be fused. */
static __device__ float element(const struct weight &w, const float *nf4, int64_t i) {
    const struct quant_blocks &b = w.blocks;
    const int64_t block = i / QUANT_BLOCK;
    switch (w.mat.dtype) {
    case DTYPE_NF4: {
        const int code = b.codes[i / 2] >> (i % 2 ? 0 : 4) & 15;
        const float scale = __fmul_rn(unaligned(b.nested_map, b.absmax[block]),
                                      unaligned(b.nested_absmax, block / NF4_NESTED_BLOCK)) +
                            b.nested_offset;
        return nf4[code] * scale;
    }
    case DTYPE_INT8: return (float)(int8_t)b.codes[i] * unaligned(b.scale, block);
    case DTYPE_BF16: return to_float(((const bf16 *)w.mat.data)[i]);
    case DTYPE_F16: return to_float(((const __half *)w.mat.data)[i]);
    default: return ((const float *)w.mat.data)[i];
    }
}

/* s b of the block's rows and of RANKS ranks from k on; zeros where there are none. */
static __device__ void fill(const struct row_norms_args &a, int64_t row, int64_t k,
                            float (&sb)[RANKS][ROWS]) {
    __syncthreads();
    for (int i = threadIdx.x; i < RANKS * ROWS; i += THREADS) {
        const int64_t at = k + i / ROWS, r = row + i % ROWS;
        sb[i / ROWS][i % ROWS] = at < a.r && r < a.n ? a.s * a.b[r * a.r + at] : 0.0f;
    }
    __syncthreads();
}

static __global__ void __launch_bounds__(THREADS)
    row_norms(const __grid_constant__ row_norms_args a, const __grid_constant__ weight w) {
    __shared__ float sb[RANKS][ROWS];
    __shared__ float nf4[NF4_VALUES];
    const int64_t row = (int64_t)blockIdx.x * ROWS;
    float squares[ROWS] = {};
    if (threadIdx.x < NF4_VALUES) nf4[threadIdx.x] = w.nf4[threadIdx.x];
    fill(a, row, 0, sb);
    for (int64_t from = 0; from < a.c; from += THREADS) {
        const int64_t j = from + threadIdx.x;
        float sum[ROWS] = {};
        for (int i = 0; i < ROWS; i++)
            if (j < a.c && row + i < a.n)
                sum[i] = element(w, nf4, (row + i) * w.mat.row_stride + j * w.mat.col_stride);
        for (int64_t k = 0; k < a.r; k += RANKS) {
            if (a.r > RANKS) fill(a, row, k, sb);
            const int64_t n = a.r - k;
            for (int l = 0; l < RANKS && l < n && j < a.c; l++) {
                const float x = a.a[(k + l) * a.c + j];
                for (int i = 0; i < ROWS; i++) sum[i] = fmaf(sb[l][i], x, sum[i]);
            }
        }
        for (int i = 0; i < ROWS; i++) squares[i] = fmaf(sum[i], sum[i], squares[i]);
    }
    block_sum(squares);
    for (int i = 0; i < ROWS; i++) /* registers have no run-time index */
        if ((int)threadIdx.x == i && row + i < a.n) a.y[row + i] = sqrtf(squares[i]);
}

extern "C" err cuda_row_norms(struct compute *c, const struct row_norms_args *a) {
    struct weight w = {a->w, {}, {}};
    if (a->w.dtype == DTYPE_NF4 || a->w.dtype == DTYPE_INT8)
        w.blocks = *(const struct quant_blocks *)a->w.data;
    memcpy(w.nf4, nf4_values, sizeof w.nf4);
    return cuda_launch(c, "row_norms", n_blocks(a->n, ROWS), THREADS, 0, row_norms, *a, w);
}
