/* SPDX-License-Identifier: Apache-2.0
 * Embedding lookup, a block to a token. Its gradient needs each row's tokens in order: tokens are
 * first sorted by id by counting those before them (every token against every other, which for the
 * tokens of a pass takes less than the rows' own traffic), then a block follows each id's stretch,
 * a thread its own columns.
 * Read next: compute/ops/embed.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/embed.h"

enum {
    MAX_THREADS = 256, /* row_threads */
    SORT_THREADS = 128,
    TOKENS = 4, /* that a warp places at once: each id it reads serves for all of them */
    W = 4,      /* columns of dw a thread, 16 bytes */
};

template <class T>
static __global__ void __launch_bounds__(MAX_THREADS) embed(const struct embed_args a) {
    constexpr int N = vec<T>::N;
    const int64_t row = a.ids[blockIdx.x];
    T *x = (T *)a.x + blockIdx.x * a.c;
    for (int64_t j = threadIdx.x * N; j < a.c; j += blockDim.x * N) {
        float v[N];
        load_mat(a.w, row, j, a.c - j, v);
        store(x + j, a.c - j, v);
    }
}

/* What a token needs to know of the others. */
struct place {
    int smaller, earlier, same; /* ids below its own; its own id before it, and anywhere */
};

/* order[p] = the token in place p of those sorted by id and number; length[p] = how many have its
 * id if it is the first of them and the id is not skipped, else 0. A warp for TOKENS tokens. */
static __global__ void __launch_bounds__(SORT_THREADS)
    sort(int64_t n, const int32_t *ids, int64_t skip_id, int32_t *order, int32_t *length) {
    const int lane = threadIdx.x & 31;
    const int64_t first = (blockIdx.x * (SORT_THREADS / 32) + (threadIdx.x >> 5)) * TOKENS;
    struct place place[TOKENS] = {};
    int32_t id[TOKENS];
    if (first >= n) return;
    for (int k = 0; k < TOKENS; k++) id[k] = first + k < n ? ids[first + k] : -1;
#pragma unroll 4
    for (int64_t s = lane; s < n; s += 32) {
        const int32_t other = ids[s];
        for (int k = 0; k < TOKENS; k++) {
            place[k].smaller += other < id[k];
            place[k].same += other == id[k];
            place[k].earlier += other == id[k] && s < first + k;
        }
    }
    for (int k = 0; k < TOKENS; k++) {
        const int smaller = warp_sum(place[k].smaller), same = warp_sum(place[k].same);
        const int earlier = warp_sum(place[k].earlier);
        if (lane != 0 || first + k >= n) continue;
        order[smaller + earlier] = (int32_t)(first + k);
        length[smaller + earlier] = earlier == 0 && id[k] != skip_id ? same : 0;
    }
}

/* dw of the id whose stretch begins at place blockIdx.x, in ascending order of its tokens. */
template <class T>
static __global__ void __launch_bounds__(MAX_THREADS)
    backward(const struct embed_backward_args a, const int32_t *order, const int32_t *length) {
    const int64_t n = length[blockIdx.x];
    if (n == 0) return;
    const int32_t *token = order + blockIdx.x;
    const int64_t j = ((int64_t)blockIdx.y * blockDim.x + threadIdx.x) * W, left = a.c - j;
    if (left <= 0) return;
    float *dw = a.dw + a.ids[token[0]] * a.c + j, sum[W];
    load(dw, left, sum);
#pragma unroll 8
    for (int64_t i = 0; i < n; i++) {
        float v[W];
        load((const T *)a.dx + token[i] * a.c + j, left, v);
        for (int k = 0; k < W; k++) sum[k] += v[k];
    }
    store(dw, left, sum);
}

template <class T> static err run(struct compute *c, const struct embed_args *a) {
    return cuda_launch(c, "embed", (unsigned)a->n, row_threads(n_blocks(a->c, vec<T>::N)), 0,
                       embed<T>, *a);
}

template <class T> static err run_backward(struct compute *c, const struct embed_backward_args *a) {
    const unsigned pieces = n_blocks(a->c, W), threads = row_threads(pieces);
    void *scratch;
    TRY(cuda_scratch(c, (size_t)(2 * a->n) * sizeof(int32_t), &scratch));
    int32_t *order = (int32_t *)scratch, *length = order + a->n;
    TRY(cuda_launch(c, "embed_backward", n_blocks(a->n, SORT_THREADS / 32 * TOKENS), SORT_THREADS,
                    0, sort, a->n, a->ids, a->skip_id, order, length));
    return cuda_launch(c, "embed_backward", dim3((unsigned)a->n, n_blocks(pieces, threads)),
                       threads, 0, backward<T>, *a, order, length);
}

extern "C" err cuda_embed(struct compute *c, const struct embed_args *a) {
    BUG_IF(a->w.dtype > DTYPE_F16);
    return CUDA_BY_ACT(c, run, c, a);
}
extern "C" err cuda_embed_backward(struct compute *c, const struct embed_backward_args *a) {
    return CUDA_BY_ACT(c, run_backward, c, a);
}
