/* SPDX-License-Identifier: Apache-2.0
 * Gradient of attention in three kernels: delta, dk and dv by a pass over tiles of keys, dq by a
 * pass over tiles of queries. Scores are computed in both passes: seven products instead of five,
 * but nothing is summed by atomics, so the same input gives the same bits. A tile of keys meets the
 * queries from its own first key on, until a document begins behind its last; a tile of queries
 * the keys from its first document's start on.
 * Read next: compute/ops/attention.h, the contract; compute/cuda/attention.cuh. */
#include "compute/cuda/attention.cuh"

/* What registers have room for: rows of a tile of queries (a tile of keys has two tiles of sums
 * instead), and columns at once. */
template <class T, int D> constexpr bool HELD = TENSOR<T> && (D <= 64);
template <class T, int D> constexpr int COLUMNS = TENSOR<T> && (D <= 64) ? 64 : 32;

/* Prepared once for both passes, padded to whole tiles, by head so that a tile reads them in one
 * piece. Queries behind the last have first INT32_MAX: they see no key. */
struct query_values {
    int64_t padded;     /* n_q in whole tiles */
    float *lse, *delta; /* [H][padded], lse times log2 e */
    int32_t *first;     /* [padded] */
};

enum { DELTA_QUERIES = 32, DELTA_HEADS = 8, DELTA_GROUP = 8, PAD = 64 };

/* What a lane of a group of DELTA_GROUP adds to out . dout of one query and head. */
template <class T>
static __device__ __forceinline__ float delta_part(const T *out, const T *dout, int d, int lane,
                                                   bool vectors) {
    constexpr int V = vec<T>::N;
    const int whole = vectors ? d / V * V : 0;
    float sum = 0.0f;
    for (int i = lane * V; i < whole; i += DELTA_GROUP * V) {
        const vec<T> x = *(const vec<T> *)(out + i), y = *(const vec<T> *)(dout + i);
        for (int j = 0; j < V; j++) sum = fmaf(to_float(x.v[j]), to_float(y.v[j]), sum);
    }
    for (int i = whole + lane; i < d; i += DELTA_GROUP)
        sum = fmaf(to_float(out[i]), to_float(dout[i]), sum);
    return sum;
}

/* Block (DELTA_QUERIES queries; DELTA_HEADS heads): turned in shared memory, so that reads go along
 * a query's heads and writes along a head's queries. */
template <class T>
static __global__ void __launch_bounds__(DELTA_QUERIES *DELTA_HEADS)
    attention_delta(struct attention_backward_args b, struct query_values to, bool vectors) {
    constexpr int ROW = DELTA_QUERIES + 4; /* 8 heads of 4 queries lie in 32 banks */
    __shared__ float delta[DELTA_HEADS][ROW], lse[DELTA_HEADS][ROW];
    const struct attention_args &a = b.forward;
    const int64_t query = (int64_t)blockIdx.x * DELTA_QUERIES;
    const int head = (int)blockIdx.y * DELTA_HEADS, thread = (int)threadIdx.x;
#pragma unroll
    for (int pass = 0; pass < DELTA_GROUP; pass++) {
        const int pair = pass * (DELTA_QUERIES * DELTA_HEADS / DELTA_GROUP) + thread / DELTA_GROUP;
        const int i = pair / DELTA_HEADS, h = pair % DELTA_HEADS, lane = thread % DELTA_GROUP;
        const int64_t at = (query + i) * a.o_row + (head + h) * a.v_head_stride;
        const bool in = query + i < a.n_q && head + h < a.h;
        float sum = !in ? 0.0f
                        : delta_part((const T *)a.out + at, (const T *)b.dout + at, (int)a.d, lane,
                                     vectors);
        for (int o = DELTA_GROUP / 2; o; o >>= 1) sum += __shfl_xor_sync(~0u, sum, o);
        if (lane == 0) delta[h][i] = sum;
    }
    const int i = thread / DELTA_HEADS, h = thread % DELTA_HEADS;
    const bool in = query + i < a.n_q && head + h < a.h;
    lse[h][i] = in ? a.lse[(query + i) * a.h + head + h] * LOG2_E : 0.0f;
    __syncthreads();
    const int own = thread % DELTA_QUERIES, own_head = thread / DELTA_QUERIES;
    if (head + own_head < a.h) {
        const int64_t at = (head + own_head) * to.padded + query + own;
        to.delta[at] = delta[own_head][own];
        to.lse[at] = lse[own_head][own];
    }
    if (blockIdx.y == 0 && own_head == 0)
        to.first[query + own] = query + own < a.n_q ? a.first[query + own] : INT32_MAX;
}

