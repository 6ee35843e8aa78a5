/* SPDX-License-Identifier: Apache-2.0
 * Causal attention. A thread takes a run of one head's queries, packs the keys (transposed, as
 * panels of a product) and values they see, and works in blocks of up to TILE_ROWS queries with the
 * same first key: scores of all their keys, softmax, then the values. Scores take TILE_ROWS rows,
 * so memory is linear in the number of keys. Sums stop exactly at each query's own key: nothing
 * beyond it, and nothing of another document, takes part even as a zero.
 * Read next: compute/ops/attention.h, compute/cpu/tile.h; then attention_backward.c. */
#include "compute/ops/attention.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/softmax.h"
#include "compute/cpu/pack.h"
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
    float *keys;   /* panels [.][D][TILE_COLS] of keys key_start .. */
    float *values; /* [.][d_wide] */
    float *scores; /* [TILE_ROWS][keys_wide] */
    float *sums;   /* [TILE_ROWS][d_wide] */
};

static int64_t attention_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

static void attention_pack(const struct attention_work *w, struct attention_run *r) {
    const struct attention_args *args = w->args;
    const int64_t n = r->key_end - r->key_start, d = args->d;
    const float *k =
        (const float *)args->k + r->key_start * args->k_row + r->head * args->qk_head_stride;
    const float *v =
        (const float *)args->v + r->key_start * args->v_row + r->head * args->v_head_stride;
    const struct mat turned = {k, DTYPE_F32, 1, args->k_row};
    for (int64_t j = 0; j < n; j += TILE_COLS) {
        int64_t cols = n - j < TILE_COLS ? n - j : TILE_COLS;
        pack_panel(&(struct pack_block){&turned, 0, j, d, cols, r->keys + j * d, TILE_COLS});
    }
    for (int64_t j = 0; j < n; j++) {
        memcpy(r->values + j * w->d_wide, v + j * args->v_row, (size_t)d * sizeof(float));
        memset(r->values + j * w->d_wide + d, 0, (size_t)(w->d_wide - d) * sizeof(float));
    }
}

/* Scores of queries [query, query + rows) with every panel from key `low` on. */
static void attention_scores(const struct attention_work *w, const struct attention_run *r,
                             int64_t query, int rows, int64_t low) {
    const struct attention_args *args = w->args;
    const int64_t last = args->q_start + query + rows - 1 - r->key_start;
    struct tile t = {
        .k = args->d,
        .a = (const float *)args->q + query * args->q_row + r->head * args->qk_head_stride,
        .a_row = args->q_row,
        .a_k = 1,
        .b_row = TILE_COLS,
        .c_row = w->keys_wide,
        .from_zero = true,
    };
    for (int64_t j = (low - r->key_start) / TILE_COLS * TILE_COLS; j <= last; j += TILE_COLS) {
        t.b = r->keys + j * args->d;
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
        .b_row = w->d_wide,
        .c_row = w->d_wide,
    };
    for (int64_t j = 0; j < w->d_wide; j += TILE_COLS) {
        int64_t cols = w->d_wide - j < TILE_COLS ? w->d_wide - j : TILE_COLS;
        t.b = r->values + from * w->d_wide + j;
        t.c = r->sums + row * w->d_wide + j;
        CPU(tile)(&t, rows, cols);
    }
}

static void attention_block(const struct attention_work *w, const struct attention_run *r,
                            int64_t query, int rows) {
    const struct attention_args *args = w->args;
    const int64_t low = args->first[query], from = low - r->key_start;
    const int64_t common = args->q_start + query - low + 1; /* keys that all rows see */
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

static void attention_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_work *w = ctx;
    const struct attention_args *args = w->args;
    struct attention_run r;
    r.keys = w->scratch + thread * w->scratch_count;
    r.values = r.keys + w->keys_wide * args->d;
    r.scores = r.values + w->keys_wide * w->d_wide;
    r.sums = r.scores + TILE_ROWS * w->keys_wide;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % w->runs;
        const int64_t start = args->n_q * part / w->runs, stop = args->n_q * (part + 1) / w->runs;
        if (start == stop) continue;
        r.head = item / w->runs;
        r.key_end = args->q_start + stop;
        r.key_start = r.key_end;
        for (int64_t i = start; i < stop; i++) {
            BUG_IF(args->first[i] < 0 || args->first[i] > args->q_start + i);
            if (args->first[i] < r.key_start) r.key_start = args->first[i];
        }
        attention_pack(w, &r);
        for (int64_t i = start, rows; i < stop; i += rows) {
            for (rows = 1; rows < TILE_ROWS && i + rows < stop; rows++) {
                if (args->first[i + rows] != args->first[i]) break;
            }
            attention_block(w, &r, i, (int)rows);
        }
    }
}

err CPU(attention)(struct compute *c, const struct attention_args *args) {
    BUG_IF(args->n_k < args->q_start + args->n_q || args->d < 1);
    struct attention_work w = {.args = args};
    /* Heads alone keep the threads busy when there are many; else each is cut into runs. */
    const int64_t threads = par_threads();
    w.runs = args->h >= 4 * threads ? 1 : (2 * threads + args->h - 1) / args->h;
    if (w.runs > args->n_q / 64 + 1) w.runs = args->n_q / 64 + 1;
    w.d_wide = attention_round_up(args->d, SIMD_WIDTH);
    w.keys_wide = attention_round_up(args->n_k, TILE_COLS);
    w.scratch_count = w.keys_wide * (args->d + w.d_wide + TILE_ROWS) + TILE_ROWS * w.d_wide;
    void *scratch;
    TRY(cpu_scratch(c, (size_t)(w.scratch_count * threads) * sizeof(float), &scratch));
    w.scratch = scratch;
    par_for(args->h * w.runs, 1, attention_piece, &w);
    return ERR_OK;
}
