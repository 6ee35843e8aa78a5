/* SPDX-License-Identifier: Apache-2.0
 * Dropout: a block to a row, 16 bytes a thread. The mask is drawn again wherever it is needed and
 * never stored.
 * Read next: compute/ops/dropout.h, the contract; compute/cuda/philox.cuh. */
#include "compute/cuda/philox.cuh"
#include "compute/ops/dropout.h"

#include <math.h>

enum { MAX_THREADS = 256 /* row_threads */ };

/* Elements are kept whose number is above `limit`, or all. */
struct dropout_rule {
    struct philox_stream stream;
    float scale;
    uint32_t limit;
    bool all;
};

static struct dropout_rule dropout_rule_of(const struct dropout_args *a) {
    const uint64_t threshold = (uint64_t)ceil(a->p * 0x1p32); /* up to 2^32 */
    struct dropout_rule rule;
    rule.stream = philox_stream_of({a->seed, RNG_DROPOUT, a->step});
    rule.scale = (float)(1.0 / (1.0 - a->p));
    rule.limit = (uint32_t)(threshold - 1);
    rule.all = threshold == 0;
    return rule;
}

/* The numbers of a row's N elements from j on; paired ones are by turns of the row before and of
 * the row itself. `index` is the row's first number. */
template <int N, bool PAIRED>
static __device__ __forceinline__ void draw_row(const struct philox_stream &s, uint64_t index,
                                                int64_t columns, int64_t j, uint32_t (&out)[N]) {
    if constexpr (PAIRED) {
        uint32_t before[N / 2], own[N / 2];
        index += (uint64_t)(j / 2);
        draw(s, index - (uint64_t)columns, before);
        draw(s, index, own);
        for (int k = 0; k < N / 2; k++) out[2 * k] = before[k], out[2 * k + 1] = own[k];
    } else {
        draw(s, index + (uint64_t)j, out);
    }
}

template <class T, bool PAIRED>
static __global__ void __launch_bounds__(MAX_THREADS)
    dropout(const struct dropout_args a, const struct dropout_rule rule) {
    constexpr int N = vec<T>::N;
    const int64_t t = blockIdx.x, columns = PAIRED ? a.c / 2 : a.c;
    const uint64_t index = (a.site << 40) + (uint64_t)(a.row[t] * columns);
    const T *x = (const T *)a.x + t * a.c;
    T *y = (T *)a.y + t * a.c;
    for (int64_t j = threadIdx.x * N; j < a.c; j += blockDim.x * N) {
        float v[N];
        uint32_t drawn[N];
        load(x + j, a.c - j, v);
        draw_row<N, PAIRED>(rule.stream, index, columns, j, drawn);
        for (int k = 0; k < N; k++)
            v[k] = drawn[k] > rule.limit || rule.all ? v[k] * rule.scale : 0.0f;
        store(y + j, a.c - j, v);
    }
}

template <class T> static err run(struct compute *c, const struct dropout_args *a) {
    const unsigned threads = row_threads(n_blocks(a->c, vec<T>::N));
    return cuda_launch(c, "dropout", (unsigned)a->n, threads, 0,
                       a->paired ? dropout<T, true> : dropout<T, false>, *a, dropout_rule_of(a));
}

extern "C" err cuda_dropout(struct compute *c, const struct dropout_args *a) {
    BUG_IF(!(a->p >= 0 && a->p < 1) || (a->paired && a->c % 2 != 0));
    return CUDA_BY_ACT(c, run, c, a);
}