/* One stage of the columns' query_values in shared memory. */
template <int N> struct value_columns {
    float lse[N], delta[N];
    int32_t first[N];
};
template <int N>
static __device__ __forceinline__ void
values_load(struct value_columns<N> *to, const struct query_values &from, int head, int query) {
    const int array = (int)threadIdx.x / (N / 4), i = (int)threadIdx.x % (N / 4) * 4;
    const int64_t at = head * from.padded + query + i;
    if (array == 0) __pipeline_memcpy_async(to->lse + i, from.lse + at, 16);
    if (array == 1) __pipeline_memcpy_async(to->delta + i, from.delta + at, 16);
    if (array == 2) __pipeline_memcpy_async(to->first + i, from.first + query + i, 16);
}

/* Scores of keys (rows, from `key` on) with queries (columns) to probabilities. */
template <class S, int N>
static __device__ __forceinline__ void
key_probabilities(S &s, const struct value_columns<N> &values, int key, int query, float factor) {
    const bool whole = values.first[N - 1] <= key && query >= key + S::ROWS * 32 / S::LANES - 1;
#pragma unroll
    for (int c = 0; c < S::COLUMNS; c++) {
        const int column = column_of(s, c);
        const float lse = values.lse[column];
        const int32_t first = values.first[column];
#pragma unroll
        for (int r = 0; r < S::ROWS; r++) {
            const int j = key + row_of(s, r);
            const bool seen = whole || (first <= j && j <= query + column);
            const float p = exp2f(fmaf(sum_at(s, r, c), factor, -lse));
            sum_at(s, r, c) = seen ? p : 0.0f;
        }
    }
}
/* ds = p (dp - delta) */
template <class S, int N>
static __device__ __forceinline__ void key_slopes(S &p, S &dp,
                                                  const struct value_columns<N> &values) {
#pragma unroll
    for (int c = 0; c < S::COLUMNS; c++) {
        const float delta = values.delta[column_of(p, c)];
#pragma unroll
        for (int r = 0; r < S::ROWS; r++) sum_at(p, r, c) *= sum_at(dp, r, c) - delta;
    }
}

template <class T, int D>
constexpr size_t KEYS_SMEM = memory_bytes<T, D, COLUMNS<T, D>, false>(
    2, STAGES<T> * sizeof(struct value_columns<COLUMNS<T, D>>));

