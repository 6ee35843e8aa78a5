/* SPDX-License-Identifier: Apache-2.0
 * What attention's kernels share. A block of 4 warps owns a tile of rows (queries, or keys in one
 * pass of the gradient) and meets tiles of columns, the other side, in shared memory. Two products
 * do the work: `tile_dots`, a warp's rows by the columns over D, and `tile_weigh`, those weights
 * times the columns. There are two kinds of them, told apart by the types of their sums:
 * tensor_sums for bf16, with mma.sync, 16 rows a warp, operands bf16, sums fp32; plain_sums
 * for fp32, with fmaf, 8 rows a warp, a lane a column. A lane's sums are rows r and columns c of
 * its own; row_of and column_of say which of the warp's they are.
 * Heads are filled up with zeros to D, 32, 64 or 128. Rows in shared memory are 16 bytes longer, so
 * that 8 consecutive ones lie in different banks.
 * Read next: compute/cuda/attention.cu. */
#ifndef COTRAIN_COMPUTE_CUDA_ATTENTION_CUH
#define COTRAIN_COMPUTE_CUDA_ATTENTION_CUH

#include "compute/cuda/device.cuh"
#include "compute/cuda/ptx.cuh"
#include "compute/ops/attention.h"

#include <cuda_pipeline_primitives.h>
#include <math.h>

enum { WARPS = 4, THREADS = 32 * WARPS, MAX_HEAD_SIZE = 128 };
#define LOG2_E 1.44269504f

/* Elements from row to row in shared memory. */
template <class T, int D> constexpr int TILE_ROW = D + vec<T>::N;

template <int N> struct tensor_sums {
    static constexpr int ROWS = 2, COLUMNS = N / 4, LANES = 4; /* LANES share a row */
    float v[N / 8][4];
};
template <int N> struct plain_sums {
    static constexpr int ROWS = 8, COLUMNS = N / 32, LANES = 32;
    float v[8][N / 32];
};
template <int N>
static __device__ __forceinline__ float &sum_at(struct tensor_sums<N> &s, int r, int c) {
    return s.v[c / 2][2 * r + c % 2];
}
template <int N>
static __device__ __forceinline__ float &sum_at(struct plain_sums<N> &s, int r, int c) {
    return s.v[r][c];
}
static __device__ __forceinline__ int lane_number(void) {
    return (int)(threadIdx.x & 31);
}
static __device__ __forceinline__ int warp_number(void) {
    return (int)(threadIdx.x >> 5);
}
template <int N>
static __device__ __forceinline__ int row_of(const struct tensor_sums<N> &s, int r) {
    (void)s;
    return lane_number() / 4 + 8 * r;
}
template <int N>
static __device__ __forceinline__ int row_of(const struct plain_sums<N> &s, int r) {
    (void)s;
    return r;
}
template <int N>
static __device__ __forceinline__ int column_of(const struct tensor_sums<N> &s, int c) {
    (void)s;
    return c / 2 * 8 + lane_number() % 4 * 2 + c % 2;
}
template <int N>
static __device__ __forceinline__ int column_of(const struct plain_sums<N> &s, int c) {
    (void)s;
    return lane_number() + 32 * c;
}

/* A warp's own rows: kept in registers as fragments, or read where they lie. */
template <int D> struct tensor_rows { unsigned v[D / 16][4]; };
template <class T, int D> struct shared_rows { const T *at; };
struct tensor_fragment {
    unsigned v[4];
};

static __device__ __forceinline__ void fragment_load(unsigned (&f)[4], const bf16 *rows, int row,
                                                     int k) {
    ldmatrix(f, rows + (lane_number() & 15) * row + k * 16 + (lane_number() >> 4) * 8);
}
template <int D>
static __device__ __forceinline__ void rows_open(struct tensor_rows<D> &rows, const bf16 *at) {
#pragma unroll
    for (int k = 0; k < D / 16; k++) fragment_load(rows.v[k], at, TILE_ROW<bf16, D>, k);
}
template <class T, int D>
static __device__ __forceinline__ void rows_open(struct shared_rows<T, D> &rows, const T *at) {
    rows.at = at;
}
template <int D>
static __device__ __forceinline__ struct tensor_fragment
row_fragment(const struct tensor_rows<D> &rows, int k) {
    return {{rows.v[k][0], rows.v[k][1], rows.v[k][2], rows.v[k][3]}};
}
template <int D>
static __device__ __forceinline__ struct tensor_fragment
row_fragment(const struct shared_rows<bf16, D> &rows, int k) {
    struct tensor_fragment f;
    fragment_load(f.v, rows.at, TILE_ROW<bf16, D>, k);
    return f;
}

