/* SPDX-License-Identifier: Apache-2.0
 * Gradient of attention, by tiles of a block of queries and a block of its document's keys. The
 * probabilities are made again from lse. Scores are held transposed, [key][query]: then dv and dk
 * are products whose k runs over the block's queries and dq one whose k runs over keys, each
 * continuing its chain from memory. A masked score counts as a zero before a chain's first term,
 * which leaves finite sums as they are.
 * A tile follows the one before it in the queries (dk, dv) and the one before it in the keys (dq).
 * A thread takes whole heads and their tiles in order; heads that are left when they do not divide
 * among the threads are taken by all: tiles whose two numbers have the same sum depend on none of
 * each other. So the order of every chain is the same, whoever works on it.
 * Read next: compute/ops/attention.h, compute/cpu/attention.h, compute/cpu/attention.c. */
#include "compute/ops/attention.h"

#include "base/par.h"
#include "compute/cpu/attention.h"
#include "compute/cpu/math.h"
#include "compute/cpu/pack.h"

struct attention_gradient_work {
    const struct attention_backward_args *args;
    int64_t d, d_wide;
    int64_t n_blocks; /* of queries */
    int32_t *starts;  /* (n_blocks + 1) their first queries, and the end */
    float *heads, *tiles;
    int64_t head_count, tile_count;    /* floats of one head and of one thread's tile */
    int64_t first_head, n_heads, step; /* of the heads that all threads share */
};

/* One head in rows of whole vectors, [N][d_wide]. */
struct attention_head {
    int64_t head;
    float *k, *v, *dq, *dk, *dv;
};

/* One thread's memory for a block of queries and its scores with a block of keys. */
struct attention_tile {
    int64_t block, query, rows;  /* number in its document, first query, queries */
    float *q, *dout;             /* [ATTENTION_QUERIES][d_wide] */
    float *q_turned, *do_turned; /* panels [.][D][TILE_COLS] */
    float *p, *ds;               /* [ATTENTION_KEYS][ATTENTION_QUERIES] */
    float *lse, *delta;          /* [ATTENTION_QUERIES] */
    int64_t key, keys, own;      /* first key, keys; the first query's key counted from it */
};

struct attention_place {
    float **at;
    int64_t count;
};

/* Lays out memory; returns how many floats it takes. */
static int64_t attention_lay_out(const struct attention_place *places, int n, float *memory) {
    int64_t used = 0;
    for (int i = 0; i < n; i++) {
        if (memory) *places[i].at = memory + used;
        used += attention_round_up(places[i].count, LANES);
    }
    return used;
}

static int64_t attention_head_memory(struct attention_head *h, int64_t n, int64_t d_wide,
                                     float *memory) {
    const int64_t rows = n * d_wide;
    const struct attention_place places[] = {
        {&h->k, rows}, {&h->v, rows}, {&h->dq, rows}, {&h->dk, rows}, {&h->dv, rows}};
    return attention_lay_out(places, sizeof places / sizeof *places, memory);
}

static int64_t attention_tile_memory(struct attention_tile *t, int64_t d, int64_t d_wide,
                                     float *memory) {
    const int64_t scores = (int64_t)ATTENTION_KEYS * ATTENTION_QUERIES;
    const struct attention_place places[] = {{&t->q, ATTENTION_QUERIES * d_wide},
                                             {&t->dout, ATTENTION_QUERIES * d_wide},
                                             {&t->q_turned, ATTENTION_QUERIES * d},
                                             {&t->do_turned, ATTENTION_QUERIES * d},
                                             {&t->p, scores},
                                             {&t->ds, scores},
                                             {&t->lse, ATTENTION_QUERIES},
                                             {&t->delta, ATTENTION_QUERIES}};
    return attention_lay_out(places, sizeof places / sizeof *places, memory);
}

/* Rows of one head, `row` elements apart, to or from rows of whole vectors. */
static void attention_gather(const float *from, int64_t row, int64_t n, int64_t d, int64_t d_wide,
                             float *to) {
    for (int64_t i = 0; i < n; i++) {
        memcpy(to + i * d_wide, from + i * row, (size_t)d * sizeof(float));
        memset(to + i * d_wide + d, 0, (size_t)(d_wide - d) * sizeof(float));
    }
}

static void attention_scatter(const struct attention_gradient_work *w, const float *from,
                              float scale, float *to, int64_t row) {
    for (int64_t i = 0; i < w->args->forward.n_q; i++) {
        for (int64_t j = 0; j < w->d; j += SIMD_WIDTH) {
            vec_store_left(to + i * row + j, vec_load(from + i * w->d_wide + j) * scale, w->d - j);
        }
    }
}

