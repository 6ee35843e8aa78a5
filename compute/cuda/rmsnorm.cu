/* SPDX-License-Identifier: Apache-2.0
 * Root-mean-square norm and its gradient, a block to a row. x and dy come from memory once: a row's
 * second reading finds them in the first-level cache.
 * dw in two passes: each block adds up the rows it has (every 512th) column by column, a thread its
 * own columns, and then those sums are folded in order.
 * Read next: compute/ops/rmsnorm.h, the contract; compute/cuda/columns.cuh. */
#include "compute/cuda/columns.cuh"
#include "compute/ops/rmsnorm.h"

enum {
    MAX_THREADS = 256,     /* row_threads */
    MAX_PARTS = 512,       /* blocks, where their sums are kept */
    MAX_SHARED = 12 << 10, /* floats of shared memory that every GPU gives a block */
};

template <class T>
static __global__ void __launch_bounds__(MAX_THREADS) rmsnorm(const struct rmsnorm_args a) {
    constexpr int N = vec<T>::N;
    const int64_t C = a.c, first = threadIdx.x * N, step = blockDim.x * N;
    const T *x = (const T *)a.x + blockIdx.x * C;
    T *y = (T *)a.y + blockIdx.x * C;
    float sum[1] = {0}, v[N], w[N];
    for (int64_t j = first; j < C; j += step) {
        load(x + j, C - j, v);
        for (int k = 0; k < N; k++) sum[0] = fmaf(v[k], v[k], sum[0]);
    }
    block_sum(sum);
    const float rstd = 1.0f / sqrtf(sum[0] / (float)C + a.eps);
    if (threadIdx.x == 0) a.rstd[blockIdx.x] = rstd;
    for (int64_t j = first; j < C; j += step) {
        load(x + j, C - j, v);
        load_mat(a.w, 0, j, C - j, w);
        for (int k = 0; k < N; k++) v[k] = w[k] * (v[k] * rstd);
        store(y + j, C - j, v);
    }
}

/* sum_j dy w x over a row, in every thread. */
template <class T>
static __device__ float row_dot(const struct rmsnorm_backward_args &a, const T *x, const T *dy) {
    constexpr int N = vec<T>::N;
    float sum[1] = {0};
    for (int64_t j = threadIdx.x * N; j < a.c; j += blockDim.x * N) {
        float v[N], d[N], w[N];
        load(x + j, a.c - j, v);
        load(dy + j, a.c - j, d);
        load_mat(a.w, 0, j, a.c - j, w);
        for (int k = 0; k < N; k++) sum[0] = fmaf(d[k] * w[k], v[k], sum[0]);
    }
    block_sum(sum);
    return sum[0];
}

/* part (gridDim.x, C): each block's share of dw; NULL: none. While a block adds it up it lies in
 * shared memory if `shared`. dx may be dy: a thread reads its columns before it writes them. */
template <class T>
static __global__ void __launch_bounds__(MAX_THREADS)
    backward(const struct rmsnorm_backward_args a, float *part, bool shared) {
    constexpr int N = vec<T>::N;
    extern __shared__ float smem[];
    const int64_t C = a.c, first = threadIdx.x * N, step = blockDim.x * N;
    float *out = part + (part ? blockIdx.x * C : 0), *sums = shared ? smem : out;
    for (int64_t t = blockIdx.x; t < a.n; t += gridDim.x) {
        const T *x = (const T *)a.x + t * C, *dy = (const T *)a.dy + t * C;
        T *dx = (T *)a.dx + t * C;
        const float rstd = a.rstd[t], along = -(rstd * rstd * (row_dot(a, x, dy) / (float)C));
        for (int64_t j = first; j < C; j += step) {
            float v[N], d[N], w[N], sum[N] = {};
            load(x + j, C - j, v);
            load(dy + j, C - j, d);
            load_mat(a.w, 0, j, C - j, w);
            if (part) {
                if (t != blockIdx.x) load(sums + j, C - j, sum);
                for (int k = 0; k < N; k++) sum[k] = fmaf(d[k], v[k] * rstd, sum[k]);
                store(sums + j, C - j, sum);
            }
            for (int k = 0; k < N; k++) v[k] = fmaf(v[k], along, d[k] * w[k]) * rstd;
            if (a.accumulate) {
                load(dx + j, C - j, w);
                for (int k = 0; k < N; k++) v[k] += w[k];
            }
            store(dx + j, C - j, v);
        }
    }
    if (!shared) return;
    for (int64_t j = first; j < C; j += step) {
        float sum[N];
        load(sums + j, C - j, sum);
        store(out + j, C - j, sum);
    }
}

template <class T> static err run(struct compute *c, const struct rmsnorm_args *a) {
    return cuda_launch(c, "rmsnorm", (unsigned)a->n, row_threads(n_blocks(a->c, vec<T>::N)), 0,
                       rmsnorm<T>, *a);
}

template <class T>
static err run_backward(struct compute *c, const struct rmsnorm_backward_args *a) {
    const unsigned threads = row_threads(n_blocks(a->c, vec<T>::N));
    const int64_t most = a->dw ? MAX_PARTS : INT32_MAX, n_parts = a->n < most ? a->n : most;
    const bool shared = a->dw && a->c <= MAX_SHARED;
    void *part = NULL;
    if (a->dw) TRY(cuda_scratch(c, (size_t)(n_parts * a->c) * sizeof(float), &part));
    TRY(cuda_launch(c, "rmsnorm_backward", (unsigned)n_parts, threads,
                    shared ? (size_t)a->c * sizeof(float) : 0, backward<T>, *a, (float *)part,
                    shared));
    return a->dw ? fold_columns(c, n_parts, a->c, (const float *)part, a->dw) : ERR_OK;
}

extern "C" err cuda_rmsnorm(struct compute *c, const struct rmsnorm_args *a) {
    BUG_IF(a->w.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_rmsnorm_backward(struct compute *c, const struct rmsnorm_backward_args *a) {
    BUG_IF(a->w.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run_backward, c, a);
}