/* A kernel's kind: N columns at once; HELD: rows are kept in registers. */
template <class T, int D, int N, bool HELD> struct attention_kind;
template <int D, int N> struct attention_kind<bf16, D, N, true> {
    using scores = tensor_sums<N>;
    using sums = tensor_sums<D>;
    using rows = tensor_rows<D>;
};
template <int D, int N> struct attention_kind<bf16, D, N, false> {
    using scores = tensor_sums<N>;
    using sums = tensor_sums<D>;
    using rows = shared_rows<bf16, D>;
};
template <int D, int N> struct attention_kind<float, D, N, false> {
    using scores = plain_sums<N>;
    using sums = plain_sums<D>;
    using rows = shared_rows<float, D>;
};
template <class T> constexpr bool TENSOR = sizeof(T) == 2;
template <class T> constexpr int WARP_ROWS = TENSOR<T> ? 16 : 8;
template <class T> constexpr int TILE_ROWS = WARPS *WARP_ROWS<T>;
template <class T> constexpr int STAGES = TENSOR<T> ? 2 : 1; /* of columns, filled in turn */

/* A block's shared memory: STAGES tiles of N columns, of two operands (keys and values, or queries
 * and gradients); up to two tiles of rows, which lie in the columns' place if they are HELD; the
 * weights of plain sums; and what else a kernel needs. */
template <class T, int D, int N> struct attention_memory {
    static constexpr int TILE = N * TILE_ROW<T, D>;
    T *columns[2];
    T *rows[2];
    float *weights;
    void *rest;
};
template <class T, int D, int N, bool HELD>
static constexpr size_t memory_bytes(int n_rows, size_t rest) {
    return sizeof(T) * TILE_ROW<T, D> * (2 * STAGES<T> * N + (HELD ? 0 : n_rows * TILE_ROWS<T>)) +
           (TENSOR<T> ? 0 : sizeof(float) * TILE_ROWS<T> * N) + rest;
}
template <class T, int D, int N, bool HELD>
static __device__ __forceinline__ struct attention_memory<T, D, N> memory_open(unsigned char *smem,
                                                                               int n_rows) {
    constexpr int COLUMNS = STAGES<T> * N * TILE_ROW<T, D>, ROWS = TILE_ROWS<T> * TILE_ROW<T, D>;
    struct attention_memory<T, D, N> m;
    m.columns[0] = (T *)smem;
    m.columns[1] = m.columns[0] + COLUMNS;
    T *end = m.columns[1] + COLUMNS;
    m.rows[0] = HELD ? m.columns[0] : end;
    m.rows[1] = HELD ? m.columns[1] : end + ROWS;
    m.weights = (float *)(HELD ? end : end + n_rows * ROWS);
    m.rest = m.weights + (TENSOR<T> ? 0 : TILE_ROWS<T> * N);
    return m;
}

