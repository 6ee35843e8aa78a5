/* SPDX-License-Identifier: Apache-2.0
 * The sum of squares without double precision, which most GPUs are slow in: a square and a sum are
 * three floats, each holding what the one before rounds off (Knuth's two-sum; the square's rest by
 * a fused multiply-add). A thread block adds up a stretch, at most MAX_PARTS of them whatever the
 * GPU; the host folds the stretches in double.
 * Bound: three floats lose 2^-72 of the sum with each addition; what counts is double's 2^-53 on
 * the host, at most MAX_PARTS + 2 times and never more often than there are elements: within the
 * contract's. That holds for elements of 2^-50 to 2^63: squares of smaller ones lose digits, and
 * larger ones' are infinite, which the trainer takes for what it is, a gradient that is not finite.
 * Read next: compute/ops/adamw.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/ops/adamw.h"

enum { THREADS = 256, MAX_PARTS = 1024, TURN = 8 * THREADS }; /* TURN: what a stretch is of */

struct sum {
    float high, middle, low;
};

/* a becomes a + b rounded; the result is what was rounded off. */
static __device__ __forceinline__ float two_sum(float &a, float b) {
    const float s = a + b, of_b = s - a, rest = (a - (s - of_b)) + (b - of_b);
    a = s;
    return rest;
}
static __device__ __forceinline__ void add_middle(struct sum &s, float x) {
    s.low += two_sum(s.middle, x);
}
static __device__ __forceinline__ void add(struct sum &s, float x) {
    add_middle(s, two_sum(s.high, x));
}
static __device__ __forceinline__ void merge(struct sum &s, float high, float middle, float low) {
    add(s, high);
    add_middle(s, middle);
    s.low += low;
}

/* Over the warp, right in lane 0. */
static __device__ __forceinline__ void fold_warp(struct sum &s) {
    for (int apart = 16; apart; apart /= 2)
        merge(s, __shfl_down_sync(~0u, s.high, apart), __shfl_down_sync(~0u, s.middle, apart),
              __shfl_down_sync(~0u, s.low, apart));
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    sum_squares(int64_t n, int64_t stretch, const T *x, struct sum *parts) {
    constexpr int N = vec<T>::N;
    __shared__ struct sum of_warp[THREADS / 32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t begin = blockIdx.x * stretch, end = begin + stretch < n ? begin + stretch : n;
    struct sum s = {0, 0, 0};
    for (int64_t i = begin + threadIdx.x * N; i < end; i += THREADS * N) {
        float v[N];
        load(x + i, end - i, v);
        for (int k = 0; k < N; k++) {
            const float square = __fmul_rn(v[k], v[k]); /* not to be fused with the sum */
            add(s, square);
            if (sizeof(T) > 2) add_middle(s, fmaf(v[k], v[k], -square)); /* else it is 0 */
        }
    }
    fold_warp(s);
    if (lane == 0) of_warp[warp] = s;
    __syncthreads();
    if (warp) return;
    s = lane < THREADS / 32 ? of_warp[lane] : sum{0, 0, 0};
    fold_warp(s);
    if (lane == 0) parts[blockIdx.x] = s;
}

template <class T> static err run(struct compute *c, const struct sum_squares_args *a) {
    const int64_t turns = n_blocks(a->n, (int64_t)MAX_PARTS * TURN),
                  stretch = (turns ? turns : 1) * TURN;
    const unsigned n_parts = n_blocks(a->n, stretch);
    struct sum host[MAX_PARTS];
    void *parts = NULL;
    *a->out = 0;
    TRY(cuda_scratch(c, sizeof host, &parts));
    TRY(cuda_launch(c, "sum_squares", n_parts, THREADS, 0, sum_squares<T>, a->n, stretch,
                    (const T *)a->x.data, (struct sum *)parts));
    TRY(c->backend->download(c, host, parts, n_parts * sizeof *host));
    for (unsigned i = 0; i < n_parts; i++)
        *a->out += (double)host[i].high + ((double)host[i].middle + (double)host[i].low);
    return ERR_OK;
}

extern "C" err cuda_sum_squares(struct compute *c, const struct sum_squares_args *a) {
    switch (a->x.dtype) {
    case DTYPE_BF16: return run<bf16>(c, a);
    case DTYPE_F16: return run<__half>(c, a);
    default: return run<float>(c, a);
    }
}
