/* SPDX-License-Identifier: Apache-2.0
 * Causal attention with an online softmax. A thread takes a run of one head's queries. A block of
 * queries goes through its document's keys in blocks: scores, exponentials under the largest score
 * so far, and the values' sums, which are made smaller when a larger score comes. So scores take
 * the memory of one block, and a head's keys (transposed, as panels of a product) and values are
 * packed once for all its blocks. The turned keys of a cache are such panels already, and few
 * queries read values where they lie, so that decoding a token copies nothing of its cache. Sums
 * stop exactly at each query's own key: nothing beyond it, and nothing of another document, takes
 * part even as a zero.
 * Read next: compute/ops/attention.h, compute/cpu/attention.h; then attention_backward.c. */
#include "compute/ops/attention.h"

#include "base/par.h"
#include "compute/cpu/attention.h"
#include "compute/cpu/math.h"
#include "compute/cpu/pack.h"
#include "compute/math64.h"
#include <math.h>

/* Floats between rows of scores: of a block, and of what its first panel has before it. */
enum { ATTENTION_ROW = ATTENTION_KEYS + TILE_COLS };
_Static_assert(TURNED_KEYS % TILE_COLS == 0, "panels of turned keys are whole tiles");

struct attention_work {
    const struct attention_args *args;
    int64_t head, runs; /* the first of the heads at work, and runs of queries each is cut into */
    int64_t d_wide;     /* D in whole vectors */
    int64_t keys_wide;  /* room for keys, in whole panels */
    float *scratch;
    int64_t scratch_count; /* floats a thread */
};

/* One thread's memory and what it holds now: keys and values of one document, from its first. */
struct attention_run {
    int64_t head, first;
    float *packed_keys;   /* panels [.][D][TILE_COLS] */
    float *packed_values; /* [.][d_wide] */
    const float *values;  /* the packed ones or the operand's */
    int64_t values_row;
    float *scores;       /* [ATTENTION_QUERIES][ATTENTION_ROW] */
    int64_t aside;       /* columns of scores before those of the block of keys */
    float *sums;         /* [ATTENTION_QUERIES][d_wide] */
    float *most, *total; /* [ATTENTION_QUERIES]: largest score, sum of exponentials */
};

/* A block of queries against a block of keys. */
struct attention_pair {
    int64_t query, rows; /* first query, queries */
    int64_t key, keys;   /* first key, counted from the document's, and keys up to the last seen */
    int64_t own;         /* the first query's key, counted from the block's first */
};

/* The key of a query's own token. */
static int64_t attention_key(const struct attention_args *args, int64_t query) {
    return args->last ? args->last[query] : query;
}

/* The end of the run of queries from i on, below `stop`, of one document and with keys of their
 * own that follow each other. */
static int64_t attention_span_end(const struct attention_args *args, int64_t i, int64_t stop) {
    const int64_t key = attention_key(args, i);
    int64_t end = i + 1;
    while (end < stop && args->first[end] == args->first[i] &&
           attention_key(args, end) == key + end - i) {
        end++;
    }
    return end;
}

/* Of any span: what a thread needs memory for. */
static int64_t attention_most_keys(const struct attention_args *args) {
    int64_t most = 0;
    for (int64_t i = 0, end; i < args->n_q; i = end) {
        end = attention_span_end(args, i, args->n_q);
        const int64_t keys = attention_key(args, end - 1) - args->first[i] + 1;
        BUG_IF(args->first[i] < 0 || attention_key(args, i) < args->first[i]);
        BUG_IF(attention_key(args, end - 1) >= args->n_k);
        if (keys > most) most = keys;
    }
    return most;
}

/* Takes up n keys for n_q queries. Values are read by whole vectors, so where they lie only if a
 * head has no part of one. */
static void attention_open(const struct attention_work *w, struct attention_run *r, int64_t n,
                           int64_t n_q) {
    const struct attention_args *args = w->args;
    const int64_t d = args->d;
    const float *v =
        (const float *)args->v + r->first * args->v_row + r->head * args->v_head_stride;
    const bool in_place = n_q <= TILE_ROWS && d == w->d_wide;
    if (!args->k_turned) {
        const float *k =
            (const float *)args->k + r->first * args->k_row + r->head * args->k_head_stride;
        const struct mat turned = {k, DTYPE_F32, 1, args->k_row};
        pack_panels(&(struct pack_block){&turned, 0, 0, d, n, r->packed_keys, TILE_COLS},
                    TILE_COLS * d);
    }
    r->values = in_place ? v : r->packed_values;
    r->values_row = in_place ? args->v_row : w->d_wide;
    for (int64_t j = 0; j < n && !in_place; j++) {
        float *to = r->packed_values + j * w->d_wide;
        memcpy(to, v + j * args->v_row, (size_t)d * sizeof(float));
        memset(to + d, 0, (size_t)(w->d_wide - d) * sizeof(float));
    }
}

static int attention_rows(const struct attention_pair *at, int64_t i) {
    return (int)(at->rows - i < TILE_ROWS ? at->rows - i : TILE_ROWS);
}

