/* SPDX-License-Identifier: Apache-2.0
 * Uniform noise: a block to a row, 16 bytes a thread. The numbers are drawn where they are needed,
 * so that nothing has to be kept.
 * Read next: compute/ops/noise.h, the contract; compute/cuda/philox.cuh. */
#include "compute/cuda/philox.cuh"
#include "compute/ops/noise.h"

enum { MAX_THREADS = 256 /* row_threads */ };

template <class T>
static __global__ void __launch_bounds__(MAX_THREADS)
    noise(const struct noise_args a, const struct philox_stream stream) {
    constexpr int N = vec<T>::N;
    const int64_t t = blockIdx.x;
    const uint64_t index = (uint64_t)(a.row[t] * a.c);
    const T *x = (const T *)a.x + t * a.c;
    T *y = (T *)a.y + t * a.c;
    const float scale = a.scale[t];
    for (int64_t j = threadIdx.x * N; j < a.c; j += blockDim.x * N) {
        float v[N];
        uint32_t drawn[N];
        load(x + j, a.c - j, v);
        draw(stream, index + (uint64_t)j, drawn);
        for (int k = 0; k < N; k++) {
            const int odd = (int)(2 * (drawn[k] >> 8) + 1) - (1 << 24);
            v[k] = fmaf(scale, (float)odd * 0x1p-24f, v[k]);
        }
        store(y + j, a.c - j, v);
    }
}

template <class T> static err run(struct compute *c, const struct noise_args *a) {
    return cuda_launch(c, "noise", (unsigned)a->n, row_threads(n_blocks(a->c, vec<T>::N)), 0,
                       noise<T>, *a, philox_stream_of({a->seed, RNG_NOISE, a->step}));
}

extern "C" err cuda_noise(struct compute *c, const struct noise_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
