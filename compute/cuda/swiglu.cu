/* SPDX-License-Identifier: Apache-2.0
 * Feed-forward activation and its gradient, each in one pass, since they wait for memory alone: 16
 * bytes of each operand a thread.
 * Read next: compute/ops/swiglu.h, the contract; compute/cuda/scale.cu. */
#include "compute/cuda/device.cuh"
#include "compute/ops/swiglu.h"

enum { THREADS = 256 };

static __device__ __forceinline__ float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

template <class T>
static __global__ void __launch_bounds__(THREADS) swiglu(const struct swiglu_args a) {
    constexpr int N = vec<T>::N;
    const int64_t i = flat_index<N>(), left = a.n - i;
    float up[N], gate[N], h[N];
    if (left <= 0) return;
    load((const T *)a.up + i, left, up);
    load((const T *)a.gate + i, left, gate);
    for (int k = 0; k < N; k++) h[k] = gate[k] * (up[k] * sigmoid(up[k]));
    store((T *)a.h + i, left, h);
}

/* All is read before anything is written: the results may take the operands' places. */
template <class T>
static __global__ void __launch_bounds__(THREADS) backward(const struct swiglu_backward_args a) {
    constexpr int N = vec<T>::N;
    const int64_t i = flat_index<N>(), left = a.n - i;
    float up[N], gate[N], dh[N];
    if (left <= 0) return;
    load((const T *)a.up + i, left, up);
    load((const T *)a.gate + i, left, gate);
    load((const T *)a.dh + i, left, dh);
    for (int k = 0; k < N; k++) {
        const float u = up[k], s = sigmoid(u);
        up[k] = dh[k] * gate[k] * (s * fmaf(u, 1.0f - s, 1.0f));
        gate[k] = dh[k] * (u * s);
    }
    store((T *)a.dup + i, left, up);
    store((T *)a.dgate + i, left, gate);
}

template <class T> static err run(struct compute *c, const struct swiglu_args *a) {
    return cuda_launch(c, "swiglu", n_blocks(a->n, THREADS * vec<T>::N), THREADS, 0, swiglu<T>, *a);
}
template <class T>
static err run_backward(struct compute *c, const struct swiglu_backward_args *a) {
    return cuda_launch(c, "swiglu_backward", n_blocks(a->n, THREADS * vec<T>::N), THREADS, 0,
                       backward<T>, *a);
}

extern "C" err cuda_swiglu(struct compute *c, const struct swiglu_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_swiglu_backward(struct compute *c, const struct swiglu_backward_args *a) {
    return CUDA_BY_ACT(c, run_backward, c, a);
}
