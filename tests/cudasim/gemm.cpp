/* SPDX-License-Identifier: Apache-2.0
 * The emulated libraries' product: b in panels of COLS columns, a in bands of ROWS rows, so that
 * the sums of a tile stay in registers. Compiled for AVX2.
 * Read next: gemm.h. */
#include "tests/cudasim/gemm.h"

#include <algorithm>

namespace emu {
constexpr uint64_t ROWS = 4, COLS = 16;

template <cudaDataType_t TYPE> static void read_rows(const Matrix &m, float *out) {
    for (uint64_t i = 0; i < m.rows; i++)
        for (uint64_t j = 0; j < m.cols; j++)
            out[i * m.cols + j] = get(m.at, TYPE, offset(m, i, j));
}
void read_all(const Matrix &m, std::vector<float> &out) {
    out.resize(m.rows * m.cols);
    if (m.type == CUDA_R_32F)
        read_rows<CUDA_R_32F>(m, out.data());
    else if (m.type == CUDA_R_16BF)
        read_rows<CUDA_R_16BF>(m, out.data());
    else
        read_rows<CUDA_R_16F>(m, out.data());
}

static void tile(uint64_t k, const float *band, const float *panel, float (&sums)[ROWS][COLS]) {
    float s[ROWS][COLS] = {};
    for (uint64_t x = 0; x < k; x++)
        for (uint64_t r = 0; r < ROWS; r++)
            for (uint64_t c = 0; c < COLS; c++)
                s[r][c] = __builtin_fmaf(band[x * ROWS + r], panel[x * COLS + c], s[r][c]);
    memcpy(sums, s, sizeof s);
}
/* Bands of n_wide rows (or panels of columns), k after k, padded with zeros. */
static void pack(uint64_t n, uint64_t k, uint64_t wide, const float *from, uint64_t step,
                 uint64_t k_step, std::vector<float> &out) {
    out.assign((n + wide - 1) / wide * wide * k, 0.0f);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t x = 0; x < k; x++)
            out[i / wide * wide * k + x * wide + i % wide] = from[i * step + x * k_step];
}

void gemm(uint64_t m, uint64_t n, uint64_t k, const std::vector<float> &a,
          const std::vector<float> &b, std::vector<float> &sums) {
    std::vector<float> bands, panels;
    pack(m, k, ROWS, a.data(), k, 1, bands);
    pack(n, k, COLS, b.data(), 1, n, panels);
    sums.resize(m * n);
    float t[ROWS][COLS];
    for (uint64_t j = 0; j < n; j += COLS)
        for (uint64_t i = 0; i < m; i += ROWS) {
            tile(k, bands.data() + i * k, panels.data() + j * k, t);
            for (uint64_t r = i; r < std::min(m, i + ROWS); r++)
                for (uint64_t c = j; c < std::min(n, j + COLS); c++)
                    sums[r * n + c] = t[r - i][c - j];
        }
}
} // namespace emu