static void attention_turn(const float *from, int64_t row, int64_t n, int64_t d, float *to) {
    const struct mat turned = {from, DTYPE_F32, 1, row};
    pack_panels(&(struct pack_block){&turned, 0, 0, d, n, to, TILE_COLS}, TILE_COLS * d);
}

static void attention_open_head(const struct attention_gradient_work *w, struct attention_head *h) {
    const struct attention_args *f = &w->args->forward;
    const size_t bytes = (size_t)(f->n_q * w->d_wide) * sizeof(float);
    attention_gather((const float *)f->k + h->head * f->k_head_stride, f->k_row, f->n_q, w->d,
                     w->d_wide, h->k);
    attention_gather((const float *)f->v + h->head * f->v_head_stride, f->v_row, f->n_q, w->d,
                     w->d_wide, h->v);
    memset(h->dq, 0, bytes);
    memset(h->dk, 0, bytes);
    memset(h->dv, 0, bytes);
}

static void attention_close_head(const struct attention_gradient_work *w,
                                 const struct attention_head *h) {
    const struct attention_args *f = &w->args->forward;
    float *dq = (float *)w->args->dq + h->head * f->q_head_stride;
    float *dk = (float *)w->args->dk + h->head * f->k_head_stride;
    float *dv = (float *)w->args->dv + h->head * f->v_head_stride;
    attention_scatter(w, h->dq, f->scale, dq, f->q_row);
    attention_scatter(w, h->dk, f->scale, dk, f->k_row);
    attention_scatter(w, h->dv, 1.0f, dv, f->v_row);
}

/* Takes up block `number` of all. */
static void attention_open_block(const struct attention_gradient_work *w,
                                 const struct attention_head *h, int64_t number,
                                 struct attention_tile *t) {
    const struct attention_args *f = &w->args->forward;
    t->query = w->starts[number];
    t->rows = w->starts[number + 1] - t->query;
    t->block = (t->query - f->first[t->query]) / ATTENTION_QUERIES;
    const float *q = (const float *)f->q + t->query * f->q_row + h->head * f->q_head_stride;
    const int64_t at = t->query * f->o_row + h->head * f->v_head_stride;
    const float *dout = (const float *)w->args->dout + at, *out = (const float *)f->out + at;
    attention_gather(q, f->q_row, t->rows, w->d, w->d_wide, t->q);
    attention_gather(dout, f->o_row, t->rows, w->d, w->d_wide, t->dout);
    attention_turn(q, f->q_row, t->rows, w->d, t->q_turned);
    attention_turn(dout, f->o_row, t->rows, w->d, t->do_turned);
    for (int64_t i = 0; i < ATTENTION_QUERIES; i++) {
        const bool live = i < t->rows;
        t->lse[i] = live ? f->lse[(t->query + i) * f->h + h->head] : 0.0f;
        t->delta[i] = live ? lanes_dot(dout + i * f->o_row, out + i * f->o_row, w->d) : 0.0f;
    }
}

/* scores[key][query] = rows of k or v times the turned queries, but for panels of queries that see
 * none of the rows. */
static void attention_transposed(const struct attention_gradient_work *w,
                                 const struct attention_tile *t, const float *rows,
                                 const float *turned, float *scores) {
    struct tile c = {.k = w->d,
                     .a_row = w->d_wide,
                     .a_k = 1,
                     .b_row = TILE_COLS,
                     .c_row = ATTENTION_QUERIES,
                     .from_zero = true};
    for (int64_t j = 0; j < t->rows; j += TILE_COLS) {
        const int64_t seen = t->own + j + TILE_COLS, keys = seen < t->keys ? seen : t->keys;
        c.b = turned + j * w->d;
        for (int64_t i = 0; i < keys; i += TILE_ROWS) {
            c.a = rows + i * w->d_wide;
            c.c = scores + i * ATTENTION_QUERIES + j;
            CPU(tile)(&c, (int)(t->keys - i < TILE_ROWS ? t->keys - i : TILE_ROWS), TILE_COLS);
        }
    }
}

/* p = exp(scale s - lse) and ds = p (dp - delta); zero where the query does not see the key. */
static void attention_probabilities(const struct attention_tile *t, float scale) {
    const veci numbers = {VEC_NUMBERS};
    const vec factor = vec_set(scale);
    for (int64_t j = 0; j < t->keys; j++) {
        const int64_t blind = j - t->own; /* queries below this number do not see the key */
        for (int64_t i = 0; i < t->rows; i += SIMD_WIDTH) {
            float *p = t->p + j * ATTENTION_QUERIES + i, *ds = t->ds + j * ATTENTION_QUERIES + i;
            if (i + SIMD_WIDTH <= blind) {
                vec_store(p, (vec){0});
                vec_store(ds, (vec){0});
                continue;
            }
            vec probability = vec_exp(vec_fma(vec_load(p), factor, -vec_load(t->lse + i)));
            vec slope = probability * (vec_load(ds) - vec_load(t->delta + i));
            if (i < blind) {
                const veci seen = numbers >= (int32_t)(blind - i);
                probability = (vec)((veci)probability & seen);
                slope = (vec)((veci)slope & seen);
            }
            vec_store(p, probability);
            vec_store(ds, slope);
        }
    }
}