/* Block (tile of keys; head): dk and dv. */
template <class T, int D>
static __global__ void __launch_bounds__(THREADS, 2)
    attention_keys(struct attention_backward_args g, struct query_values from, bool vectors) {
    constexpr int N = COLUMNS<T, D>, S = STAGES<T>;
    using kind = attention_kind<T, D, N, false>;
    extern __shared__ __align__(128) unsigned char smem[];
    const struct attention_memory<T, D, N> m = memory_open<T, D, N, false>(smem, 2);
    struct value_columns<N> *values = (struct value_columns<N> *)m.rest;
    const struct attention_args &a = g.forward;
    const int head = (int)blockIdx.y, n = (int)a.n_q, d = (int)a.d;
    const int tile = (int)blockIdx.x * TILE_ROWS<T>, own = warp_number() * WARP_ROWS<T>;
    const int64_t hq = head * a.q_head_stride, hk = head * a.k_head_stride,
                  hv = head * a.v_head_stride;
    const struct head_rows<const T> q = {(const T *)a.q + hq, a.q_row, n, d, vectors},
                                    k = {(const T *)a.k + hk, a.k_row, n, d, vectors},
                                    v = {(const T *)a.v + hv, a.v_row, n, d, vectors}, o = {
        (const T *)g.dout + hv, a.o_row, n, d, vectors
    };

    tile_load<TILE_ROWS<T>, D>(m.rows[0], k, tile); /* with the first columns below */
    tile_load<TILE_ROWS<T>, D>(m.rows[1], v, tile);
    typename kind::rows key_rows, value_rows;
    rows_open(key_rows, m.rows[0] + own * TILE_ROW<T, D>);
    rows_open(value_rows, m.rows[1] + own * TILE_ROW<T, D>);

    typename kind::sums dk = {}, dv = {};
    int stage = 0;
    if (S == 2) {
        tile_load<N, D>(m.columns[0], q, tile);
        tile_load<N, D>(m.columns[1], o, tile);
        values_load(values, from, head, tile);
    }
    __pipeline_commit();
    /* `more`: the next columns see a key of the tile; known one turn before it is needed. */
    bool more = tile + N < n && from.first[tile + N] < tile + TILE_ROWS<T>;
    for (int query = tile, next; query < n; query = next) {
        next = more ? query + N : n;
        more = next + N < n && from.first[next + N] < tile + TILE_ROWS<T>;
        const int load = S == 2 ? next : query, place = S - 1 - stage;
        if (load < n) {
            tile_load<N, D>(m.columns[0] + place * m.TILE, q, load);
            tile_load<N, D>(m.columns[1] + place * m.TILE, o, load);
            values_load(values + place, from, head, load);
        }
        __pipeline_commit();
        __pipeline_wait_prior(S - 1);
        __syncthreads();
        const T *queries = m.columns[0] + stage * m.TILE, *slopes = m.columns[1] + stage * m.TILE;
        typename kind::scores s = {}, dp = {};
        tile_dots<D>(s, key_rows, queries);
        key_probabilities(s, values[stage], tile + own, query, a.scale * LOG2_E);
        tile_weigh<D>(dv, s, slopes, m.weights);
        tile_dots<D>(dp, value_rows, slopes);
        key_slopes(s, dp, values[stage]);
        tile_weigh<D>(dk, s, queries, m.weights);
        __syncthreads(); /* the stage is filled again */
        stage = S - 1 - stage;
    }
    float factor[kind::sums::ROWS], one[kind::sums::ROWS];
    for (int r = 0; r < kind::sums::ROWS; r++) factor[r] = a.scale, one[r] = 1.0f;
    tile_store<T, D>(head_rows<T>{(T *)g.dk + hk, a.k_row, n, d, vectors}, tile, dk, factor, smem);
    tile_store<T, D>(head_rows<T>{(T *)g.dv + hv, a.v_row, n, d, vectors}, tile, dv, one, smem);
}

/* Scores of queries (rows) with keys (columns, from `key` on) and dp to slopes. first NULL: every
 * query sees all the keys. */
template <class S>
static __device__ __forceinline__ void
query_slopes(S &s, S &dp, const float (&lse)[S::ROWS], const float (&delta)[S::ROWS],
             const int32_t *first, int query, int key, float factor) {
#pragma unroll
    for (int r = 0; r < S::ROWS; r++) {
        const int i = query + row_of(s, r);
        const int32_t from = first ? first[i] : 0;
#pragma unroll
        for (int c = 0; c < S::COLUMNS; c++) {
            const int j = key + column_of(s, c);
            const bool seen = !first || (from <= j && j <= i);
            const float p = exp2f(fmaf(sum_at(s, r, c), factor, -lse[r]));
            sum_at(s, r, c) = seen ? p * (sum_at(dp, r, c) - delta[r]) : 0.0f;
        }
    }
}

template <class T, int D>
constexpr size_t QUERIES_SMEM = memory_bytes<T, D, COLUMNS<T, D>, HELD<T, D>>(2, 0);

