/* SPDX-License-Identifier: Apache-2.0
 * Rotary embedding in place: a block to a row, and a thread to W elements of a vector's lower half
 * and the W of its upper half that turn with them.
 * Read next: compute/ops/rope.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/rope.h"

enum { MAX_THREADS = 256 /* row_threads */ };

template <class T, int W>
static __global__ void __launch_bounds__(MAX_THREADS) rope(const struct rope_args a) {
    const int64_t half = a.d / 2, angles = a.position[blockIdx.x] * half;
    const float sign = a.inverse ? -1.0f : 1.0f;
    const unsigned parts = (unsigned)(half / W), n = (unsigned)a.n_vectors * parts;
    T *row = (T *)a.x + blockIdx.x * a.row_stride;
    for (unsigned i = threadIdx.x; i < n; i += blockDim.x) {
        const int64_t at = i % parts * W;
        T *x = row + i / parts * a.d + at;
        float low[W], high[W], cos[W], sin[W];
        load(a.cos + angles + at, W, cos);
        load(a.sin + angles + at, W, sin);
        load(x, W, low);
        load(x + half, W, high);
        for (int k = 0; k < W; k++) {
            const float s = sin[k] * sign, was = low[k];
            low[k] = fmaf(was, cos[k], -(high[k] * s));
            high[k] = fmaf(high[k], cos[k], was * s);
        }
        store(x, W, low);
        store(x + half, W, high);
    }
}

template <class T, int W> static err run_width(struct compute *c, const struct rope_args *a) {
    return cuda_launch(c, "rope", (unsigned)a->n, row_threads(a->n_vectors * (a->d / 2 / W)), 0,
                       rope<T, W>, *a);
}
template <class T> static err run(struct compute *c, const struct rope_args *a) {
    return a->d / 2 % vec<T>::N == 0 ? run_width<T, vec<T>::N>(c, a) : run_width<T, 1>(c, a);
}

extern "C" err cuda_rope(struct compute *c, const struct rope_args *a) {
    BUG_IF(a->d % 2 != 0);
    return CUDA_BY_ACT(c, run, c, a);
}
