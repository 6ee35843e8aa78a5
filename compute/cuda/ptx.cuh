/* SPDX-License-Identifier: Apache-2.0
 * The only inline PTX: a warp's product of tensor-core fragments, and loads of them from shared
 * memory. On the emulator the same names are C++ after the layouts that the PTX manual documents
 * (tests/cudasim/include/ptx_emu.h).
 * Fragments of a lane, g = lane / 4 and t = lane % 4: a[0], a[1] are rows g and g + 8 of columns
 * 2t, 2t+1 and a[2], a[3] the same of columns 8 further on; b[0], b[1] are column g of rows 2t,
 * 2t+1 and 8 further on; d[0..1] and d[2..3] are columns 2t, 2t+1 of rows g and g + 8.
 * Read next: compute/cuda/attention.cuh. */
#ifndef COTRAIN_COMPUTE_CUDA_PTX_CUH
#define COTRAIN_COMPUTE_CUDA_PTX_CUH

#ifndef __CUDACC__
#include <ptx_emu.h>
#else

/* d += a b: 16x16 by 16x8, bf16 in, fp32 sums. */
static __device__ __forceinline__ void mma_16816(float (&d)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four 8x8 matrices of 16-bit elements; lane i names row i % 8 of matrix i / 8, 16 bytes in shared
 * memory. Lane i gets elements 2(i % 4) and the next of row i / 4 of each; transposed: column. */
static __device__ __forceinline__ void ldmatrix(unsigned (&r)[4], const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row)));
}
static __device__ __forceinline__ void ldmatrix_t(unsigned (&r)[4], const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row)));
}

#endif
#endif