/* Block (tile of queries, the longest first; head): dq. */
template <class T, int D>
static __global__ void __launch_bounds__(THREADS, 2)
    attention_queries(struct attention_backward_args g, struct query_values from, bool vectors) {
    constexpr int N = COLUMNS<T, D>, S = STAGES<T>;
    using kind = attention_kind<T, D, N, HELD<T, D>>;
    extern __shared__ __align__(128) unsigned char smem[];
    const struct attention_memory<T, D, N> m = memory_open<T, D, N, HELD<T, D>>(smem, 2);
    const struct attention_args &a = g.forward;
    const int head = (int)blockIdx.y, n = (int)a.n_q, d = (int)a.d;
    const int tile = (int)(gridDim.x - 1 - blockIdx.x) * TILE_ROWS<T>,
              own = warp_number() * WARP_ROWS<T>;
    const int64_t hq = head * a.q_head_stride, hk = head * a.k_head_stride,
                  hv = head * a.v_head_stride;
    const struct head_rows<const T> q = {(const T *)a.q + hq, a.q_row, n, d, vectors},
                                    k = {(const T *)a.k + hk, a.k_row, n, d, vectors},
                                    v = {(const T *)a.v + hv, a.v_row, n, d, vectors}, o = {
        (const T *)g.dout + hv, a.o_row, n, d, vectors
    };

    tile_load<TILE_ROWS<T>, D>(m.rows[0], q, tile);
    tile_load<TILE_ROWS<T>, D>(m.rows[1], o, tile);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
    typename kind::rows query_rows, slope_rows;
    rows_open(query_rows, m.rows[0] + own * TILE_ROW<T, D>);
    rows_open(slope_rows, m.rows[1] + own * TILE_ROW<T, D>);
    if (HELD<T, D>) __syncthreads(); /* columns take the rows' place */

    typename kind::sums dq = {};
    float lse[kind::sums::ROWS], delta[kind::sums::ROWS];
    for (int r = 0; r < kind::sums::ROWS; r++) {
        const int64_t at = head * from.padded + tile + own + row_of(dq, r);
        lse[r] = from.lse[at], delta[r] = from.delta[at];
    }
    const int first = from.first[tile], all_from = from.first[tile + TILE_ROWS<T> - 1];
    const int end = min(n, tile + TILE_ROWS<T>);
    int stage = 0;
    if (S == 2) {
        tile_load<N, D>(m.columns[0], k, first);
        tile_load<N, D>(m.columns[1], v, first);
    }
    __pipeline_commit();
    for (int key = first; key < end; key += N) {
        const int load = S == 2 ? key + N : key, place = (S - 1 - stage) * m.TILE;
        if (load < end) {
            tile_load<N, D>(m.columns[0] + place, k, load);
            tile_load<N, D>(m.columns[1] + place, v, load);
        }
        __pipeline_commit();
        __pipeline_wait_prior(S - 1);
        __syncthreads();
        const T *keys = m.columns[0] + stage * m.TILE;
        typename kind::scores s = {}, dp = {};
        tile_dots<D>(s, query_rows, keys);
        tile_dots<D>(dp, slope_rows, m.columns[1] + stage * m.TILE);
        const bool whole = key >= all_from && key + N - 1 <= tile + own;
        query_slopes(s, dp, lse, delta, whole ? NULL : from.first, tile + own, key,
                     a.scale * LOG2_E);
        tile_weigh<D>(dq, s, keys, m.weights);
        __syncthreads(); /* the stage is filled again */
        stage = S - 1 - stage;
    }
    float factor[kind::sums::ROWS];
    for (int r = 0; r < kind::sums::ROWS; r++) factor[r] = a.scale;
    tile_store<T, D>(head_rows<T>{(T *)g.dq + hq, a.q_row, n, d, vectors}, tile, dq, factor, smem);
}

template <class T, int D>
static err run_size(struct compute *c, const struct attention_backward_args *g,
                    const struct query_values *from) {
    const struct attention_args *a = &g->forward;
    const dim3 tiles(n_blocks(a->n_q, TILE_ROWS<T>), (unsigned)a->h);
    const bool vectors =
        attention_by_vectors<T>(a) &&
        ((uintptr_t)g->dout | (uintptr_t)g->dq | (uintptr_t)g->dk | (uintptr_t)g->dv) % 16 == 0;
    TRY(cuda_launch(c, "attention_backward",
                    dim3((unsigned)(from->padded / DELTA_QUERIES), n_blocks(a->h, DELTA_HEADS)),
                    DELTA_QUERIES * DELTA_HEADS, 0, attention_delta<T>, *g, *from, vectors));
    TRY(attention_launch(c, "attention_backward", tiles, KEYS_SMEM<T, D>, attention_keys<T, D>, *g,
                         *from, vectors));
    return attention_launch(c, "attention_backward", tiles, QUERIES_SMEM<T, D>,
                            attention_queries<T, D>, *g, *from, vectors);
}

template <class T> static err run(struct compute *c, const struct attention_backward_args *g) {
    const struct attention_args *a = &g->forward;
    if (a->n_q == 0) return ERR_OK;
    TRY(attention_head_size(a));
    struct query_values values = {};
    values.padded = (a->n_q + PAD - 1) / PAD * PAD;
    void *scratch;
    TRY(cuda_scratch(c, (size_t)(values.padded * (2 * a->h + 1)) * sizeof(float), &scratch));
    values.lse = (float *)scratch;
    values.delta = values.lse + values.padded * a->h;
    values.first = (int32_t *)(values.delta + values.padded * a->h);
    return ATTENTION_BY_SIZE(T, a->d, run_size, c, g, &values);
}

extern "C" err cuda_attention_backward(struct compute *c, const struct attention_backward_args *g) {
    return CUDA_BY_ACT(c, run, c, g);
}
