/* SPDX-License-Identifier: Apache-2.0
 * Residual sum: 16 bytes of each operand a thread, which is what keeps memory busy with the fewest
 * instructions.
 * Read next: compute/ops/add.h, the contract; compute/cuda/scale.cu. */
#include "compute/cuda/device.cuh"
#include "compute/ops/add.h"

enum { THREADS = 256 };

template <class T>
static __global__ void __launch_bounds__(THREADS) add(const struct add_args args) {
    constexpr int N = vec<T>::N;
    const int64_t i = flat_index<N>(), left = args.n - i;
    float a[N], b[N];
    if (left <= 0) return;
    load((const T *)args.a + i, left, a);
    load((const T *)args.b + i, left, b);
    for (int k = 0; k < N; k++) a[k] += b[k];
    store((T *)args.y + i, left, a);
}

template <class T> static err run(struct compute *c, const struct add_args *a) {
    return cuda_launch(c, "add", n_blocks(a->n, THREADS * vec<T>::N), THREADS, 0, add<T>, *a);
}

extern "C" err cuda_add(struct compute *c, const struct add_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