/* s += rows * columns^T, over D. */
template <int D, int N, class R>
static __device__ __forceinline__ void tile_dots(struct tensor_sums<N> &s, const R &rows,
                                                 const bf16 *columns) {
    const int lane = lane_number();
#pragma unroll
    for (int k = 0; k < D / 16; k += 2) {
        const struct tensor_fragment a = row_fragment(rows, k), more = row_fragment(rows, k + 1);
#pragma unroll
        for (int n = 0; n < N / 8; n++) {
            unsigned b[4];
            ldmatrix(b,
                     columns + (n * 8 + (lane & 7)) * TILE_ROW<bf16, D> + k * 16 + (lane >> 3) * 8);
            mma_16816(s.v[n], a.v, {b[0], b[1]});
            mma_16816(s.v[n], more.v, {b[2], b[3]});
        }
    }
}
template <int D, int N>
static __device__ __forceinline__ void
tile_dots(struct plain_sums<N> &s, const struct shared_rows<float, D> &rows, const float *columns) {
    const float *own = columns + lane_number() * TILE_ROW<float, D>;
#pragma unroll 2
    for (int k = 0; k < D; k += 4) {
        const vec<float> b = *(const vec<float> *)(own + k);
#pragma unroll
        for (int r = 0; r < 8; r++) {
            const vec<float> a = *(const vec<float> *)(rows.at + r * TILE_ROW<float, D> + k);
            for (int i = 0; i < 4; i++) s.v[r][0] = fmaf(a.v[i], b.v[i], s.v[r][0]);
        }
    }
}

static __device__ __forceinline__ unsigned pack_pair(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    unsigned bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

/* sums += weights * columns. `room` is shared memory for the block's weights. */
template <int D, int N>
static __device__ __forceinline__ void tile_weigh(struct tensor_sums<D> &sums,
                                                  const struct tensor_sums<N> &weights,
                                                  const bf16 *columns, float *room) {
    const int lane = lane_number();
    (void)room;
#pragma unroll
    for (int k = 0; k < N / 16; k++) {
        unsigned a[4];
        for (int i = 0; i < 4; i++)
            a[i] = pack_pair(weights.v[2 * k + i / 2][i % 2 * 2],
                             weights.v[2 * k + i / 2][i % 2 * 2 + 1]);
#pragma unroll
        for (int n = 0; n < D / 8; n += 2) {
            unsigned b[4];
            ldmatrix_t(b, columns + (k * 16 + (lane & 15)) * TILE_ROW<bf16, D> + n * 8 +
                              (lane >> 4) * 8);
            mma_16816(sums.v[n], a, {b[0], b[1]});
            mma_16816(sums.v[n + 1], a, {b[2], b[3]});
        }
    }
}
template <int D, int N>
static __device__ __forceinline__ void tile_weigh(struct plain_sums<D> &sums,
                                                  const struct plain_sums<N> &weights,
                                                  const float *columns, float *room) {
    const int lane = lane_number();
    float *own = room + warp_number() * 8 * N;
    __syncwarp(); /* the weights of a call before are read */
#pragma unroll
    for (int r = 0; r < 8; r++) own[r * N + lane] = weights.v[r][0];
    __syncwarp();
#pragma unroll 1 /* more would not fit the registers */
    for (int j = 0; j < N; j += 4) {
        vec<float> a[8];
#pragma unroll
        for (int r = 0; r < 8; r++) a[r] = *(const vec<float> *)(own + r * N + j);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int c = 0; c < D / 32; c++) {
                const float b = columns[(j + i) * TILE_ROW<float, D> + lane + 32 * c];
#pragma unroll
                for (int r = 0; r < 8; r++) sums.v[r][c] = fmaf(a[r].v[i], b, sums.v[r][c]);
            }
    }
}

/* Rows of one head in global memory. */
template <class T> struct head_rows {
    T *at; /* of row 0 */
    int64_t row;
    int n, d;     /* rows there are, head size */
    bool vectors; /* each row starts at a multiple of 16 bytes */
};

/* Rows first .. first + N - 1 to shared memory, zeros behind the last and behind d. */
template <int N, int D, class T>
static __device__ __forceinline__ void tile_load(T *to, const struct head_rows<const T> &from,
                                                 int first) {
    constexpr int V = vec<T>::N;
    [[maybe_unused]] constexpr int AT_ONCE = TENSOR<T> ? 4 : 1; /* plain sums leave few registers */
    if (from.vectors) {
#pragma unroll(AT_ONCE)
        for (int i = (int)threadIdx.x; i < N * D / V; i += THREADS) {
            const int r = i / (D / V), c = i % (D / V) * V, left = from.d - c;
            const bool in = first + r < from.n && left > 0;
            const size_t bytes = !in ? 0 : left < V ? (size_t)left * sizeof(T) : 16;
            __pipeline_memcpy_async(to + r * TILE_ROW<T, D> + c,
                                    from.at + (in ? (first + r) * from.row + c : 0), 16,
                                    16 - bytes);
        }
        return;
    }
#pragma unroll(AT_ONCE)
    for (int i = (int)threadIdx.x; i < N * D; i += THREADS) {
        const int r = i / D, c = i % D;
        const bool in = first + r < from.n && c < from.d;
        to[r * TILE_ROW<T, D> + c] = in ? from.at[(first + r) * from.row + c] : from_float<T>(0.0f);
    }
}

