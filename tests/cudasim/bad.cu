/* SPDX-License-Identifier: Apache-2.0
 * The emulator's own suite: kernels that a GPU may well run without complaint, each with one
 * mistake that the checked build must name. All are ordinary CUDA.
 * Read next: bad.h, test_bad.c. */
#include "tests/cudasim/bad.h"

#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>
#include <ptx_emu.h>

/* ---- memory ---- */
static __global__ void read_past(float *p, float *, int n) {
    p[threadIdx.x] = threadIdx.x == blockDim.x - 1 ? p[n] : 0.0f;
}
static __global__ void write_past(float *p, float *, int n) {
    if (threadIdx.x == 7) p[n] = 1;
}
static __global__ void read_before(float *p, float *q, int) {
    q[threadIdx.x] = p[(int)threadIdx.x - 1];
}
static __global__ void far_away(float *p, float *, int) {
    p[1 << 20] = 1;
}
static __global__ void uninitialised(float *p, float *q, int) {
    p[threadIdx.x] = q[threadIdx.x];
}
static __global__ void misaligned_vector(float *p, float *q, int) {
    const float4 v = *(const float4 *)(p + 1 + threadIdx.x * 2);
    q[threadIdx.x] = v.x;
}
static __global__ void misaligned_pair(float *p, float *q, int) {
    ((float2 *)(q + 1))[threadIdx.x] = ((const float2 *)p)[threadIdx.x];
}
static __global__ void local_of_another(float *, float *q, int) {
    __shared__ float *s;
    float mine = (float)threadIdx.x;
    if (threadIdx.x == 0) s = &mine;
    __syncthreads();
    q[threadIdx.x] = *s;
}

/* ---- races ---- */
static __global__ void no_barrier(float *p, float *q, int) {
    __shared__ float s[64];
    s[threadIdx.x] = p[threadIdx.x];
    q[threadIdx.x] = s[63 - threadIdx.x];
}
static __global__ void no_warp_barrier(float *p, float *q, int) {
    __shared__ float s[32];
    s[threadIdx.x] = p[threadIdx.x];
    q[threadIdx.x] = s[threadIdx.x ^ 1];
}
static __global__ void no_second_barrier(float *p, float *q, int) {
    __shared__ float s[64];
    for (int i = 0; i < 2; i++) {
        s[threadIdx.x] = p[threadIdx.x] + (float)i;
        __syncthreads();
        q[threadIdx.x] = s[63 - threadIdx.x];
    }
}
static __global__ void warp_barrier_across_warps(float *p, float *q, int) {
    __shared__ float s[64];
    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = p[threadIdx.x];
    __syncwarp();
    q[threadIdx.x] = s[threadIdx.x ^ 32];
}
static __global__ void two_writers(float *, float *q, int) {
    __shared__ float s;
    s = (float)threadIdx.x;
    __syncthreads();
    q[threadIdx.x] = s;
}
static __global__ void global_in_block(float *p, float *q, int) {
    p[threadIdx.x] = 1;
    q[threadIdx.x] = p[threadIdx.x ^ 1];
}
static __global__ void between_blocks(float *p, float *, int) {
    p[0] += 1;
}
static __global__ void barrier_between_blocks(float *p, float *q, int) {
    if (blockIdx.x == 0) p[threadIdx.x] = 3;
    __syncthreads();
    if (blockIdx.x == 1) q[threadIdx.x] = p[threadIdx.x];
}
static __global__ void atomic_and_plain(float *p, float *q, int) {
    atomicAdd(p, 1.0f);
    q[threadIdx.x] = p[0];
}

/* ---- shared memory ---- */
static __global__ void shared_unwritten(float *, float *q, int) {
    __shared__ float s[64];
    if (threadIdx.x < 32) s[threadIdx.x] = 1;
    __syncthreads();
    q[threadIdx.x] = s[threadIdx.x];
}
static __global__ void shared_past(float *, float *q, int n) {
    __shared__ float s[64];
    s[threadIdx.x + (unsigned)(n - 99)] = 1;
    __syncthreads();
    q[threadIdx.x] = s[threadIdx.x];
}
static __global__ void dynamic_too_small(float *, float *q, int) {
    extern __shared__ __align__(16) unsigned char smem[];
    ((float *)smem)[threadIdx.x] = 1;
    q[threadIdx.x] = ((float *)smem)[threadIdx.x];
}

