/* SPDX-License-Identifier: Apache-2.0
 * A constant factor: 16 bytes a thread, and blocks for all of them. Such a kernel waits for memory
 * alone; enough threads are on their way at once to keep it busy without a loop.
 * Read next: compute/ops/scale.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/scale.h"

enum { THREADS = 256 };

template <class T>
static __global__ void __launch_bounds__(THREADS) scale(const struct scale_args a) {
    constexpr int N = vec<T>::N;
    const int64_t i = flat_index<N>(), left = a.n - i;
    float v[N];
    if (left <= 0) return;
    load((const T *)a.x + i, left, v);
    for (int k = 0; k < N; k++) v[k] *= a.s;
    store((T *)a.y + i, left, v);
}

template <class T> static err run(struct compute *c, const struct scale_args *a) {
    return cuda_launch(c, "scale", n_blocks(a->n, THREADS * vec<T>::N), THREADS, 0, scale<T>, *a);
}

extern "C" err cuda_scale(struct compute *c, const struct scale_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
