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

/* 16 bytes at once: 8 bf16 or 4 floats. Memory is 16-byte aligned and its length a multiple. */
template <class T> struct alignas(16) vec {
    static constexpr int N = 16 / sizeof(T);
    T v[N];
};

static __device__ __forceinline__ float warp_sum(float v) {
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
