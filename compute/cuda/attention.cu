/* SPDX-License-Identifier: Apache-2.0
 * Causal attention without a matrix of scores. A block takes a tile of queries of one head through
 * blocks of keys, from the smallest `first` of the tile to its largest `last`: scores, an online
 * softmax in registers, the values' sums. Blocks of keys that no query sees are left out, and only
 * blocks that some query does not see whole are masked. Where tiles are too few to fill a GPU
 * (decoding: few queries, many keys) a tile's keys are cut into parts, a block each; a second
 * kernel folds the parts in order.
 * Read next: compute/ops/attention.h, the contract; compute/cuda/attention.cuh. */
#include "compute/cuda/attention.cuh"

/* Blocks that fill the largest GPUs, and the least blocks of keys that are worth a part. */
enum { ENOUGH_BLOCKS = 512, PART_KEY_BLOCKS = 2 };

template <class T> constexpr int KEYS = TENSOR<T> ? 64 : 32; /* of a block */

/* Results of parts: [parts][n_q][H], sums of D_PADDED values each. One part: out is written. */
struct attention_parts {
    int n;
    float *sums, *most, *total;
};

/* The tile's borders in shared memory, and what they say of all its queries. */
struct tile_borders {
    const int32_t *first, *last; /* [TILE_ROWS]; queries behind the last see nothing */
    int32_t low, high;           /* no query sees a key before or behind these */
    int32_t all_from, all_to;    /* every query sees these and the keys between them */
};

static __device__ __forceinline__ void borders_load(const struct attention_args &a, int query,
                                                    int n, int32_t *first, int32_t *last) {
    const int i = (int)threadIdx.x;
    if (i >= n) return;
    const bool in = query + i < a.n_q;
    first[i] = in ? a.first[query + i] : INT32_MAX;
    last[i] = !in ? -1 : a.last ? a.last[query + i] : query + i;
}

static __device__ __forceinline__ struct tile_borders borders_open(const int32_t *first,
                                                                   const int32_t *last, int n) {
    struct tile_borders b = {first, last, INT32_MAX, -1, 0, INT32_MAX};
    for (int i = lane_number(); i < n; i += 32) {
        b.low = min(b.low, first[i]);
        b.high = max(b.high, last[i]);
        b.all_from = max(b.all_from, first[i]);
        b.all_to = min(b.all_to, last[i]);
    }
    for (int o = 16; o; o >>= 1) {
        b.low = min(b.low, __shfl_xor_sync(~0u, b.low, o));
        b.high = max(b.high, __shfl_xor_sync(~0u, b.high, o));
        b.all_from = max(b.all_from, __shfl_xor_sync(~0u, b.all_from, o));
        b.all_to = min(b.all_to, __shfl_xor_sync(~0u, b.all_to, o));
    }
    return b;
}

/* The first block of keys from `block` on, below `end`, that any query sees. Only between texts of
 * a cache (`gaps`) are there others. */
template <class T>
static __device__ __forceinline__ int block_seen(const struct tile_borders &b, bool gaps, int block,
                                                 int end) {
    for (; gaps && block < end; block++) {
        const int32_t key = b.low + block * KEYS<T>;
        bool seen = false;
        for (int i = lane_number(); i < TILE_ROWS<T>; i += 32)
            seen = seen || (b.first[i] < key + KEYS<T> && b.last[i] >= key);
        if (__ballot_sync(~0u, seen)) break;
    }
    return block;
}

/* -infinity for keys that a query does not see, where the block has any. */
template <class T, class S>
static __device__ __forceinline__ void scores_mask(S &s, const struct tile_borders &b,
                                                   int32_t key) {
    if (key >= b.all_from && key + KEYS<T> - 1 <= b.all_to) return;
    const int own = warp_number() * WARP_ROWS<T>;
#pragma unroll
    for (int r = 0; r < S::ROWS; r++) {
        const int32_t first = b.first[own + row_of(s, r)], last = b.last[own + row_of(s, r)];
#pragma unroll
        for (int c = 0; c < S::COLUMNS; c++) {
            const int32_t j = key + column_of(s, c);
            if (j < first || j > last) sum_at(s, r, c) = -INFINITY;
        }
    }
}

/* Scores become exp2(factor (s - most)), where `most` is the largest so far; what was summed under
 * a smaller one is made smaller. A lane's `total` is of its own columns. */
