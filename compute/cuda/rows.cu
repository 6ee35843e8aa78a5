/* SPDX-License-Identifier: Apache-2.0
 * Sums over rows, the gradient of a bias: slices of the rows first, then those sums in order, so
 * that a GPU's many blocks share the rows and the order is still the same on each.
 * Read next: compute/ops/rows.h, the contract; compute/cuda/columns.cuh. */
#include "compute/cuda/columns.cuh"
#include "compute/ops/rows.h"

/* part[slice][j] = the sum over a slice's rows. */
template <class T>
static __global__ void __launch_bounds__(COLUMN_THREADS)
    sum_slices(const struct sum_rows_args a, int64_t rows, float *part) {
    constexpr int N = vec<T>::N;
    const int64_t j = own_column<N>(), left = a.c - j;
    const int64_t begin = blockIdx.x * rows, end = begin + rows < a.n ? begin + rows : a.n;
    float sum[N] = {};
    if (left <= 0) return;
#pragma unroll 8
    for (int64_t t = begin; t < end; t++) {
        float v[N];
        load((const T *)a.dy + t * a.c + j, left, v);
        for (int k = 0; k < N; k++) sum[k] += v[k];
    }
    store(part + blockIdx.x * a.c + j, left, sum);
}

template <class T> static err run(struct compute *c, const struct sum_rows_args *a) {
    const int64_t rows = column_slice(a->n);
    const dim3 grid = column_grid(a->n, rows, a->c, vec<T>::N);
    void *part;
    TRY(cuda_scratch(c, grid.x * (size_t)a->c * sizeof(float), &part));
    TRY(cuda_launch(c, "sum_rows", grid, COLUMN_THREADS, 0, sum_slices<T>, *a, rows,
                    (float *)part));
    return fold_columns(c, grid.x, a->c, (const float *)part, a->db);
}

extern "C" err cuda_sum_rows(struct compute *c, const struct sum_rows_args *a) {
    return CUDA_BY_ACT(c, run, c, a);
}
