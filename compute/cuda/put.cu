/* SPDX-License-Identifier: Apache-2.0
 * Rows put where an index says: how a decoder's keys, values and filter rows get into its cache. A
 * block to a row, by 16 bytes where heads are made of such.
 * Read next: compute/ops/put.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/put.h"

enum { MAX_THREADS = 256 /* row_threads */ };

/* W elements at once; it divides the head size. */
template <class T, int W>
static __global__ void __launch_bounds__(MAX_THREADS) put(const struct put_args a) {
    const int64_t row = a.index[blockIdx.x];
    if (row < 0) return;
    const T *from = (const T *)a.from + blockIdx.x * a.from_row;
    T *to = (T *)a.to + row * a.to_row;
    const unsigned parts = (unsigned)(a.d / W), n = (unsigned)a.h * parts; /* of a head, of a row */
    for (unsigned i = threadIdx.x; i < n; i += blockDim.x) {
        const int64_t head = i / parts, j = i % parts * W;
        T v[W];
        load_raw(from + head * a.from_head_stride + j, W, v);
        store_raw(to + head * a.to_head_stride + j, W, v);
    }
}

template <class T, int W> static err run_width(struct compute *c, const struct put_args *a) {
    return cuda_launch(c, "put", (unsigned)a->n, row_threads(a->h * a->d / W), 0, put<T, W>, *a);
}
template <class T> static err run(struct compute *c, const struct put_args *a) {
    return a->d % vec<T>::N == 0 ? run_width<T, vec<T>::N>(c, a) : run_width<T, 1>(c, a);
}

extern "C" err cuda_put(struct compute *c, const struct put_args *a) {
    BUG_IF(a->to_turned);
    return CUDA_BY_ACT(c, run, c, a);
}
