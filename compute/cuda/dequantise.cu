/* SPDX-License-Identifier: Apache-2.0
 * A quantised operand of a product, or a block of its rows or columns, as dense rows of fp32 or
 * bf16. The `struct quant_blocks` is the host's, its members are device memory. Multiplications and
 * additions are rounded one by one, so that an element has the bits of compute/quants/.
 * A warp goes along a row: a thread decodes 16 bytes of the result at once, which are within one
 * block of QUANT_BLOCK, where rows are dense and aligned; else one element, a warp's width apart.
 * Read next: compute/quants/nf4.h, compute/quants/int8.h. */
#include "compute/cuda/device.cuh"
#include "compute/cuda/product.h"
#include "compute/quants/nf4.h"

enum { LANES = 32, LINES = 8, LINES_A_BLOCK = 64 };

struct nf4_table {
    float v[NF4_VALUES];
};

/* Rows of elements; number `first` is the first. */
template <class T> struct view {
    T *to;
    int64_t first, outer, inner, outer_stride, inner_stride, to_stride;
};

struct nf4_decoder {
    const uint8_t *codes, *absmax;
    const float *nested_absmax;
    float offset;
    const float *values, *nested_map; /* shared memory */

    __device__ float scale(int64_t i) const {
        const int64_t block = i / QUANT_BLOCK;
        return __fadd_rn(
            __fmul_rn(nested_map[absmax[block]], nested_absmax[block / NF4_NESTED_BLOCK]), offset);
    }
    __device__ float element(unsigned code, float s) const {
        return __fmul_rn(values[code], s);
    }
    __device__ float one(int64_t i) const {
        return element(codes[i / 2] >> (i % 2 ? 0 : 4) & 15, scale(i));
    }
    /* N elements from i on, a multiple of N; two a byte. */
    template <int N> struct alignas(N / 2) packed { uint8_t v[N / 2]; };
    template <class T> __device__ vec<T> wide(int64_t i) const {
        constexpr int N = vec<T>::N;
        const packed<N> p = *(const packed<N> *)(codes + i / 2);
        const float s = scale(i);
        vec<T> y;
        for (int e = 0; e < N; e++)
            y.v[e] = from_float<T>(element(p.v[e / 2] >> (e % 2 ? 0 : 4) & 15, s));
        return y;
    }
};

struct int8_decoder {
    const int8_t *codes;
    const float *scales;

    __device__ float one(int64_t i) const {
        return __fmul_rn((float)codes[i], scales[i / QUANT_BLOCK]);
    }
    template <int N> struct alignas(N) packed { int8_t v[N]; };
    template <class T> __device__ vec<T> wide(int64_t i) const {
        constexpr int N = vec<T>::N;
        const packed<N> p = *(const packed<N> *)(codes + i);
        const float s = scales[i / QUANT_BLOCK];
        vec<T> y;
        for (int e = 0; e < N; e++) y.v[e] = from_float<T>(__fmul_rn((float)p.v[e], s));
        return y;
    }
};

template <class T, bool WIDE, class D>
static __device__ __forceinline__ void decode(const view<T> &w, const D &decoder) {
    constexpr int N = vec<T>::N, TILE = LANES * N;
    const int64_t tile = (int64_t)blockIdx.x * TILE,
                  begin = (int64_t)blockIdx.y * LINES_A_BLOCK + threadIdx.y,
                  left = w.outer - (int64_t)blockIdx.y * LINES_A_BLOCK;
    const int lines = left < LINES_A_BLOCK ? (int)left : LINES_A_BLOCK;
    for (int line = threadIdx.y; line < lines; line += LINES) {
        const int64_t i = begin - threadIdx.y + line, from = w.first + i * w.outer_stride;
        T *to = w.to + i * w.to_stride;
        if (WIDE && tile + (threadIdx.x + 1) * N <= w.inner) {
            const int64_t j = tile + threadIdx.x * N;
            *(vec<T> *)(to + j) = decoder.template wide<T>(from + j);
            continue;
        }
        for (int e = 0; e < N; e++) {
            const int64_t j = tile + (WIDE ? threadIdx.x * N + e : threadIdx.x + e * LANES);
            if (j < w.inner) to[j] = from_float<T>(decoder.one(from + j * w.inner_stride));
        }
    }
}

template <class T, bool WIDE>
static __global__ void __launch_bounds__(LANES *LINES)
    nf4(view<T> w, nf4_decoder d, const float *nested_map, nf4_table table) {
    __shared__ float values[NF4_VALUES], map[NF4_NESTED_VALUES];
    const int thread = threadIdx.y * LANES + threadIdx.x;
    static_assert((int)(LANES * LINES) == (int)NF4_NESTED_VALUES, "one thread an entry");
    map[thread] = nested_map[thread];
    if (thread < NF4_VALUES) values[thread] = table.v[thread];
    __syncthreads();
    d.values = values;
    d.nested_map = map;
    decode<T, WIDE>(w, d);
}

template <class T, bool WIDE>
static __global__ void __launch_bounds__(LANES *LINES) int8(view<T> w, int8_decoder d) {
    decode<T, WIDE>(w, d);
}

template <class T> static bool lines_are_dense(const view<T> &w) {
    constexpr int N = vec<T>::N;
    return w.inner_stride == 1 && w.first % N == 0 &&
           (w.outer == 1 || (w.outer_stride % N == 0 && w.to_stride % N == 0));
}

template <class T> static err run(struct compute *c, const struct product_copy *copy) {
    constexpr int N = vec<T>::N;
    const struct quant_blocks *b = (const struct quant_blocks *)copy->data;
    const view<T> w = {(T *)copy->to,      copy->first,        copy->outer,    copy->inner,
                       copy->outer_stride, copy->inner_stride, copy->to_stride};
    const dim3 grid(n_blocks(w.inner, LANES * N), n_blocks(w.outer, LINES_A_BLOCK)),
        block(LANES, LINES);
    const bool dense = lines_are_dense(w);
    if (copy->dtype == DTYPE_INT8) {
        const int8_decoder d = {(const int8_t *)b->codes, (const float *)b->scale};
        const bool wide = dense && (uintptr_t)b->codes % N == 0;
        return cuda_launch(c, "product", grid, block, 0, wide ? int8<T, true> : int8<T, false>, w,
                           d);
    }
    BUG_IF(copy->dtype != DTYPE_NF4);
    const nf4_decoder d = {b->codes,         b->absmax, (const float *)b->nested_absmax,
                           b->nested_offset, NULL,      NULL};
    const bool wide = dense && (uintptr_t)b->codes % (N / 2) == 0;
    nf4_table table;
    memcpy(table.v, nf4_values, sizeof table.v);
    return cuda_launch(c, "product", grid, block, 0, wide ? nf4<T, true> : nf4<T, false>, w, d,
                       (const float *)b->nested_map, table);
}

extern "C" err cuda_dequantise(struct compute *c, const struct product_copy *copy) {
    return copy->to_type == DTYPE_BF16 ? run<bf16>(c, copy) : run<float>(c, copy);
}
