/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of rows of logits and its gradient. A thread block has CROSS_ENTROPY_BLOCK logits
 * of one row, all in registers, so they are read once: their largest and their sum below it. Then a
 * warp a row folds those in the vocabulary's order. So there is work for the whole GPU with few
 * rows too, and ranges of whole blocks do not show in the bits.
 * Exponentials are made below the block's own largest logit and brought to the row's in the fold.
 * Read next: compute/ops/cross_entropy.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/cross_entropy.h"

enum {
    THREADS = 256,
    LOGITS_A_THREAD = CROSS_ENTROPY_BLOCK / THREADS,
    FOLD_THREADS = 64, /* so that 1024 rows are enough for a large GPU */
};

/* Of one block of a row: the largest logit, and the sum of exp(logit - largest). */
struct part {
    float most, sum;
};

/* Where a thread block works. */
struct place {
    int64_t row, column, left; /* left: logits of the row from `column` on */
};
static __device__ __forceinline__ struct place own_place(int64_t v, int64_t blocks_a_row) {
    const int64_t block = blockIdx.x, row = block / blocks_a_row,
                  column = (block - row * blocks_a_row) * CROSS_ENTROPY_BLOCK;
    return {row, column, v - column};
}

/* The sum below `to` of two sums below their own largest logits. Nothing below -inf: 0. */
static __device__ __forceinline__ float below(struct part p, float to) {
    return p.most == -INFINITY ? 0.0f : p.sum * expf(p.most - to);
}

/* Over all threads of the block, right in the first. */
static __device__ __forceinline__ struct part block_part(struct part own) {
    __shared__ struct part of_warp[THREADS / 32];
    struct part p = {warp_max(own.most), 0};
    p.sum = warp_sum(below(own, p.most));
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = p;
    __syncthreads();
    p = of_warp[0];
    for (int w = 1; w < THREADS / 32; w++) p.most = fmaxf(p.most, of_warp[w].most);
    p.sum = 0;
    for (int w = 0; w < THREADS / 32; w++) p.sum += below(of_warp[w], p.most);
    return p;
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    sum_blocks(int64_t v, int64_t blocks_a_row, const T *z, struct part *parts) {
    constexpr int N = vec<T>::N;
    const struct place at = own_place(v, blocks_a_row);
    const T *own = z + at.row * v + at.column;
    float x[LOGITS_A_THREAD / N][N];
    struct part p = {-INFINITY, 0};
#pragma unroll
    for (int i = 0; i < LOGITS_A_THREAD / N; i++) {
        const int64_t j = (i * THREADS + (int)threadIdx.x) * N;
        load(own + j, at.left - j, x[i]);
        for (int k = 0; k < N; k++) {
            if (j + k >= at.left) x[i][k] = -INFINITY;
            p.most = fmaxf(p.most, x[i][k]);
        }
    }
    if (p.most > -INFINITY) {
#pragma unroll
        for (int i = 0; i < LOGITS_A_THREAD / N; i++)
            for (int k = 0; k < N; k++) p.sum += expf(x[i][k] - p.most);
    }
    p = block_part(p);
    if (threadIdx.x == 0) parts[blockIdx.x] = p;
}

/* A warp a row. */
template <class T>
static __global__ void __launch_bounds__(FOLD_THREADS)
    fold(const struct cross_entropy_args a, int64_t blocks_a_row, const struct part *parts) {
    const int lane = threadIdx.x % 32;
    const int64_t r = ((int64_t)blockIdx.x * FOLD_THREADS + threadIdx.x) / 32;
    if (r >= a.n) return;
    struct part row = {-INFINITY, 0};
    if (a.first) row = {a.most[r], a.sum[r]};
    for (int64_t b = 0; b < blocks_a_row; b += 32) {
        struct part own = {-INFINITY, 0};
        if (b + lane < blocks_a_row) own = parts[r * blocks_a_row + b + lane];
        for (int i = 0; i < 32 && b + i < blocks_a_row; i++) {
            const struct part next = {__shfl_sync(~0u, own.most, i), __shfl_sync(~0u, own.sum, i)};
            const float most = fmaxf(row.most, next.most);
            row = {most, below(row, most) + below(next, most)};
        }
    }
    __syncwarp(); /* most and sum were read by all lanes */
    if (lane) return;
    const int64_t at = a.target[r] - a.first;
    float loss = a.first ? a.loss[r] : 0.0f;
    if (at >= 0 && at < a.v) loss = -to_float(((const T *)a.z)[r * a.v + at]);
    a.most[r] = row.most;
    a.sum[r] = row.sum;
    a.loss[r] = a.last ? logf(row.sum) + (loss + row.most) : loss;
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    backward(const struct cross_entropy_backward_args a, int64_t blocks_a_row) {
    constexpr int N = vec<T>::N;
    const struct place at = own_place(a.v, blocks_a_row);
    T *own = (T *)a.z + at.row * a.v + at.column;
    const int64_t target = a.target[at.row] - a.first - at.column;
    const float most = a.most[at.row], each = 1.0f / a.sum[at.row];
#pragma unroll
    for (int i = 0; i < LOGITS_A_THREAD / N; i++) {
        const int64_t j = (i * THREADS + (int)threadIdx.x) * N;
        float x[N];
        load(own + j, at.left - j, x);
        for (int k = 0; k < N; k++) {
            const float p = expf(x[k] - most) * each;
            x[k] = a.scale * (j + k == target ? p - 1.0f : p);
        }
        store(own + j, at.left - j, x);
    }
}

template <class T> static err run(struct compute *c, const struct cross_entropy_args *a) {
    const int64_t blocks_a_row = n_blocks(a->v, CROSS_ENTROPY_BLOCK);
    void *parts = NULL;
    TRY(cuda_scratch(c, (size_t)(a->n * blocks_a_row) * sizeof(struct part), &parts));
    TRY(cuda_launch(c, "cross_entropy", (unsigned)(a->n * blocks_a_row), THREADS, 0, sum_blocks<T>,
                    a->v, blocks_a_row, (const T *)a->z, (struct part *)parts));
    return cuda_launch(c, "cross_entropy", n_blocks(a->n, FOLD_THREADS / 32), FOLD_THREADS, 0,
                       fold<T>, *a, blocks_a_row, (const struct part *)parts);
}

template <class T>
static err run_backward(struct compute *c, const struct cross_entropy_backward_args *a) {
    const int64_t blocks_a_row = n_blocks(a->v, CROSS_ENTROPY_BLOCK);
    return cuda_launch(c, "cross_entropy_backward", (unsigned)(a->n * blocks_a_row), THREADS, 0,
                       backward<T>, *a, blocks_a_row);
}

extern "C" err cuda_cross_entropy(struct compute *c, const struct cross_entropy_args *a) {
    BUG_IF(a->first % CROSS_ENTROPY_BLOCK);
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_cross_entropy_backward(struct compute *c,
                                           const struct cross_entropy_backward_args *a) {
    return CUDA_BY_ACT(c, run_backward, c, a);
}