/* The warp's sums times factor[r] to rows from `first` on, by way of `room`: shared memory of the
 * block that nobody needs any more, TILE_ROWS rows of type O. */
template <class T, int D, class O, class S>
static __device__ __forceinline__ void tile_store(const struct head_rows<O> &to, int first, S &sums,
                                                  const float (&factor)[S::ROWS], void *room) {
    constexpr int V = vec<O>::N, ROW = TILE_ROW<O, D>;
    O *own = (O *)room + warp_number() * WARP_ROWS<T> * ROW;
    __syncwarp(); /* a call before has read it */
#pragma unroll
    for (int r = 0; r < S::ROWS; r++)
#pragma unroll
        for (int c = 0; c < S::COLUMNS; c++)
            own[row_of(sums, r) * ROW + column_of(sums, c)] =
                from_float<O>(sum_at(sums, r, c) * factor[r]);
    __syncwarp();
    first += warp_number() * WARP_ROWS<T>;
    const int whole = to.vectors ? to.d / V * V : 0, tail = to.d - whole;
    for (int i = lane_number(); i < WARP_ROWS<T> * (D / V); i += 32) {
        const int r = i / (D / V), c = i % (D / V) * V;
        if (c < whole && first + r < to.n)
            *(vec<O> *)(to.at + (first + r) * to.row + c) = *(const vec<O> *)(own + r * ROW + c);
    }
#pragma unroll 1
    for (int i = lane_number(); i < WARP_ROWS<T> * tail; i += 32) {
        const int r = i / tail, c = whole + i % tail;
        if (first + r < to.n) to.at[(first + r) * to.row + c] = own[r * ROW + c];
    }
}

/* Whether rows of all heads can be moved by vectors. */
static inline bool rows_by_vectors(const void *at, int64_t row, int64_t head, size_t element) {
    return ((uintptr_t)at | ((size_t)row * element) | ((size_t)head * element)) % 16 == 0;
}
template <class T> static bool attention_by_vectors(const struct attention_args *a) {
    return rows_by_vectors(a->q, a->q_row, a->q_head_stride, sizeof(T)) &&
           rows_by_vectors(a->k, a->k_row, a->k_head_stride, sizeof(T)) &&
           rows_by_vectors(a->v, a->v_row, a->v_head_stride, sizeof(T)) &&
           rows_by_vectors(a->out, a->o_row, a->v_head_stride, sizeof(T));
}

/* A launch with more shared memory than the 48 KiB that every kernel may have. */
template <class... P, class... A>
static inline err attention_launch(struct compute *c, const char *name, dim3 grid, size_t smem,
                                   void (*kernel)(P...), A &&...args) {
    TRY(cuda_check(
        c, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem),
        "cudaFuncSetAttribute"));
    return cuda_launch(c, name, grid, THREADS, smem, kernel, args...);
}

/* function<T, D> with the smallest D that holds the head size. */
#define ATTENTION_BY_SIZE(T, d, function, ...)                                                     \
    ((d) <= 32   ? function<T, 32>(__VA_ARGS__)                                                    \
     : (d) <= 64 ? function<T, 64>(__VA_ARGS__)                                                    \
                 : function<T, MAX_HEAD_SIZE>(__VA_ARGS__))

static inline err attention_head_size(const struct attention_args *a) {
    if (a->d <= MAX_HEAD_SIZE) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "head size %lld: attention on a GPU takes at most %d",
                (long long)a->d, MAX_HEAD_SIZE);
}

#endif
