/* SPDX-License-Identifier: Apache-2.0
 * A constant factor: one thread an element, a grid-stride loop. The pattern for an operation's
 * file: kernels over the activations' type, then the entry that picks it.
 * Read next: compute/ops/scale.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/scale.h"

enum { THREADS = 256, ELEMENTS_A_THREAD = 4 };

template <class T>
static __global__ void __launch_bounds__(THREADS) scale(int64_t n, float s, const T *x, T *y) {
    const int64_t step = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += step)
        y[i] = from_float<T>(s * to_float(x[i]));
}

template <class T> static err run(struct compute *c, const struct scale_args *a) {
    return cuda_launch(c, "scale", n_blocks(a->n, THREADS * ELEMENTS_A_THREAD), THREADS, 0,
                       scale<T>, a->n, a->s, (const T *)a->x, (T *)a->y);
}

extern "C" err cuda_scale(struct compute *c, const struct scale_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
