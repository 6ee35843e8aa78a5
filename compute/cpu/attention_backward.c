/* SPDX-License-Identifier: Apache-2.0
 * Gradient of attention. A thread takes whole heads. Blocks of up to TILE_COLS queries with the
 * same first key go through the document in ascending order, and each through its keys in chunks;
 * the probabilities are made again from lse. Scores are held transposed, [key][query]: then dv and
 * dk are products whose k runs over the block's queries and dq one whose k runs over keys, each
 * continuing its chain from memory. A masked score counts as a zero before a chain's first term,
 * which leaves finite sums as they are.
 * Read next: compute/ops/attention.h, compute/cpu/attention.c. */
#include "compute/ops/attention.h"

#include "base/par.h"
#include "compute/cpu/math.h"
#include "compute/cpu/pack.h"

enum { ATTENTION_CHUNK = 128 }; /* keys at a time */

struct attention_gradient_work {
    const struct attention_backward_args *args;
    int64_t d_wide;
    float *scratch;
    int64_t scratch_count; /* floats a thread */
};

/* One thread's memory. Block arrays hold the present block of queries. */
struct attention_gradient {
    int64_t head, d, d_wide;
    float *k, *v, *dk, *dv;      /* [N][d_wide], this head's */
    float *q_turned, *do_turned; /* [D][TILE_COLS] */
    float *q, *dout, *dq;        /* [TILE_COLS][d_wide] */
    float *p, *ds;               /* [ATTENTION_CHUNK][TILE_COLS] */
    float *lse, *delta;          /* [TILE_COLS] */
};

struct attention_strip { /* a block of queries and a chunk of its keys */
    int64_t query, rows, key, keys;
};

/* c (rows,cols) (+)= a b by tiles; t holds all but what moves with the tile. */
static void attention_product(const struct tile *whole, int64_t rows, int64_t cols) {
    for (int64_t j = 0; j < cols; j += TILE_COLS) {
        for (int64_t i = 0; i < rows; i += TILE_ROWS) {
            struct tile t = *whole;
            t.a += i * t.a_row;
            t.b += j;
            t.c += i * t.c_row + j;
            CPU(tile)
            (&t, (int)(rows - i < TILE_ROWS ? rows - i : TILE_ROWS),
             cols - j < TILE_COLS ? cols - j : TILE_COLS);
        }
    }
}

/* Rows of one head, `row` elements apart, to or from rows of whole vectors. */
static void attention_gather(const float *from, int64_t row, int64_t n, int64_t d, int64_t d_wide,
                             float *to) {
    for (int64_t i = 0; i < n; i++) {
        memcpy(to + i * d_wide, from + i * row, (size_t)d * sizeof(float));
        memset(to + i * d_wide + d, 0, (size_t)(d_wide - d) * sizeof(float));
    }
}

static void attention_scatter(const float *from, int64_t row, int64_t n,
                              const struct attention_gradient *g, float scale, float *to) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < g->d; j++) to[i * row + j] = from[i * g->d_wide + j] * scale;
    }
}

static void attention_turn(const float *from, int64_t row, int64_t n, int64_t d, float *to) {
    const struct mat turned = {from, DTYPE_F32, 1, row};
    pack_panel(&(struct pack_block){&turned, 0, 0, d, n, to, TILE_COLS});
}

static void attention_open_block(const struct attention_backward_args *args,
                                 struct attention_gradient *g, int64_t query, int64_t rows) {
    const struct attention_args *f = &args->forward;
    const float *q = (const float *)f->q + query * f->q_row + g->head * f->q_head_stride;
    const int64_t at = query * f->o_row + g->head * f->v_head_stride;
    const float *dout = (const float *)args->dout + at, *out = (const float *)f->out + at;
    attention_gather(q, f->q_row, rows, g->d, g->d_wide, g->q);
    attention_gather(dout, f->o_row, rows, g->d, g->d_wide, g->dout);
    attention_turn(q, f->q_row, rows, g->d, g->q_turned);
    attention_turn(dout, f->o_row, rows, g->d, g->do_turned);
    memset(g->dq, 0, (size_t)(rows * g->d_wide) * sizeof(float));
    for (int64_t i = 0; i < TILE_COLS; i++) {
        const bool live = i < rows;
        g->lse[i] = live ? f->lse[(query + i) * f->h + g->head] : 0.0f;
        g->delta[i] = live ? lanes_dot(dout + i * f->o_row, out + i * f->o_row, g->d) : 0.0f;
    }
}

