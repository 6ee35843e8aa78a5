/* SPDX-License-Identifier: Apache-2.0
 * Causal attention. A thread takes a run of one head's queries and works in blocks of up to
 * TILE_ROWS queries with the same first key: scores of all their keys, softmax, then the values.
 * Many queries have their keys (transposed, as panels of a product) and values packed first; few
 * read them where they lie, so that decoding a token copies nothing of its cache. Scores take
 * TILE_ROWS rows, so memory is linear in the number of keys. Sums stop exactly at each query's own
 * key: nothing beyond it, and nothing of another document, takes part even as a zero.
 * Read next: compute/ops/attention.h, compute/cpu/tile.h; then attention_backward.c. */
#include "compute/ops/attention.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/softmax.h"
#include "compute/cpu/pack.h"
#include "compute/cpu/product_few.h"
#include "compute/math64.h"

struct attention_work {
    const struct attention_args *args;
    int64_t runs;      /* runs of queries a head is cut into */
    int64_t d_wide;    /* D in whole vectors */
    int64_t keys_wide; /* room for keys, in whole panels */
    float *scratch;
    int64_t scratch_count; /* floats a thread */
};

/* One thread's memory and what it holds now. */
struct attention_run {
    int64_t head, key_start, key_end;
    bool packed;          /* else keys and values are read where they lie */
    float *packed_keys;   /* panels [.][D][TILE_COLS] of keys key_start .. */
    float *packed_values; /* [.][d_wide] */
    const float *values;  /* of key_start; the packed ones or the operand's */
    int64_t values_row;
    float *scores; /* [TILE_ROWS][keys_wide] */
    float *sums;   /* [TILE_ROWS][d_wide] */
};

/* The key of a query's own token. */
static int64_t attention_key(const struct attention_args *args, int64_t query) {
    return args->last ? args->last[query] : query;
}

/* The end of the run of queries from i on, below `stop`, whose own keys follow each other. */
static int64_t attention_span_end(const struct attention_args *args, int64_t i, int64_t stop) {
    const int64_t key = attention_key(args, i);
    int64_t end = args->last ? i + 1 : stop;
    while (end < stop && args->last[end] == key + end - i) end++;
    return end;
}

/* The lowest key that queries [start, stop) see. */
static int64_t attention_low(const struct attention_args *args, int64_t start, int64_t stop) {
    int64_t low = args->first[start];
    for (int64_t i = start; i < stop; i++) {
        BUG_IF(args->first[i] < 0 || args->first[i] > attention_key(args, i));
        if (args->first[i] < low) low = args->first[i];
    }
    return low;
}

/* Of any span: what a thread needs memory for. */
static int64_t attention_most_keys(const struct attention_args *args) {
    int64_t most = 0;
    for (int64_t i = 0, end; i < args->n_q; i = end) {
        end = attention_span_end(args, i, args->n_q);
        const int64_t key = attention_key(args, end - 1);
        const int64_t keys = key - attention_low(args, i, end) + 1;
        BUG_IF(key >= args->n_k);
        if (keys > most) most = keys;
    }
    return most;
}

static int64_t attention_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

static const float *attention_keys(const struct attention_args *args, int64_t head, int64_t key) {
    return (const float *)args->k + key * args->k_row + head * args->k_head_stride;
}

/* Values are read by whole vectors, so where they lie only if a head has no part of one. */
static void attention_open(const struct attention_work *w, struct attention_run *r, int64_t n_q) {
    const struct attention_args *args = w->args;
    const int64_t n = r->key_end - r->key_start, d = args->d;
    const float *k = attention_keys(args, r->head, r->key_start);
    const float *v =
        (const float *)args->v + r->key_start * args->v_row + r->head * args->v_head_stride;
    const struct mat turned = {k, DTYPE_F32, 1, args->k_row};
    r->packed = n_q > TILE_ROWS || d != w->d_wide;
    r->values = r->packed ? r->packed_values : v;
    r->values_row = r->packed ? w->d_wide : args->v_row;
    if (!r->packed) return;
    for (int64_t j = 0; j < n; j += TILE_COLS) {
        int64_t cols = n - j < TILE_COLS ? n - j : TILE_COLS;
        pack_panel(&(struct pack_block){&turned, 0, j, d, cols, r->packed_keys + j * d, TILE_COLS});
    }
    for (int64_t j = 0; j < n; j++) {
        float *to = r->packed_values + j * w->d_wide;
        memcpy(to, v + j * args->v_row, (size_t)d * sizeof(float));
        memset(to + d, 0, (size_t)(w->d_wide - d) * sizeof(float));
    }
}

/* Scores of queries [query, query + rows) with every key from `low` to the last query's, in place
 * of the key. */
static void attention_scores(const struct attention_work *w, const struct attention_run *r,
                             int64_t query, int rows, int64_t low) {
    const struct attention_args *args = w->args;
    const int64_t last = attention_key(args, query + rows - 1) - r->key_start;
    struct tile t = {
        .k = args->d,
        .a = (const float *)args->q + query * args->q_row + r->head * args->q_head_stride,
        .a_row = args->q_row,
        .a_k = 1,
        .b_row = TILE_COLS,
        .c_row = w->keys_wide,
        .from_zero = true,
    };
    if (!r->packed) {
        const struct product_args product = {
            .m = rows,
            .n = last + r->key_start - low + 1,
            .k = args->d,
            .a = {t.a, DTYPE_F32, t.a_row, 1},
            .b = {attention_keys(args, r->head, low), DTYPE_F32, 1, args->k_row},
            .c = r->scores + (low - r->key_start),
            .c_stride = w->keys_wide};
        CPU(product_few)(&product);
        return;
    }
    for (int64_t j = (low - r->key_start) / TILE_COLS * TILE_COLS; j <= last; j += TILE_COLS) {
        t.b = r->packed_keys + j * args->d;
        t.c = r->scores + j;
        CPU(tile)(&t, rows, TILE_COLS);
    }
}