/* sums[key] += over the block's queries, from the first that sees any key of a tile's rows. */
static void attention_key_gradient(const struct attention_gradient_work *w,
                                   const struct attention_tile *t, const float *scores,
                                   const float *queries, float *sums) {
    struct tile c = {.a_row = ATTENTION_QUERIES, .a_k = 1, .b_row = w->d_wide, .c_row = w->d_wide};
    for (int64_t j = 0; j < w->d_wide; j += TILE_COLS) {
        const int64_t cols = w->d_wide - j < TILE_COLS ? w->d_wide - j : TILE_COLS;
        for (int64_t i = 0; i < t->keys; i += TILE_ROWS) {
            const int64_t from = i > t->own ? i - t->own : 0;
            c.k = t->rows - from;
            c.a = scores + i * ATTENTION_QUERIES + from;
            c.b = queries + from * w->d_wide + j;
            c.c = sums + (t->key + i) * w->d_wide + j;
            CPU(tile)(&c, (int)(t->keys - i < TILE_ROWS ? t->keys - i : TILE_ROWS), cols);
        }
    }
}

/* dq: keys that all queries of a tile's rows see together, then each query's own. */
static void attention_query_gradient(const struct attention_gradient_work *w,
                                     const struct attention_head *h,
                                     const struct attention_tile *t) {
    struct tile c = {.a_row = 1, .a_k = ATTENTION_QUERIES, .b_row = w->d_wide, .c_row = w->d_wide};
    for (int64_t j = 0; j < w->d_wide; j += TILE_COLS) {
        const int64_t cols = w->d_wide - j < TILE_COLS ? w->d_wide - j : TILE_COLS;
        for (int64_t i = 0; i < t->rows; i += TILE_ROWS) {
            const int rows = (int)(t->rows - i < TILE_ROWS ? t->rows - i : TILE_ROWS);
            const int64_t common = t->own + i + 1;
            c.k = common < t->keys ? common : t->keys;
            c.a = t->ds + i;
            c.b = h->k + t->key * w->d_wide + j;
            c.c = h->dq + (t->query + i) * w->d_wide + j;
            CPU(tile)(&c, rows, cols);
            if (common >= t->keys) continue;
            c.a += common * ATTENTION_QUERIES;
            c.b += common * w->d_wide;
            attention_triangle(&c, rows, cols);
        }
    }
}

/* The open block of queries with block `number` of its document's keys. */
static void attention_tile_gradient(const struct attention_gradient_work *w,
                                    const struct attention_head *h, int64_t number,
                                    struct attention_tile *t) {
    const int64_t end = t->query + t->rows;
    t->key = w->args->forward.first[t->query] + number * ATTENTION_KEYS;
    t->keys = end - t->key < ATTENTION_KEYS ? end - t->key : ATTENTION_KEYS;
    t->own = t->query - t->key;
    attention_transposed(w, t, h->k + t->key * w->d_wide, t->q_turned, t->p);
    attention_transposed(w, t, h->v + t->key * w->d_wide, t->do_turned, t->ds);
    attention_probabilities(t, w->args->forward.scale);
    attention_key_gradient(w, t, t->p, t->dout, h->dv);
    attention_key_gradient(w, t, t->ds, t->q, h->dk);
    attention_query_gradient(w, h, t);
}

static struct attention_head attention_head_of(const struct attention_gradient_work *w,
                                               int64_t head, int64_t place) {
    struct attention_head h = {.head = head};
    attention_head_memory(&h, w->args->forward.n_q, w->d_wide, w->heads + place * w->head_count);
    return h;
}

static struct attention_tile attention_tile_of(const struct attention_gradient_work *w,
                                               int thread) {
    struct attention_tile t = {0};
    attention_tile_memory(&t, w->d, w->d_wide, w->tiles + thread * w->tile_count);
    return t;
}

static void attention_heads_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_gradient_work *w = ctx;
    struct attention_tile t = attention_tile_of(w, thread);
    for (int64_t head = begin; head < end; head++) {
        struct attention_head h = attention_head_of(w, head, thread);
        attention_open_head(w, &h);
        for (int64_t i = 0; i < w->n_blocks; i++) {
            attention_open_block(w, &h, i, &t);
            for (int64_t j = 0; j * ATTENTION_KEYS <= t.block * ATTENTION_QUERIES; j++) {
                attention_tile_gradient(w, &h, j, &t);
            }
        }
        attention_close_head(w, &h);
    }
}