/* p = exp(scale s - lse) and ds = p (dp - delta); zero where the query does not see the key. */
static void attention_softmax_gradient(const struct attention_gradient *g,
                                       const struct attention_strip *at, float scale) {
    float number[SIMD_WIDTH];
    for (int i = 0; i < SIMD_WIDTH; i++) number[i] = (float)i;
    for (int64_t j = 0; j < at->keys; j++) {
        const int64_t least =
            at->key + j - at->query; /* queries of the block below this do not see it */
        for (int64_t i = 0; i < TILE_COLS; i += SIMD_WIDTH) {
            float *p = g->p + j * TILE_COLS + i, *ds = g->ds + j * TILE_COLS + i;
            vec probability = vec_exp(vec_load(p) * scale - vec_load(g->lse + i));
            vec slope = probability * (vec_load(ds) - vec_load(g->delta + i));
            if (least > i || i + SIMD_WIDTH > at->rows) {
                vec query = vec_load(number) + (float)i;
                veci seen = (query >= (float)(least > 0 ? least : 0)) & (query < (float)at->rows);
                probability = (vec)((veci)probability & seen);
                slope = (vec)((veci)slope & seen);
            }
            vec_store(p, probability);
            vec_store(ds, slope);
        }
    }
}

/* dq of the strip: keys that all queries of a tile see together, then each query's own. */
static void attention_query_gradient(const struct attention_gradient *g,
                                     const struct attention_strip *at) {
    for (int64_t i = 0; i < at->rows; i += TILE_ROWS) {
        const int64_t rows = at->rows - i < TILE_ROWS ? at->rows - i : TILE_ROWS;
        int64_t common = at->query + i + 1 - at->key;
        common = common < 0 ? 0 : common > at->keys ? at->keys : common;
        struct tile t = {.k = common,
                         .a = g->ds + i,
                         .a_row = 1,
                         .a_k = TILE_COLS,
                         .b = g->k + at->key * g->d_wide,
                         .b_row = g->d_wide,
                         .c = g->dq + i * g->d_wide,
                         .c_row = g->d_wide};
        attention_product(&t, rows, g->d_wide);
        for (int64_t r = 1; r < rows; r++) {
            int64_t seen = at->query + i + r + 1 - at->key;
            seen = seen > at->keys ? at->keys : seen;
            if (seen <= common) continue;
            t.k = seen - common;
            t.a = g->ds + common * TILE_COLS + i + r;
            t.b = g->k + (at->key + common) * g->d_wide;
            t.c = g->dq + (i + r) * g->d_wide;
            attention_product(&t, 1, g->d_wide);
        }
    }
}

static void attention_strip_gradient(const struct attention_gradient *g,
                                     const struct attention_strip *at, float scale) {
    struct tile t = {.k = g->d,
                     .a = g->k + at->key * g->d_wide,
                     .a_row = g->d_wide,
                     .a_k = 1,
                     .b = g->q_turned,
                     .b_row = TILE_COLS,
                     .c = g->p,
                     .c_row = TILE_COLS,
                     .from_zero = true};
    attention_product(&t, at->keys, TILE_COLS);
    t.a = g->v + at->key * g->d_wide;
    t.b = g->do_turned;
    t.c = g->ds;
    attention_product(&t, at->keys, TILE_COLS);
    attention_softmax_gradient(g, at, scale);
    t = (struct tile){.k = at->rows,
                      .a = g->p,
                      .a_row = TILE_COLS,
                      .a_k = 1,
                      .b = g->dout,
                      .b_row = g->d_wide,
                      .c = g->dv + at->key * g->d_wide,
                      .c_row = g->d_wide};
    attention_product(&t, at->keys, g->d_wide);
    t.a = g->ds;
    t.b = g->q;
    t.c = g->dk + at->key * g->d_wide;
    attention_product(&t, at->keys, g->d_wide);
    attention_query_gradient(g, at);
}