template <class S, class A>
static __device__ __forceinline__ void online_softmax(S &s, A &sums, float (&most)[S::ROWS],
                                                      float (&total)[S::ROWS], float factor) {
#pragma unroll
    for (int r = 0; r < S::ROWS; r++) {
        float m = most[r];
#pragma unroll
        for (int c = 0; c < S::COLUMNS; c++) m = fmaxf(m, sum_at(s, r, c));
#pragma unroll
        for (int o = S::LANES / 2; o; o >>= 1) m = fmaxf(m, __shfl_xor_sync(~0u, m, o));
        const float shift = m == -INFINITY ? 0.0f : -(m * factor); /* nothing seen yet */
        const float shrink = exp2f(fmaf(most[r], factor, shift));
        most[r] = m;
        total[r] *= shrink;
#pragma unroll
        for (int c = 0; c < A::COLUMNS; c++) sum_at(sums, r, c) *= shrink;
#pragma unroll
        for (int c = 0; c < S::COLUMNS; c++) {
            const float p = exp2f(fmaf(sum_at(s, r, c), factor, shift));
            total[r] += p;
            sum_at(s, r, c) = p;
        }
    }
}

/* Queries that are done: out and lse, or the part's sums. */
template <class T, int D, class A>
static __device__ __forceinline__ void
queries_store(const struct attention_args &a, const struct attention_parts &parts, bool vectors,
              int query, A &sums, float (&most)[A::ROWS], float (&total)[A::ROWS], void *room) {
    const int head = (int)blockIdx.y, part = (int)blockIdx.z, n = (int)a.n_q, d = (int)a.d;
    const int own = query + warp_number() * WARP_ROWS<T>;
    float factor[A::ROWS];
#pragma unroll
    for (int r = 0; r < A::ROWS; r++) {
#pragma unroll
        for (int o = A::LANES / 2; o; o >>= 1) total[r] += __shfl_xor_sync(~0u, total[r], o);
        const int i = own + row_of(sums, r);
        factor[r] = parts.n == 1 ? 1.0f / total[r] : 1.0f;
        if (i >= n || lane_number() % A::LANES != 0) continue;
        const int64_t at = i * a.h + head;
        if (parts.n > 1) {
            parts.most[part * a.n_q * a.h + at] = most[r];
            parts.total[part * a.n_q * a.h + at] = total[r];
        } else if (a.lse) {
            a.lse[at] = fmaf(most[r], a.scale, logf(total[r]));
        }
    }
    if (parts.n > 1) {
        const struct head_rows<float> to = {
            parts.sums + (part * a.n_q * a.h + head) * D, a.h *D, n, D, true
        };
        tile_store<T, D>(to, query, sums, factor, room);
        return;
    }
    const struct head_rows<T> to = { (T *)a.out + head *a.v_head_stride, a.o_row, n, d, vectors };
    tile_store<T, D>(to, query, sums, factor, room);
}

template <class T, int D>
constexpr size_t FORWARD_SMEM = memory_bytes<T, D, KEYS<T>, TENSOR<T>>(1, 2 * sizeof(int32_t) *
                                                                              TILE_ROWS<T>);

/* Block (tile of queries, the longest first; head; part of the keys). */
template <class T, int D>
static __global__ void __launch_bounds__(THREADS, 2)
    attention(struct attention_args a, struct attention_parts parts, bool vectors) {
    constexpr int N = KEYS<T>, S = STAGES<T>;
    using kind = attention_kind<T, D, N, TENSOR<T>>;
    extern __shared__ __align__(128) unsigned char smem[];
    const struct attention_memory<T, D, N> m = memory_open<T, D, N, TENSOR<T>>(smem, 1);
    int32_t *first = (int32_t *)m.rest, *last = first + TILE_ROWS<T>;
    const int head = (int)blockIdx.y, part = (int)blockIdx.z, d = (int)a.d;
    const int query = (int)(gridDim.x - 1 - blockIdx.x) * TILE_ROWS<T>;
    const struct head_rows<const T> q = {(const T *)a.q + head * a.q_head_stride, a.q_row,
                                         (int)a.n_q, d, vectors},
                                    k = {(const T *)a.k + head * a.k_head_stride, a.k_row,
                                         (int)a.n_k, d, vectors},
                                    v = {
        (const T *)a.v + head *a.v_head_stride, a.v_row, (int)a.n_k, d, vectors
    };

    tile_load<TILE_ROWS<T>, D>(m.rows[0], q, query);
    borders_load(a, query, TILE_ROWS<T>, first, last);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
    typename kind::rows rows;
    rows_open(rows, m.rows[0] + warp_number() * WARP_ROWS<T> * TILE_ROW<T, D>);
    if (TENSOR<T>) __syncthreads(); /* columns take the rows' place */

    const struct tile_borders b = borders_open(first, last, TILE_ROWS<T>);
    const int n_blocks_all = (b.high - b.low) / N + 1;
    const int begin = (int)((int64_t)n_blocks_all * part / parts.n);
    const int end = (int)((int64_t)n_blocks_all * (part + 1) / parts.n);
    const bool gaps = a.last != NULL, active = query + warp_number() * WARP_ROWS<T> < a.n_q;
    typename kind::sums sums = {};
    float most[kind::sums::ROWS], total[kind::sums::ROWS] = {};
    for (int r = 0; r < kind::sums::ROWS; r++) most[r] = -INFINITY;
    int block = block_seen<T>(b, gaps, begin, end), stage = 0;
    if (S == 2 && block < end) {
        tile_load<N, D>(m.columns[0], k, b.low + block * N);
        tile_load<N, D>(m.columns[1], v, b.low + block * N);
    }
    __pipeline_commit();
    while (block < end) {
        const int next = block_seen<T>(b, gaps, block + 1, end), load = S == 2 ? next : block;
        if (load < end) {
            const int place = (S - 1 - stage) * m.TILE;
            tile_load<N, D>(m.columns[0] + place, k, b.low + load * N);
            tile_load<N, D>(m.columns[1] + place, v, b.low + load * N);
        }
        __pipeline_commit();
        __pipeline_wait_prior(S - 1);
        __syncthreads();
        if (active) {
            typename kind::scores s = {};
            tile_dots<D>(s, rows, m.columns[0] + stage * m.TILE);
            scores_mask<T>(s, b, b.low + block * N);
            online_softmax(s, sums, most, total, a.scale * LOG2_E);
            tile_weigh<D>(sums, s, m.columns[1] + stage * m.TILE, m.weights);
        }
        __syncthreads(); /* the stage is filled again */
        stage = S - 1 - stage;
        block = next;
    }
    queries_store<T, D>(a, parts, vectors, query, sums, most, total, smem);
}

