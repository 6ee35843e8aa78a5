/* SPDX-License-Identifier: Apache-2.0
 * Matrix products of any strides and element types: what cuBLASLt does not take, and small ones.
 * A block of threads makes a tile of c from tiles of a and b in shared memory; an element of c is
 * one chain of fp32 fused multiply-adds in ascending k through both pairs of operands, the one that
 * the contract describes, so it is the CPU's to the bit where c is fp32.
 * Read next: compute/ops/product.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/cuda/product.h"

enum { TILE = 64, DEPTH = 16, SIDE = 16, EACH = TILE / SIDE, THREADS = SIDE * SIDE };

struct operands {
    int64_t m, n, k[2];
    struct mat a[2], b[2]; /* the two pairs */
    struct mat bias;
    int64_t c_stride, add_stride;
    bool accumulate;
};

static __device__ __forceinline__ float load(const struct mat &m, int64_t i, int64_t j) {
    const int64_t at = i * m.row_stride + j * m.col_stride;
    if (m.dtype == DTYPE_F32) return ((const float *)m.data)[at];
    if (m.dtype == DTYPE_BF16) return to_float(((const bf16 *)m.data)[at]);
    return to_float(((const __half *)m.data)[at]);
}

/* Elements of a tile in shared memory: `tile` outer, `depth` along k. Threads follow the operand's
 * memory: along k where `k_dense`. One word of padding keeps both directions free of conflicts. */
static __device__ __forceinline__ void place(int e, bool k_dense, int *outer, int *depth) {
    *outer = k_dense ? e / DEPTH : e % TILE;
    *depth = k_dense ? e % DEPTH : e / TILE;
}

typedef float side_tile[DEPTH][TILE + 1];

static __device__ __forceinline__ void load_tile(const struct mat &m, bool rows, int64_t first,
                                                 int64_t count, int64_t k, int64_t k_count,
                                                 side_tile to) {
    const bool k_dense = rows ? m.col_stride <= m.row_stride : m.row_stride <= m.col_stride;
    for (int e = threadIdx.x; e < TILE * DEPTH; e += THREADS) {
        int outer, depth;
        place(e, k_dense, &outer, &depth);
        float value = 0;
        if (first + outer < count && k + depth < k_count)
            value = rows ? load(m, first + outer, k + depth) : load(m, k + depth, first + outer);
        to[depth][outer] = value;
    }
}

/* Goes on through one pair of operands. */
static __device__ __forceinline__ void chain(const operands &w, int pair, int64_t row, int64_t col,
                                             side_tile a, side_tile b, float (&sum)[EACH][EACH]) {
    const int tx = threadIdx.x % SIDE, ty = threadIdx.x / SIDE;
    for (int64_t k = 0; k < w.k[pair]; k += DEPTH) {
        const int64_t left = w.k[pair] - k;
        load_tile(w.a[pair], true, row, w.m, k, w.k[pair], a);
        load_tile(w.b[pair], false, col, w.n, k, w.k[pair], b);
        __syncthreads();
        for (int d = 0; d < DEPTH && d < left; d++)
            for (int x = 0; x < EACH; x++)
                for (int y = 0; y < EACH; y++)
                    sum[x][y] = __fmaf_rn(a[d][ty * EACH + x], b[d][tx + y * SIDE], sum[x][y]);
        __syncthreads();
    }
}

/* ACT: of `add`. */
template <class C, class ACT>
static __global__ void __launch_bounds__(THREADS) product_any(operands w, C *c, const ACT *add) {
    __shared__ side_tile a, b;
    const int tx = threadIdx.x % SIDE, ty = threadIdx.x / SIDE;
    const int64_t row = (int64_t)blockIdx.y * TILE, col = (int64_t)blockIdx.x * TILE;
    float sum[EACH][EACH];
    for (int x = 0; x < EACH; x++)
        for (int y = 0; y < EACH; y++) {
            const int64_t i = row + ty * EACH + x, j = col + tx + y * SIDE;
            sum[x][y] = 0;
            if (i >= w.m || j >= w.n) continue;
            if (w.accumulate) sum[x][y] = to_float(c[i * w.c_stride + j]);
            if (w.bias.data) sum[x][y] += load(w.bias, 0, j);
        }
    chain(w, 0, row, col, a, b, sum);
    chain(w, 1, row, col, a, b, sum);
    for (int x = 0; x < EACH; x++)
        for (int y = 0; y < EACH; y++) {
            const int64_t i = row + ty * EACH + x, j = col + tx + y * SIDE;
            if (i >= w.m || j >= w.n) continue;
            if (add) sum[x][y] = __fadd_rn(sum[x][y], to_float(add[i * w.add_stride + j]));
            c[i * w.c_stride + j] = from_float<C>(sum[x][y]);
        }
}

template <class C, class ACT> static err run(struct compute *c, const struct product_args *args) {
    const operands w = {args->m,
                        args->n,
                        {args->k, args->more_k},
                        {args->a, args->more_a},
                        {args->b, args->more_b},
                        args->bias,
                        args->c_stride,
                        args->add_stride,
                        args->accumulate};
    const dim3 grid(n_blocks(w.n, TILE), n_blocks(w.m, TILE));
    return cuda_launch(c, "product", grid, THREADS, 0, product_any<C, ACT>, w, (C *)args->c,
                       (const ACT *)args->add);
}

extern "C" err cuda_product_any(struct compute *c, const struct product_args *args) {
    if (c->backend->act_dtype == DTYPE_F32) return run<float, float>(c, args);
    return args->c_is_gradient ? run<float, bf16>(c, args) : run<bf16, bf16>(c, args);
}