static void attention_head_gradient(const struct attention_backward_args *args,
                                    struct attention_gradient *g) {
    const struct attention_args *f = &args->forward;
    const int64_t n = f->n_q, v = g->head * f->v_head_stride;
    const int64_t q = g->head * f->q_head_stride, k = g->head * f->k_head_stride;
    attention_gather((const float *)f->k + k, f->k_row, n, g->d, g->d_wide, g->k);
    attention_gather((const float *)f->v + v, f->v_row, n, g->d, g->d_wide, g->v);
    memset(g->dk, 0, (size_t)(n * g->d_wide) * sizeof(float));
    memset(g->dv, 0, (size_t)(n * g->d_wide) * sizeof(float));
    for (int64_t i = 0, rows; i < n; i += rows) {
        for (rows = 1; rows < TILE_COLS && i + rows < n; rows++) {
            if (f->first[i + rows] != f->first[i]) break;
        }
        attention_open_block(args, g, i, rows);
        const int64_t end = i + rows;
        for (int64_t key = f->first[i]; key < end; key += ATTENTION_CHUNK) {
            int64_t keys = end - key < ATTENTION_CHUNK ? end - key : ATTENTION_CHUNK;
            attention_strip_gradient(g, &(struct attention_strip){i, rows, key, keys}, f->scale);
        }
        attention_scatter(g->dq, f->q_row, rows, g, f->scale, (float *)args->dq + i * f->q_row + q);
    }
    attention_scatter(g->dk, f->k_row, n, g, f->scale, (float *)args->dk + k);
    attention_scatter(g->dv, f->v_row, n, g, 1.0f, (float *)args->dv + v);
}

static void attention_gradient_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct attention_gradient_work *w = ctx;
    const int64_t d = w->args->forward.d, head = w->args->forward.n_q * w->d_wide;
    const int64_t block = TILE_COLS * w->d_wide, strip = (int64_t)ATTENTION_CHUNK * TILE_COLS;
    struct attention_gradient g = {.d = d, .d_wide = w->d_wide};
    float *next = w->scratch + thread * w->scratch_count;
    const struct {
        float **at;
        int64_t count;
    } places[] = {{&g.k, head},
                  {&g.v, head},
                  {&g.dk, head},
                  {&g.dv, head},
                  {&g.q, block},
                  {&g.dout, block},
                  {&g.dq, block},
                  {&g.p, strip},
                  {&g.ds, strip},
                  {&g.q_turned, d * TILE_COLS},
                  {&g.do_turned, d * TILE_COLS},
                  {&g.lse, TILE_COLS},
                  {&g.delta, TILE_COLS}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        *places[i].at = next;
        next += places[i].count;
    }
    for (g.head = begin; g.head < end; g.head++) attention_head_gradient(w->args, &g);
}

/* Floats of a thread: see attention_gradient_piece. */
static int64_t attention_gradient_scratch_count(int64_t n, int64_t d) {
    const int64_t d_wide = (d + SIMD_WIDTH - 1) / SIMD_WIDTH * SIMD_WIDTH;
    return 4 * n * d_wide + 3 * TILE_COLS * d_wide + 2 * (int64_t)ATTENTION_CHUNK * TILE_COLS +
           2 * d * TILE_COLS + 2 * TILE_COLS;
}

size_t CPU(attention_backward_scratch)(const struct work_shape *shape) {
    return (size_t)(attention_gradient_scratch_count(shape->rows, shape->head_size) *
                    par_threads()) *
           sizeof(float);
}

err CPU(attention_backward)(struct compute *c, const struct attention_backward_args *args) {
    const struct attention_args *f = &args->forward;
    BUG_IF(f->last != NULL || f->n_q != f->n_k || f->lse == NULL || f->d < 1);
    struct attention_gradient_work w = {.args = args};
    w.d_wide = (f->d + SIMD_WIDTH - 1) / SIMD_WIDTH * SIMD_WIDTH;
    w.scratch_count = attention_gradient_scratch_count(f->n_q, f->d);
    void *scratch;
    TRY(cpu_scratch(c, (size_t)(w.scratch_count * par_threads()) * sizeof(float), &scratch));
    w.scratch = scratch;
    par_for(f->h, 1, attention_gradient_piece, &w);
    return ERR_OK;
}