/* Folds the parts of a query's head: a warp each. */
template <class T, int D>
static __global__ void __launch_bounds__(THREADS)
    attention_fold(struct attention_args a, struct attention_parts parts) {
    const int64_t n = a.n_q * a.h, at = (int64_t)blockIdx.x * WARPS + warp_number();
    if (at >= n) return;
    float most = -INFINITY, total = 0.0f, sums[D / 32] = {};
    for (int p = 0; p < parts.n; p++) most = fmaxf(most, parts.most[p * n + at]);
    for (int p = 0; p < parts.n; p++) {
        const float weight = exp2f((parts.most[p * n + at] - most) * (a.scale * LOG2_E));
        total = fmaf(weight, parts.total[p * n + at], total);
#pragma unroll
        for (int c = 0; c < D / 32; c++)
            sums[c] = fmaf(weight, parts.sums[(p * n + at) * D + lane_number() + 32 * c], sums[c]);
    }
    T *out = (T *)a.out + at / a.h * a.o_row + at % a.h * a.v_head_stride;
#pragma unroll
    for (int c = 0; c < D / 32; c++)
        if (lane_number() + 32 * c < a.d)
            out[lane_number() + 32 * c] = from_float<T>(sums[c] / total);
    if (a.lse && lane_number() == 0) a.lse[at] = fmaf(most, a.scale, logf(total));
}

template <class T, int D> static err run_size(struct compute *c, const struct attention_args *a) {
    const dim3 tiles(n_blocks(a->n_q, TILE_ROWS<T>), (unsigned)a->h);
    const int64_t most_parts = n_blocks(a->n_k, KEYS<T> * PART_KEY_BLOCKS);
    const int64_t wanted = ENOUGH_BLOCKS / ((int64_t)tiles.x * tiles.y + 1);
    struct attention_parts parts = {};
    parts.n = (int)(wanted < 1 ? 1 : wanted < most_parts ? wanted : most_parts);
    const int64_t n = parts.n * a->n_q * a->h;
    if (parts.n > 1) {
        void *scratch;
        TRY(cuda_scratch(c, (size_t)(n * (D + 2)) * sizeof(float), &scratch));
        parts.sums = (float *)scratch;
        parts.most = parts.sums + n * D;
        parts.total = parts.most + n;
    }
    TRY(attention_launch(c, "attention", dim3(tiles.x, tiles.y, (unsigned)parts.n),
                         FORWARD_SMEM<T, D>, attention<T, D>, *a, parts,
                         attention_by_vectors<T>(a)));
    if (parts.n == 1) return ERR_OK;
    return cuda_launch(c, "attention", n_blocks(a->n_q * a->h, WARPS), THREADS, 0,
                       attention_fold<T, D>, *a, parts);
}

template <class T> static err run(struct compute *c, const struct attention_args *a) {
    if (a->n_q == 0) return ERR_OK;
    TRY(attention_head_size(a));
    return ATTENTION_BY_SIZE(T, a->d, run_size, c, a);
}

extern "C" err cuda_attention(struct compute *c, const struct attention_args *a) {
    BUG_IF(a->k_turned);
    return CUDA_BY_ACT(c, run, c, a);
}
