/* SPDX-License-Identifier: Apache-2.0
 * Queries and keys from one projection, and the gradient of that: a thread has a few columns of p,
 * whose weights it keeps while it walks down rows. The parameters' gradients are summed by slices
 * of rows and then folded in order. Columns side by side belong to one head: W of them where W
 * divides the head size, else one.
 * Read next: compute/ops/shareqk.h, the contract; compute/cuda/columns.cuh. */
#include "compute/cuda/columns.cuh"
#include "compute/ops/shareqk.h"

enum { ROWS_A_SLICE = 8 };

/* Where column c of p has its query in a row of qk; its key lies d behind. */
static __device__ __forceinline__ int64_t query_place(int64_t c, int64_t d) {
    return c + c / d * d;
}

template <class T, int W>
static __global__ void __launch_bounds__(COLUMN_THREADS) shareqk(const struct shareqk_args a) {
    const int64_t C = a.h * a.d, j = own_column<W>(), to = query_place(j, a.d);
    const int64_t begin = (int64_t)blockIdx.x * ROWS_A_SLICE;
    const int64_t end = begin + ROWS_A_SLICE < a.n ? begin + ROWS_A_SLICE : a.n;
    float wq[W], wk[W], bq[W], bk[W];
    if (j >= C) return;
    load_mat(a.w, 0, j, W, wq);
    load_mat(a.w, 1, j, W, wk);
    load_mat(a.b, 0, j, W, bq);
    load_mat(a.b, 1, j, W, bk);
#pragma unroll 2
    for (int64_t t = begin; t < end; t++) {
        float p[W], q[W], k[W];
        load((const T *)a.p + t * C + j, W, p);
        for (int i = 0; i < W; i++)
            q[i] = fmaf(wq[i], p[i], bq[i]), k[i] = fmaf(wk[i], p[i], bk[i]);
        store((T *)a.qk + t * 2 * C + to, W, q);
        store((T *)a.qk + t * 2 * C + to + a.d, W, k);
    }
}

/* dw_part, db_part (slices,2,C): each slice's share; NULL: frozen. */
template <class T, int W>
static __global__ void __launch_bounds__(COLUMN_THREADS)
    backward(const struct shareqk_backward_args a, int64_t rows, float *dw_part, float *db_part) {
    const int64_t C = a.h * a.d, j = own_column<W>(), from = query_place(j, a.d);
    const int64_t begin = blockIdx.x * rows, end = begin + rows < a.n ? begin + rows : a.n;
    float w[2][W], dw[2][W] = {}, db[2][W] = {};
    if (j >= C) return;
    for (int s = 0; s < 2; s++) load_mat(a.w, s, j, W, w[s]);
#pragma unroll 2
    for (int64_t t = begin; t < end; t++) {
        float p[W], d[2][W];
        load((const T *)a.p + t * C + j, W, p);
        for (int s = 0; s < 2; s++) load((const T *)a.dqk + t * 2 * C + from + s * a.d, W, d[s]);
        for (int s = 0; s < 2; s++)
            for (int i = 0; i < W; i++) {
                dw[s][i] = fmaf(p[i], d[s][i], dw[s][i]);
                db[s][i] += d[s][i];
            }
        for (int i = 0; i < W; i++) p[i] = fmaf(w[1][i], d[1][i], w[0][i] * d[0][i]);
        store((T *)a.dp + t * C + j, W, p);
    }
    for (int s = 0; s < 2; s++) {
        const int64_t to = (2 * (int64_t)blockIdx.x + s) * C + j;
        if (dw_part) store(dw_part + to, W, dw[s]);
        if (db_part) store(db_part + to, W, db[s]);
    }
}

template <class T, int W> static err run_width(struct compute *c, const struct shareqk_args *a) {
    return cuda_launch(c, "shareqk", column_grid(a->n, ROWS_A_SLICE, a->h * a->d, W),
                       COLUMN_THREADS, 0, shareqk<T, W>, *a);
}
template <class T> static err run(struct compute *c, const struct shareqk_args *a) {
    return a->d % vec<T>::N == 0 ? run_width<T, vec<T>::N>(c, a) : run_width<T, 1>(c, a);
}

template <class T, int W>
static err backward_width(struct compute *c, const struct shareqk_backward_args *a) {
    const int64_t C = a->h * a->d, rows = column_slice(a->n);
    const dim3 grid = column_grid(a->n, rows, C, W);
    const int64_t sums = grid.x * 2 * C;
    void *scratch = NULL;
    if (a->dw || a->db) TRY(cuda_scratch(c, (size_t)(2 * sums) * sizeof(float), &scratch));
    float *dw_part = a->dw ? (float *)scratch : NULL;
    float *db_part = a->db ? (float *)scratch + sums : NULL;
    TRY(cuda_launch(c, "shareqk_backward", grid, COLUMN_THREADS, 0, backward<T, W>, *a, rows,
                    dw_part, db_part));
    if (a->dw) TRY(fold_columns(c, grid.x, 2 * C, dw_part, a->dw));
    return a->db ? fold_columns(c, grid.x, 2 * C, db_part, a->db) : ERR_OK;
}
template <class T>
static err run_backward(struct compute *c, const struct shareqk_backward_args *a) {
    return a->d % vec<T>::N == 0 ? backward_width<T, vec<T>::N>(c, a) : backward_width<T, 1>(c, a);
}

extern "C" err cuda_shareqk(struct compute *c, const struct shareqk_args *a) {
    BUG_IF(a->w.dtype > DTYPE_F16 || a->b.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_shareqk_backward(struct compute *c, const struct shareqk_backward_args *a) {
    BUG_IF(a->w.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run_backward, c, a);
}
