/* SPDX-License-Identifier: Apache-2.0
 * What the kernels share: numbers in and out of the activations' dtype, vectors of 16 bytes, sums
 * over a warp and over a block in a fixed order, and the launch of a kernel.
 * Kernels are static templates over the activations' type T, float or bf16; arithmetic is fp32. An
 * operation's entry picks the type:
 *     extern "C" err cuda_scale(struct compute *c, const struct scale_args *a) {
 *         return CUDA_BY_ACT(c, run, c, a);
 *     }
 * Read next: compute/cuda/scale.cu, the pattern. */
#ifndef COTRAIN_COMPUTE_CUDA_DEVICE_CUH
#define COTRAIN_COMPUTE_CUDA_DEVICE_CUH

#include "compute/cuda/cuda.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

using bf16 = __nv_bfloat16;

static __device__ __forceinline__ float to_float(float x) {
    return x;
}
static __device__ __forceinline__ float to_float(bf16 x) {
    return __bfloat162float(x);
}
static __device__ __forceinline__ float to_float(__half x) {
    return __half2float(x);
}
template <class T> static __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) {
    return x;
}
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x) {
    return __float2bfloat16_rn(x);
}
template <> __device__ __forceinline__ __half from_float<__half>(float x) {
    return __float2half_rn(x);
}

/* N elements that lie side by side, moved at once where the memory is aligned to them: by default
 * 16 bytes, 8 bf16 or 4 floats. */
template <class T, int COUNT = 16 / sizeof(T)> struct alignas(COUNT * sizeof(T)) vec {
    static constexpr int N = COUNT;
    T v[N];
};

/* The first `left` of N elements (all, where there are as many) and zeros behind them. By vectors
 * of up to 16 bytes where p is aligned to them: that depends on operands, not on the thread. */
template <int N, class T>
static __device__ __forceinline__ void load_raw(const T *p, int64_t left, T (&v)[N]) {
    using part = vec<T, (N * sizeof(T) < 16 ? N : 16 / (int)sizeof(T))>;
    if (left >= N && (uintptr_t)p % sizeof(part) == 0) {
        for (int i = 0; i < N; i += part::N) {
            const part x = *(const part *)(p + i);
            for (int k = 0; k < part::N; k++) v[i + k] = x.v[k];
        }
        return;
    }
    for (int i = 0; i < N; i++) v[i] = i < left ? p[i] : T();
}
/* Writes the first `left` of them. */
template <int N, class T>
static __device__ __forceinline__ void store_raw(T *p, int64_t left, const T (&v)[N]) {
    using part = vec<T, (N * sizeof(T) < 16 ? N : 16 / (int)sizeof(T))>;
    if (left >= N && (uintptr_t)p % sizeof(part) == 0) {
        for (int i = 0; i < N; i += part::N) {
            part x;
            for (int k = 0; k < part::N; k++) x.v[k] = v[i + k];
            *(part *)(p + i) = x;
        }
        return;
    }
    for (int i = 0; i < N; i++)
        if (i < left) p[i] = v[i];
}
/* The same as numbers. */
template <int N, class T>
static __device__ __forceinline__ void load(const T *p, int64_t left, float (&v)[N]) {
    T raw[N];
    load_raw(p, left, raw);
    for (int i = 0; i < N; i++) v[i] = to_float(raw[i]);
}
template <int N, class T>
static __device__ __forceinline__ void store(T *p, int64_t left, const float (&v)[N]) {
    T raw[N];
    for (int i = 0; i < N; i++) raw[i] = from_float<T>(v[i]);
    store_raw(p, left, raw);
}

template <int N, class T>
static __device__ __forceinline__ void load_strided(const T *p, int64_t stride, int64_t left,
                                                    float (&v)[N]) {
    if (stride == 1)
        load(p, left, v);
    else
        for (int i = 0; i < N; i++) v[i] = i < left ? to_float(p[i * stride]) : 0.0f;
}
/* N elements of a row of a matrix operand in fp32, bf16 or fp16, from `column` on. */
template <int N>
static __device__ __forceinline__ void load_mat(const struct mat &m, int64_t row, int64_t column,
                                                int64_t left, float (&v)[N]) {
    const int64_t at = row * m.row_stride + column * m.col_stride;
    if (m.dtype == DTYPE_BF16)
        load_strided((const bf16 *)m.data + at, m.col_stride, left, v);
    else if (m.dtype == DTYPE_F16)
        load_strided((const __half *)m.data + at, m.col_stride, left, v);
    else
        load_strided((const float *)m.data + at, m.col_stride, left, v);
}

/* Where this thread's N elements of a flat array begin. */
template <int N> static __device__ __forceinline__ int64_t flat_index(void) {
    return ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * N;
}

template <class N> static __device__ __forceinline__ N warp_sum(N v) {
    for (int o = 16; o; o >>= 1) v += __shfl_xor_sync(~0u, v, o);
    return v;
}
static __device__ __forceinline__ float warp_max(float v) {
    for (int o = 16; o; o >>= 1) v = fmaxf(v, __shfl_xor_sync(~0u, v, o));
    return v;
}
/* Sums over the block, the results in every thread. blockDim.x: a multiple of 32, at most 1024. */
template <int N> static __device__ __forceinline__ void block_sum(float (&v)[N]) {
    __shared__ float part[32 * N];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, n_warps = blockDim.x >> 5;
    for (int i = 0; i < N; i++) v[i] = warp_sum(v[i]);
    __syncthreads(); /* part may still be read from an earlier call */
    if (lane == 0)
        for (int i = 0; i < N; i++) part[warp * N + i] = v[i];
    __syncthreads();
    for (int i = 0; i < N; i++) v[i] = warp_sum(lane < n_warps ? part[lane * N + i] : 0.0f);
}

/* Blocks of `size` for n elements. */
static inline unsigned n_blocks(int64_t n, int64_t size) {
    return (unsigned)((n + size - 1) / size);
}
/* Threads of a block for a row of n pieces: whole warps, at most 256. */
static inline unsigned row_threads(int64_t n) {
    return n < 256 ? 32 * n_blocks(n > 0 ? n : 1, 32) : 256;
}

/* Starts a kernel on the backend's stream; `name` is the operation, for the error. No block:
 * nothing is started. */
template <class... P, class... A>
static inline err cuda_launch(struct compute *c, const char *name, dim3 grid, dim3 block,
                              size_t smem, void (*kernel)(P...), A &&...args) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return ERR_OK;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = smem;
    config.stream = cuda_state(c)->stream;
    return cuda_check(c, cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...), name);
}

#define CUDA_BY_ACT(c, function, ...)                                                              \
    ((c)->backend->act_dtype == DTYPE_BF16 ? function<bf16>(__VA_ARGS__)                           \
                                           : function<float>(__VA_ARGS__))

#endif
