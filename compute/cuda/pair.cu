/* SPDX-License-Identifier: Apache-2.0
 * Rows paired with the row before, and the gradient of that: a block to a row, and a thread to 16
 * bytes of the row of pairs, half as much of the others. A row's neighbour was read a moment ago by
 * another block, so it comes from the second-level cache.
 * Read next: compute/ops/pair.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/pair.h"

enum { MAX_THREADS = 256 /* row_threads */ };

template <class T>
static __global__ void __launch_bounds__(MAX_THREADS) pair(const struct pair_args a) {
    constexpr int N = vec<T>::N, HALF = N / 2;
    const int64_t t = blockIdx.x, C = a.c;
    const int64_t row = a.before_row ? a.before_row[t] : -1;
    const T *x = (const T *)a.x + t * C;
    const T *before = row < 0 ? x - C : (const T *)a.before + row * C;
    const int64_t n_before = a.link[t] ? C : 0; /* columns of it; zeros behind */
    T *y = (T *)a.y + 2 * t * C;
    for (int64_t j = threadIdx.x * HALF; j < C; j += blockDim.x * HALF) {
        T first[HALF], second[HALF], both[N];
        load_raw(before + j, n_before - j, first);
        load_raw(x + j, C - j, second);
        for (int k = 0; k < HALF; k++) both[2 * k] = first[k], both[2 * k + 1] = second[k];
        store_raw(y + 2 * j, 2 * (C - j), both);
    }
}

template <class T>
static __global__ void __launch_bounds__(MAX_THREADS) unpair(const struct unpair_args a) {
    constexpr int N = vec<T>::N, HALF = N / 2;
    const int64_t t = blockIdx.x, C = a.c;
    const T *dy = (const T *)a.dy + 2 * t * C;
    const int64_t n_next = t + 1 < a.n && a.link[t + 1] ? 2 * C : 0;
    T *dx = (T *)a.dx + t * C;
    for (int64_t j = threadIdx.x * HALF; j < C; j += blockDim.x * HALF) {
        float own[N], next[N], sum[HALF], present[HALF];
        load(dy + 2 * j, 2 * (C - j), own);
        load(dy + 2 * (C + j), n_next - 2 * j, next);
        for (int k = 0; k < HALF; k++) sum[k] = own[2 * k + 1] + next[2 * k];
        if (a.accumulate) {
            load(dx + j, C - j, present);
            for (int k = 0; k < HALF; k++) sum[k] += present[k];
        }
        store(dx + j, C - j, sum);
    }
}

template <class T> static err run(struct compute *c, const struct pair_args *a) {
    return cuda_launch(c, "pair", (unsigned)a->n, row_threads(n_blocks(a->c, vec<T>::N / 2)), 0,
                       pair<T>, *a);
}
template <class T> static err run_unpair(struct compute *c, const struct unpair_args *a) {
    return cuda_launch(c, "unpair", (unsigned)a->n, row_threads(n_blocks(a->c, vec<T>::N / 2)), 0,
                       unpair<T>, *a);
}

extern "C" err cuda_pair(struct compute *c, const struct pair_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_unpair(struct compute *c, const struct unpair_args *a) {
    return CUDA_BY_ACT(c, run_unpair, c, a);
}