/* ---- barriers and collectives ---- */
static __global__ void divergent(float *, float *q, int) {
    if (threadIdx.x < 40)
        __syncthreads();
    else
        q[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}
static __global__ void two_barriers(float *, float *q, int) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        q[threadIdx.x] = 1;
        __syncthreads();
    }
}
static __global__ void lanes_missing(float *, float *q, int) {
    if (threadIdx.x < 16) q[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}
static __global__ void lane_gone(float *, float *q, int) {
    if (threadIdx.x == 5) return;
    q[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}
static __global__ void half_warp(float *, float *q, int) {
    q[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}
static __global__ void caller_not_named(float *, float *q, int) {
    q[threadIdx.x] = __shfl_sync(0xffffu, 1.0f, 0);
}
static __global__ void different_collectives(float *, float *q, int) {
    if (threadIdx.x & 1)
        __syncwarp();
    else
        q[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}

/* ---- asynchronous copies ---- */
static __global__ void copy_not_waited_for(float *p, float *, int) {
    __shared__ float s[64];
    __pipeline_memcpy_async(&s[threadIdx.x], &p[threadIdx.x], sizeof(float));
    __pipeline_commit();
}
static __global__ void copy_read_early(float *p, float *q, int) {
    __shared__ float s[64];
    __pipeline_memcpy_async(&s[threadIdx.x], &p[threadIdx.x], sizeof(float));
    __pipeline_commit();
    __pipeline_wait_prior(1);
    q[threadIdx.x] = s[threadIdx.x];
    __pipeline_wait_prior(0);
}
static __global__ void copy_of_another(float *p, float *q, int) {
    __shared__ float s[64];
    __pipeline_memcpy_async(&s[threadIdx.x], &p[threadIdx.x], sizeof(float));
    __pipeline_commit();
    __syncthreads();
    q[threadIdx.x] = s[threadIdx.x ^ 1];
    __pipeline_wait_prior(0);
}
static __global__ void copy_misaligned(float *p, float *, int) {
    __shared__ __align__(16) float s[128];
    __pipeline_memcpy_async(&s[threadIdx.x], &p[1], 4 * sizeof(float));
}
static __global__ void ldmatrix_misaligned(float *, float *q, int) {
    extern __shared__ __align__(16) unsigned char smem[];
    for (int i = 0; i < 20; i++) ((float *)smem)[threadIdx.x + 32 * (unsigned)i] = 1;
    __syncwarp();
    unsigned r[4];
    ldmatrix(r, smem + threadIdx.x * 16 + 8);
    q[threadIdx.x] = __uint_as_float(r[0]);
}

/* ---- arithmetic of indices ---- */
static __global__ void shift_too_far(float *, float *q, int n) {
    q[threadIdx.x] = (float)(1 << (n - 60));
}
static __global__ void index_overflow(float *, float *q, int n) {
    q[threadIdx.x] = (float)(n * 100000000);
}

static __global__ void nothing_wrong(float *, float *, int) {
}

template <class K>
static cudaError_t start(K kernel, unsigned grid, unsigned block, size_t shared, float *p, float *q,
                         int n) {
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(grid);
    config.blockDim = dim3(block);
    config.dynamicSmemBytes = shared;
    return cudaLaunchKernelEx(&config, kernel, p, q, n);
}
#define BAD(kernel, grid, block, shared, message)                                                  \
    {                                                                                              \
#kernel, [](float *p, float *q,                                                            \
                    int n) { return start(kernel, grid, block, shared, p, q, n); }, message        \
    }
static const bad_kernel kernels[] = {
    BAD(read_past, 1, 64, 0, "past the end of its allocation"),
    BAD(write_past, 1, 64, 0, "4-byte write of"),
    BAD(read_before, 1, 64, 0, "before its allocation"),
    BAD(far_away, 1, 1, 0, "outside every allocation"),
    BAD(uninitialised, 1, 64, 0, "read of uninitialised device memory"),
    BAD(misaligned_vector, 1, 32, 0, "misaligned"),
    BAD(misaligned_pair, 1, 32, 0, "misaligned"),
    BAD(local_of_another, 1, 64, 0, "read of local memory of thread"),
    BAD(no_barrier, 1, 64, 0, "never written by this block"),
    BAD(no_warp_barrier, 1, 32, 0, "never written by this block"),
    BAD(no_second_barrier, 1, 64, 0, "race: "),
    BAD(warp_barrier_across_warps, 1, 64, 0, "(shared)"),
    BAD(two_writers, 1, 64, 0, "conflicts with the write by"),
    BAD(global_in_block, 1, 64, 0, "(global)"),
    BAD(between_blocks, 2, 1, 0, "by block 0 thread 0"),
    BAD(barrier_between_blocks, 2, 32, 0, "race: read of"),
    BAD(atomic_and_plain, 1, 32, 0, "race: "),
    BAD(shared_unwritten, 1, 64, 0, "never written by this block"),
    BAD(shared_past, 1, 64, 0, "undefined behaviour"),
    BAD(dynamic_too_small, 1, 64, 128, "past the 128 bytes of dynamic shared memory"),
    BAD(divergent, 1, 64, 0, "deadlock: "),
    BAD(two_barriers, 1, 64, 0, "__syncthreads of lines"),
    BAD(lanes_missing, 1, 32, 0, "deadlock: "),
    BAD(lane_gone, 1, 32, 0, "names lane 5, which has exited"),
    BAD(half_warp, 1, 48, 0, "names lane 16, which does not exist"),
    BAD(caller_not_named, 1, 32, 0, "does not name the calling lane 16"),
    BAD(different_collectives, 1, 32, 0, "warp collective mismatch"),
    BAD(copy_not_waited_for, 1, 64, 0, "64 cp.async copies never waited for"),
    BAD(copy_read_early, 1, 64, 0, "cp.async was not waited for"),
    BAD(copy_of_another, 1, 64, 0, "cp.async was not waited for"),
    BAD(copy_misaligned, 1, 32, 0, "cp.async: misaligned for 16 bytes"),
    BAD(ldmatrix_misaligned, 1, 32, 4096, "ldmatrix: row address"),
    BAD(shift_too_far, 1, 32, 0, "undefined behaviour"),
    BAD(index_overflow, 1, 32, 0, "undefined behaviour"),
};
extern "C" const bad_kernels cotrain_bad_kernels;
const bad_kernels cotrain_bad_kernels = {
    (int)(sizeof kernels / sizeof *kernels), kernels,
    [](float *p, unsigned grid, unsigned block, size_t shared) {
        return start(nothing_wrong, grid, block, shared, p, p, 0);
    }};