/* sums[row] (+)= scores[row][from .. from + n) values[from ...], for `rows` rows from `row` on. */
static void attention_values(const struct attention_work *w, const struct attention_run *r, int row,
                             int rows, int64_t from, int64_t n) {
    struct tile t = {
        .k = n,
        .a = r->scores + row * w->keys_wide + from,
        .a_row = w->keys_wide,
        .a_k = 1,
        .b_row = r->values_row,
        .c_row = w->d_wide,
    };
    for (int64_t j = 0; j < w->d_wide; j += TILE_COLS) {
        int64_t cols = w->d_wide - j < TILE_COLS ? w->d_wide - j : TILE_COLS;
        t.b = r->values + from * r->values_row + j;
        t.c = r->sums + row * w->d_wide + j;
        CPU(tile)(&t, rows, cols);
    }
}

static void attention_block(const struct attention_work *w, const struct attention_run *r,
                            int64_t query, int rows) {
    const struct attention_args *args = w->args;
    const int64_t low = args->first[query], from = low - r->key_start;
    const int64_t common = attention_key(args, query) - low + 1; /* keys that all rows see */
    float total[TILE_ROWS];
    attention_scores(w, r, query, rows, low);
    for (int i = 0; i < rows; i++) {
        float *s = r->scores + i * w->keys_wide + from;
        const int64_t n = common + i;
        for (int64_t j = 0; j < n; j += SIMD_WIDTH) {
            vec_store_left(s + j, vec_load_left(s + j, n - j) * args->scale, n - j);
        }
        const float most = softmax_max(s, n);
        total[i] = softmax_exp(s, n, most, s);
        if (args->lse != NULL) {
            args->lse[(query + i) * args->h + r->head] =
                (float)((double)most + math_log((double)total[i]));
        }
    }
    memset(r->sums, 0, (size_t)(rows * w->d_wide) * sizeof(float));
    attention_values(w, r, 0, rows, from, common);
    for (int i = 1; i < rows; i++) attention_values(w, r, i, 1, from + common, i);
    for (int i = 0; i < rows; i++) {
        float *out = (float *)args->out + (query + i) * args->o_row + r->head * args->v_head_stride;
        for (int64_t j = 0; j < args->d; j++) out[j] = r->sums[i * w->d_wide + j] / total[i];
    }
}

/* Queries [start, stop) whose own keys follow each other. */
static void attention_span(const struct attention_work *w, struct attention_run *r, int64_t start,
                           int64_t stop) {
    const struct attention_args *args = w->args;
    r->key_start = attention_low(args, start, stop);
    r->key_end = attention_key(args, stop - 1) + 1;
    attention_open(w, r, stop - start);
    for (int64_t i = start, rows; i < stop; i += rows) {
        for (rows = 1; rows < TILE_ROWS && i + rows < stop; rows++) {
            if (args->first[i + rows] != args->first[i]) break;
        }
        attention_block(w, r, i, (int)rows);
    }
}

static void attention_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_work *w = ctx;
    const struct attention_args *args = w->args;
    struct attention_run r;
    r.packed_keys = w->scratch + thread * w->scratch_count;
    r.packed_values = r.packed_keys + w->keys_wide * args->d;
    r.scores = r.packed_values + w->keys_wide * w->d_wide;
    r.sums = r.scores + TILE_ROWS * w->keys_wide;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % w->runs;
        const int64_t start = args->n_q * part / w->runs, stop = args->n_q * (part + 1) / w->runs;
        r.head = item / w->runs;
        for (int64_t i = start, next; i < stop; i = next) {
            next = attention_span_end(args, i, stop);
            attention_span(w, &r, i, next);
        }
    }
}

/* Floats of a thread: see attention_piece. */
static int64_t attention_scratch_count(int64_t keys, int64_t d) {
    const int64_t d_wide = attention_round_up(d, SIMD_WIDTH);
    return attention_round_up(keys, TILE_COLS) * (d + d_wide + TILE_ROWS) + TILE_ROWS * d_wide;
}

size_t CPU(attention_scratch)(const struct work_shape *shape) {
    return (size_t)(attention_scratch_count(shape->rows, shape->head_size) * par_threads()) *
           sizeof(float);
}

err CPU(attention)(struct compute *c, const struct attention_args *args) {
    BUG_IF(args->d < 1);
    struct attention_work w = {.args = args};
    /* Heads alone keep the threads busy when there are many; else each is cut into runs. */
    const int64_t threads = par_threads();
    w.runs = args->h >= 4 * threads ? 1 : (2 * threads + args->h - 1) / args->h;
    if (w.runs > args->n_q / 64 + 1) w.runs = args->n_q / 64 + 1;
    w.d_wide = attention_round_up(args->d, SIMD_WIDTH);
    w.keys_wide = attention_round_up(attention_most_keys(args), TILE_COLS);
    w.scratch_count = attention_scratch_count(w.keys_wide, args->d);
    void *scratch;
    TRY(cpu_scratch(c, (size_t)(w.scratch_count * threads) * sizeof(float), &scratch));
    w.scratch = scratch;
    par_for(args->h * w.runs, 1, attention_piece, &w);
    return ERR_OK;
}
