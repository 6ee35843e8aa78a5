/* SPDX-License-Identifier: Apache-2.0
 * DoRA's rescaling and its gradient. A thread has a few columns side by side and follows them down
 * a slice of the rows, so that the ratios stay in registers; dm in two passes, the slices' sums
 * folded in order.
 * Read next: compute/ops/magnitude.h, the contract; compute/cuda/columns.cuh. */
#include "compute/cuda/columns.cuh"
#include "compute/ops/magnitude.h"

static constexpr int64_t SLICE = 32; /* rows of one, where nothing is summed */

/* m / norm, 1 where the norm is 0. */
template <int N>
static __device__ __forceinline__ void load_ratio(const float *m, const float *norm, int64_t left,
                                                  float (&ratio)[N]) {
    float length[N];
    load(m, left, ratio);
    load(norm, left, length);
    for (int k = 0; k < N; k++) ratio[k] = length[k] > 0 ? ratio[k] / length[k] : 1.0f;
}

template <class T>
static __global__ void __launch_bounds__(COLUMN_THREADS) magnitude(const struct magnitude_args a) {
    constexpr int N = vec<T>::N;
    const int64_t j = own_column<N>(), left = a.c - j, begin = (int64_t)blockIdx.x * SLICE,
                  end = begin + SLICE < a.n ? begin + SLICE : a.n;
    if (left <= 0) return;
    float ratio[N], bias[N] = {};
    load_ratio(a.m + j, a.norm + j, left, ratio);
    if (a.b.data && !a.w) load_mat(a.b, 0, j, left, bias);
    for (int64_t t = begin; t < end; t++) {
        T *y = (T *)a.y + t * a.y_stride + j;
        float z[N], sum[N], base[N];
        load((const T *)a.z + t * a.c + j, left, z);
        load(y, left, sum);
        if (a.w) load((const T *)a.w + t * a.c + j, left, base);
        for (int k = 0; k < N; k++) {
            base[k] = (a.w ? base[k] : sum[k] - bias[k]) + z[k];
            sum[k] += fmaf(ratio[k] - 1.0f, base[k], z[k]);
        }
        store((T *)a.v + t * a.c + j, left, base);
        store(y, left, sum);
    }
}

/* part (gridDim.x, C): the slices' sums for dm, where it is wanted. */
template <class T>
static __global__ void __launch_bounds__(COLUMN_THREADS)
    backward(const struct magnitude_backward_args a, int64_t slice, float *part) {
    constexpr int N = vec<T>::N;
    const int64_t j = own_column<N>(), left = a.c - j, begin = (int64_t)blockIdx.x * slice,
                  end = begin + slice < a.n ? begin + slice : a.n;
    if (left <= 0) return;
    float ratio[N], norm[N], sum[N] = {};
    load_ratio(a.m + j, a.norm + j, left, ratio);
    load(a.norm + j, left, norm);
    for (int64_t t = begin; t < end; t++) {
        float dy[N], v[N];
        load((const T *)a.dy + t * a.dy_stride + j, left, dy);
        if (part) {
            load((const T *)a.v + t * a.c + j, left, v);
            for (int k = 0; k < N; k++) sum[k] += norm[k] > 0 ? dy[k] * v[k] / norm[k] : 0.0f;
        }
        for (int k = 0; k < N; k++) dy[k] *= ratio[k] - a.shift;
        store((T *)a.dz + t * a.c + j, left, dy);
    }
    if (part) store(part + blockIdx.x * a.c + j, left, sum);
}

template <class T> static err run(struct compute *c, const struct magnitude_args *a) {
    return cuda_launch(c, "magnitude", column_grid(a->n, SLICE, a->c, vec<T>::N), COLUMN_THREADS, 0,
                       magnitude<T>, *a);
}

template <class T>
static err run_backward(struct compute *c, const struct magnitude_backward_args *a) {
    const int64_t slice = a->dm ? column_slice(a->n) : SLICE;
    const unsigned n_parts = n_blocks(a->n, slice);
    void *part = NULL;
    if (a->dm) TRY(cuda_scratch(c, (size_t)(n_parts * a->c) * sizeof(float), &part));
    TRY(cuda_launch(c, "magnitude_backward", column_grid(a->n, slice, a->c, vec<T>::N),
                    COLUMN_THREADS, 0, backward<T>, *a, slice, (float *)part));
    return a->dm ? fold_columns(c, n_parts, a->c, (const float *)part, a->dm) : ERR_OK;
}

extern "C" err cuda_magnitude(struct compute *c, const struct magnitude_args *a) {
    BUG_IF(a->b.data && a->b.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_magnitude_backward(struct compute *c, const struct magnitude_backward_args *a) {
    return CUDA_BY_ACT(c, run_backward, c, a);
}