/* The key behind those that all rows of the tile from row i on see. */
static int64_t attention_common(const struct attention_pair *at, int64_t i) {
    return at->own + i + 1 < at->keys ? at->own + i + 1 : at->keys;
}

/* TILE_COLS keys from `key` on, with each element of d a row. */
static struct tile attention_panel(const struct attention_work *w, const struct attention_run *r,
                                   int64_t key) {
    const struct attention_args *args = w->args;
    const int64_t inside = key % TURNED_KEYS;
    struct tile t = {
        .k = args->d, .a_row = args->q_row, .a_k = 1, .c_row = ATTENTION_ROW, .from_zero = true};
    if (args->k_turned) {
        t.b = (const float *)args->k + (key - inside) * args->k_row +
              r->head * args->k_head_stride * TURNED_KEYS + inside;
        t.b_row = TURNED_KEYS;
    } else {
        t.b = r->packed_keys + (key - r->first) * args->d;
        t.b_row = TILE_COLS;
    }
    return t;
}

/* Scores of every query with the keys that it sees, and some more: turned keys are read where they
 * lie, so their panels may begin before the first one. */
static void attention_scores(const struct attention_work *w, struct attention_run *r,
                             const struct attention_pair *at) {
    const struct attention_args *args = w->args;
    const float *q =
        (const float *)args->q + at->query * args->q_row + r->head * args->q_head_stride;
    const int64_t key = r->first + at->key;
    r->aside = args->k_turned ? key % TILE_COLS : 0;
    for (int64_t j = -r->aside; j < at->keys; j += TILE_COLS) {
        struct tile t = attention_panel(w, r, key + j);
        for (int64_t i = j > at->own ? (j - at->own) / TILE_ROWS * TILE_ROWS : 0; i < at->rows;
             i += TILE_ROWS) {
            t.a = q + i * args->q_row;
            t.c = r->scores + i * ATTENTION_ROW + r->aside + j;
            CPU(tile)(&t, attention_rows(at, i), TILE_COLS);
        }
    }
}

/* n scores s of one row become exp(scale s - scale most). Where they raise `most`, what was summed
 * under the old one is made smaller. */
static void attention_softmax(const struct attention_work *w, const struct attention_run *r,
                              int64_t row, float *s, int64_t n, bool start) {
    const float scale = w->args->scale;
    float *most = r->most + row, *total = r->total + row, *sums = r->sums + row * w->d_wide;
    for (; n % LANES != 0; n++) s[n] = -INFINITY; /* adds zeros, and raises nothing */
    vec largest = vec_load(s);
    for (int64_t j = SIMD_WIDTH; j < n; j += SIMD_WIDTH) {
        largest = vec_max(vec_load(s + j), largest);
    }
    const float highest = vec_highest(largest);
    if (start) {
        *most = highest;
        *total = 0.0f;
    } else if (highest > *most) {
        const vec factor = vec_exp(vec_set(scale * (*most - highest)));
        for (int64_t j = 0; j < w->d_wide; j += SIMD_WIDTH) {
            vec_store(sums + j, vec_load(sums + j) * factor);
        }
        *total *= factor[0];
        *most = highest;
    }
    const vec factor = vec_set(scale), shift = vec_set(-(scale * *most));
    struct lanes l = {{{0}}};
    for (int64_t j = 0; j < n; j += LANES) {
        for (int v = 0; v < LANE_VECS; v++) {
            float *at = s + j + v * SIMD_WIDTH;
            const vec x = vec_exp(vec_fma(vec_load(at), factor, shift));
            vec_store(at, x);
            l.v[v] += x;
        }
    }
    *total += lanes_sum(l);
}

/* The values' sums under the exponentials. */
static void attention_values(const struct attention_work *w, const struct attention_run *r,
                             const struct attention_pair *at) {
    const float *values = r->values + at->key * r->values_row;
    struct tile t = {.a_row = ATTENTION_ROW,
                     .a_k = 1,
                     .b_row = r->values_row,
                     .c_row = w->d_wide,
                     .from_zero = at->key == 0};
    for (int64_t j = 0; j < w->d_wide; j += TILE_COLS) {
        const int64_t cols = w->d_wide - j < TILE_COLS ? w->d_wide - j : TILE_COLS;
        for (int64_t i = 0; i < at->rows; i += TILE_ROWS) {
            t.k = attention_common(at, i);
            t.a = r->scores + i * ATTENTION_ROW + r->aside;
            t.b = values + j;
            t.c = r->sums + i * w->d_wide + j;
            CPU(tile)(&t, attention_rows(at, i), cols);
            if (t.k == at->keys) continue;
            t.a += t.k;
            t.b += t.k * t.b_row;
            attention_triangle(&t, attention_rows(at, i), cols);
        }
    }
}