/* ---- heads that all threads share ---- */

static void attention_open_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct attention_gradient_work *w = ctx;
    for (int64_t i = begin; i < end; i++) {
        struct attention_head h = attention_head_of(w, w->first_head + i, i);
        attention_open_head(w, &h);
    }
}

static void attention_close_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct attention_gradient_work *w = ctx;
    for (int64_t i = begin; i < end; i++) {
        struct attention_head h = attention_head_of(w, w->first_head + i, i);
        attention_close_head(w, &h);
    }
}

/* The tiles of a step are dealt out in turn to par_threads() parts. */
static void attention_step_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_gradient_work *w = ctx;
    const int32_t *first = w->args->forward.first;
    struct attention_tile t = attention_tile_of(w, thread);
    int64_t n = 0;
    for (int64_t i = 0; i < w->n_heads * w->n_blocks; i++) {
        const int64_t number = i % w->n_blocks, query = w->starts[number];
        const int64_t block = (query - first[query]) / ATTENTION_QUERIES, key = w->step - block;
        if (key < 0 || key * ATTENTION_KEYS > block * ATTENTION_QUERIES) continue;
        const int64_t part = n++ % par_threads();
        if (part < begin || part >= end) continue;
        const struct attention_head h =
            attention_head_of(w, w->first_head + i / w->n_blocks, i / w->n_blocks);
        attention_open_block(w, &h, number, &t);
        attention_tile_gradient(w, &h, key, &t);
    }
}

static void attention_shared_heads(struct attention_gradient_work *w) {
    const struct attention_args *f = &w->args->forward;
    int64_t steps = 0;
    for (int64_t i = 0; i < w->n_blocks; i++) {
        const int64_t block = (w->starts[i] - f->first[w->starts[i]]) / ATTENTION_QUERIES;
        const int64_t last = block + block * ATTENTION_QUERIES / ATTENTION_KEYS;
        if (last >= steps) steps = last + 1;
    }
    par_for(w->n_heads, 1, attention_open_piece, w);
    for (w->step = 0; w->step < steps; w->step++) {
        par_for(par_threads(), 1, attention_step_piece, w);
    }
    par_for(w->n_heads, 1, attention_close_piece, w);
}

/* Blocks of queries, cut where a document begins and every ATTENTION_QUERIES from there. */
static void attention_cut(struct attention_gradient_work *w) {
    const struct attention_args *f = &w->args->forward;
    w->n_blocks = 0;
    for (int64_t i = 0; i < f->n_q; i++) {
        BUG_IF(f->first[i] != i && (i == 0 || f->first[i] != f->first[i - 1]));
        if ((i - f->first[i]) % ATTENTION_QUERIES == 0) w->starts[w->n_blocks++] = (int32_t)i;
    }
    w->starts[w->n_blocks] = (int32_t)f->n_q;
}

/* Sets the sizes; returns the bytes of scratch. */
static size_t attention_gradient_sizes(struct attention_gradient_work *w, int64_t n, int64_t d) {
    w->d = d;
    w->d_wide = attention_round_up(d, SIMD_WIDTH);
    w->head_count = attention_head_memory(&(struct attention_head){0}, n, w->d_wide, NULL);
    w->tile_count = attention_tile_memory(&(struct attention_tile){0}, d, w->d_wide, NULL);
    return (size_t)((w->head_count + w->tile_count) * par_threads()) * sizeof(float) +
           (size_t)(n + 1) * sizeof *w->starts;
}

size_t CPU(attention_backward_scratch)(const struct work_shape *shape) {
    struct attention_gradient_work w;
    return attention_gradient_sizes(&w, shape->rows, shape->head_size);
}

err CPU(attention_backward)(struct compute *c, const struct attention_backward_args *args) {
    const struct attention_args *f = &args->forward;
    BUG_IF(f->last != NULL || f->n_q != f->n_k || f->lse == NULL || f->d < 1);
    struct attention_gradient_work w = {.args = args};
    void *scratch;
    TRY(cpu_scratch(c, attention_gradient_sizes(&w, f->n_q, f->d), &scratch));
    w.heads = scratch;
    w.tiles = w.heads + w.head_count * par_threads();
    w.starts = (int32_t *)(w.tiles + w.tile_count * par_threads());
    attention_cut(&w);
    w.n_heads = f->h % par_threads();
    w.first_head = f->h - w.n_heads;
    par_for(w.first_head, 1, attention_heads_piece, &w);
    if (w.n_heads > 0) attention_shared_heads(&w);
    return ERR_OK;
}
