/* SPDX-License-Identifier: Apache-2.0
 * An operand of a product, stored as fp32, bf16 or fp16 with any strides, as dense rows of fp32 or
 * bf16. A warp goes along a row: four neighbours a thread at once where rows are dense and aligned,
 * else one, a warp's width apart.
 * Read next: compute/cuda/product.h, struct product_copy. */
#include "compute/cuda/device.cuh"
#include "compute/cuda/product.h"

enum { LANES = 32, LINES = 8, ELEMENTS = 4, TILE = LANES * ELEMENTS };

template <class T> struct alignas(4 * sizeof(T)) four { T v[4]; };

template <class S, class T> struct view {
    const S *from;
    T *to;
    int64_t outer, inner, outer_stride, inner_stride, to_stride;
};

template <class S, class T, bool WIDE>
static __global__ void __launch_bounds__(LANES *LINES) convert(view<S, T> w) {
    for (int64_t i = (int64_t)blockIdx.y * LINES + threadIdx.y; i < w.outer;
         i += (int64_t)gridDim.y * LINES) {
        const S *from = w.from + i * w.outer_stride;
        T *to = w.to + i * w.to_stride;
        const int64_t tile = (int64_t)blockIdx.x * TILE;
        if (WIDE && tile + (threadIdx.x + 1) * ELEMENTS <= w.inner) {
            const int64_t j = tile + threadIdx.x * ELEMENTS;
            const four<S> x = *(const four<S> *)(from + j);
            four<T> y;
            for (int e = 0; e < ELEMENTS; e++) y.v[e] = from_float<T>(to_float(x.v[e]));
            *(four<T> *)(to + j) = y;
            continue;
        }
        for (int e = 0; e < ELEMENTS; e++) {
            const int64_t j = tile + (WIDE ? threadIdx.x * ELEMENTS + e : threadIdx.x + e * LANES);
            if (j < w.inner) to[j] = from_float<T>(to_float(from[j * w.inner_stride]));
        }
    }
}

template <class S, class T> static err run(struct compute *c, const struct product_copy *copy) {
    const view<S, T> w = {(const S *)copy->data + copy->first,
                          (T *)copy->to,
                          copy->outer,
                          copy->inner,
                          copy->outer_stride,
                          copy->inner_stride,
                          copy->to_stride};
    const int64_t lines = (w.outer + LINES - 1) / LINES;
    const dim3 grid(n_blocks(w.inner, TILE), (unsigned)(lines < 65535 ? lines : 65535)),
        block(LANES, LINES);
    const bool wide = w.inner_stride == 1 && (uintptr_t)w.from % sizeof(four<S>) == 0 &&
                      (w.outer == 1 || (w.outer_stride % 4 == 0 && w.to_stride % 4 == 0));
    return cuda_launch(c, "product", grid, block, 0,
                       wide ? convert<S, T, true> : convert<S, T, false>, w);
}

template <class S> static err run_to(struct compute *c, const struct product_copy *copy) {
    return copy->to_type == DTYPE_BF16 ? run<S, bf16>(c, copy) : run<S, float>(c, copy);
}

extern "C" err cuda_convert(struct compute *c, const struct product_copy *copy) {
    switch (copy->dtype) {
    case DTYPE_F32: return run_to<float>(c, copy);
    case DTYPE_BF16: return run_to<bf16>(c, copy);
    default: BUG_IF(copy->dtype != DTYPE_F16); return run_to<__half>(c, copy);
    }
}