/* Queries whose own keys are in one block of keys. */
static void attention_block(const struct attention_work *w, struct attention_run *r, int64_t query,
                            int64_t rows) {
    const struct attention_args *args = w->args;
    const int64_t own = attention_key(args, query) - r->first;
    for (int64_t key = 0; key <= own; key += ATTENTION_KEYS) {
        const int64_t keys = own + rows - key;
        const struct attention_pair at = {.query = query,
                                          .rows = rows,
                                          .key = key,
                                          .keys = keys < ATTENTION_KEYS ? keys : ATTENTION_KEYS,
                                          .own = own - key};
        attention_scores(w, r, &at);
        for (int64_t i = 0; i < rows; i++) {
            attention_softmax(w, r, i, r->scores + i * ATTENTION_ROW + r->aside,
                              attention_common(&at, i), key == 0);
        }
        attention_values(w, r, &at);
    }
    for (int64_t i = 0; i < rows; i++) {
        const float *sums = r->sums + i * w->d_wide;
        float *out = (float *)args->out + (query + i) * args->o_row + r->head * args->v_head_stride;
        for (int64_t j = 0; j < args->d; j += SIMD_WIDTH) {
            vec_store_left(out + j, vec_load(sums + j) / r->total[i], args->d - j);
        }
        if (args->lse == NULL) continue;
        const double most = (double)(args->scale * r->most[i]);
        args->lse[(query + i) * args->h + r->head] = (float)(most + math_log((double)r->total[i]));
    }
}

/* Queries [start, stop) of one document whose own keys follow each other. */
static void attention_span(const struct attention_work *w, struct attention_run *r, int64_t start,
                           int64_t stop) {
    const struct attention_args *args = w->args;
    r->first = args->first[start];
    attention_open(w, r, attention_key(args, stop - 1) + 1 - r->first, stop - start);
    for (int64_t i = start, rows; i < stop; i += rows) {
        const int64_t own = attention_key(args, i) - r->first;
        rows = ATTENTION_QUERIES - own % ATTENTION_QUERIES;
        if (rows > stop - i) rows = stop - i;
        attention_block(w, r, i, rows);
    }
}

static void attention_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_work *w = ctx;
    const struct attention_args *args = w->args;
    struct attention_run r;
    r.packed_keys = w->scratch + thread * w->scratch_count;
    r.packed_values = r.packed_keys + w->keys_wide * args->d;
    r.scores = r.packed_values + w->keys_wide * w->d_wide;
    r.sums = r.scores + ATTENTION_QUERIES * ATTENTION_ROW;
    r.most = r.sums + ATTENTION_QUERIES * w->d_wide;
    r.total = r.most + ATTENTION_QUERIES;
    for (int64_t item = begin; item < end; item++) {
        /* Later queries see more keys, so a run from the front and one from the back in turn. */
        const int64_t turn = item % w->runs, part = turn % 2 ? w->runs - 1 - turn / 2 : turn / 2;
        const int64_t start = args->n_q * part / w->runs, stop = args->n_q * (part + 1) / w->runs;
        r.head = w->head + item / w->runs;
        for (int64_t i = start, next; i < stop; i = next) {
            next = attention_span_end(args, i, stop);
            attention_span(w, &r, i, next);
        }
    }
}

/* Floats of a thread: see attention_piece. */
static int64_t attention_scratch_count(int64_t keys, int64_t d) {
    const int64_t d_wide = attention_round_up(d, SIMD_WIDTH);
    return attention_round_up(keys, TILE_COLS) * (d + d_wide) +
           ATTENTION_QUERIES * (ATTENTION_ROW + d_wide + 2);
}

size_t CPU(attention_scratch)(const struct work_shape *shape) {
    return (size_t)(attention_scratch_count(shape->rows, shape->head_size) * par_threads()) *
           sizeof(float);
}

err CPU(attention)(struct compute *c, const struct attention_args *args) {
    BUG_IF(args->d < 1 || !(args->scale > 0));
    BUG_IF(args->k_turned && (args->k_turned != TURNED_KEYS || args->n_k % TURNED_KEYS));
    const int64_t threads = par_threads(), rest = args->h % threads;
    struct attention_work w = {.args = args, .runs = 1};
    w.d_wide = attention_round_up(args->d, SIMD_WIDTH);
    w.keys_wide = attention_round_up(attention_most_keys(args), TILE_COLS);
    w.scratch_count = attention_scratch_count(w.keys_wide, args->d);
    void *scratch;
    TRY(cpu_scratch(c, (size_t)(w.scratch_count * threads) * sizeof(float), &scratch));
    w.scratch = scratch;
    /* Heads that do not divide among the threads are cut into runs, where that is worth it. */
    const bool cut = rest > 0 && args->n_q >= 2 * ATTENTION_QUERIES;
    const int64_t whole = cut ? args->h - rest : args->h;
    par_for(whole, 1, attention_piece, &w);
    if (!cut) return ERR_OK;
    w.head = whole;
    w.runs = (2 * threads + rest - 1) / rest;
    if (w.runs > args->n_q / ATTENTION_QUERIES) w.runs = args->n_q / ATTENTION_QUERIES;
    par_for(rest * w.runs, 1, attention_piece, &w);
    return ERR_OK;
}
