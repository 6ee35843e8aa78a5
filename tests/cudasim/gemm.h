/* SPDX-License-Identifier: Apache-2.0
 * Matrices of the emulated libraries: elements of three types behind two strides, and their product
 * in float. Each element of a product is one chain of fused multiply-adds in ascending k.
 * Read next: gemm.cpp, blas.cpp. */
#ifndef COTRAIN_TESTS_CUDASIM_GEMM_H
#define COTRAIN_TESTS_CUDASIM_GEMM_H

#include "tests/cudasim/emu.h"

#include <library_types.h>
#include <utility>

namespace emu {
struct Matrix {
    cudaDataType_t type;
    char *at;
    uint64_t rows, cols;
    int64_t row_step, col_step; /* in elements */
};
inline Matrix transpose(const Matrix &m) {
    return {m.type, m.at, m.cols, m.rows, m.col_step, m.row_step};
}
inline size_t size_of(cudaDataType_t type) {
    return type == CUDA_R_32F ? 4 : 2;
}
inline float get(const void *p, cudaDataType_t type, uint64_t i) {
    if (type == CUDA_R_32F) return ((const float *)p)[i];
    if (type == CUDA_R_16BF) return __bfloat162float(((const __nv_bfloat16 *)p)[i]);
    return __half2float(((const __half *)p)[i]);
}
inline void put(void *p, cudaDataType_t type, uint64_t i, float v) {
    if (type == CUDA_R_32F)
        ((float *)p)[i] = v;
    else if (type == CUDA_R_16BF)
        ((__nv_bfloat16 *)p)[i] = __float2bfloat16_rn(v);
    else
        ((__half *)p)[i] = __float2half_rn(v);
}
inline uint64_t offset(const Matrix &m, uint64_t row, uint64_t col) {
    return row * (uint64_t)m.row_step + col * (uint64_t)m.col_step;
}
inline float get(const Matrix &m, uint64_t row, uint64_t col) {
    return get(m.at, m.type, offset(m, row, col));
}
inline void put(const Matrix &m, uint64_t row, uint64_t col, float v) {
    put(m.at, m.type, offset(m, row, col), v);
}

/* All elements, row by row. */
void read_all(const Matrix &m, std::vector<float> &out);
/* sums (m,n) = a (m,k) b (k,n), all row by row. */
void gemm(uint64_t m, uint64_t n, uint64_t k, const std::vector<float> &a,
          const std::vector<float> &b, std::vector<float> &sums);
} // namespace emu

#endif
