/* SPDX-License-Identifier: Apache-2.0
 * Attention and its gradient: plain references, cases and tolerances. The cases hold short and long
 * documents, queries behind a cache of keys, and rows with gaps.
 * bf16: products of tensor cores take probabilities p, and in the gradient ds, rounded to bf16;
 * sums are fp32. out is a mean of v under rounded p, then rounded itself: two. dv is a sum of
 * rounded p dout, dq and dk of rounded ds, then rounded themselves: two as well (ds is made of the
 * p before its rounding).
 * Read next: compute/ops/attention.h, compute/ops/op.h. */
#include "compute/ops/attention.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_Q, SLOT_K, SLOT_V, SLOT_FIRST, SLOT_OUT_ROWS, SLOT_LSE, SLOT_LAST };
enum {
    BACK_Q,
    BACK_K,
    BACK_V,
    BACK_FIRST,
    BACK_OUT,
    BACK_LSE,
    BACK_DOUT,
    BACK_DQ,
    BACK_DK,
    BACK_DV
};

/* Elements of rows with heads: the last head ends the last row. */
static int64_t rows_span(const struct attention_args *p, int64_t n, int64_t row, int64_t head) {
    return n == 0 ? 0 : (n - 1) * row + (p->h - 1) * head + p->d;
}

static int64_t count_of(const struct attention_args *p, int slot) {
    switch (slot) {
    case SLOT_Q: return rows_span(p, p->n_q, p->q_row, p->q_head_stride);
    case SLOT_K: return rows_span(p, p->n_k, p->k_row, p->k_head_stride);
    case SLOT_V: return rows_span(p, p->n_k, p->v_row, p->v_head_stride);
    case SLOT_FIRST: return p->n_q;
    case SLOT_LAST: return p->n_q < p->n_k ? p->n_q : 0;
    case SLOT_OUT_ROWS: return rows_span(p, p->n_q, p->o_row, p->v_head_stride);
    default: return p->n_q * p->h;
    }
}

static int64_t count(const void *args, int slot) {
    return count_of(args, slot);
}

/* Where there are more keys than queries, the queries are the last ones; but of the case "texts"
 * they are spread over the keys, as tokens of several texts in one cache are: runs of 1, 2, 3, ..
 * queries with gaps between them. */
static int64_t key_of(const struct attention_args *p, int64_t i) {
    int64_t gaps = 0;
    for (int64_t run = 1, end = 1; i >= end; end += ++run) gaps++;
    return p->k_head_stride == p->q_head_stride ? p->n_k - p->n_q + i : i + 3 * gaps;
}

/* Documents of 13, 1, 3 and then up to 50 tokens, by key index; of a long case up to 300. */
static void indices(const void *args, int slot, void *values, int64_t n) {
    const int64_t most = ((const struct attention_args *)args)->n_k < 260 ? 50 : 300;
    int32_t *out = values;
    for (int64_t i = 0; i < n; i++) {
        int64_t key = key_of(args, i), start = 0;
        if (key >= 13) start = 13;
        if (key >= 14) start = 14;
        if (key >= 17) start = 17 + (key - 17) / most * most;
        out[i] = (int32_t)(slot == SLOT_LAST ? key : start);
    }
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* One query: p[j - first] for the n keys it sees; returns log sum exp. */
static double probabilities(const struct attention_args *p, double *const *values, int64_t i,
                            int64_t head, int64_t n, double *scores) {
    const int64_t first = (int64_t)values[SLOT_FIRST][i];
    const double *q = values[SLOT_Q] + i * p->q_row + head * p->q_head_stride;
    double most = -HUGE_VAL, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        const double *k = values[SLOT_K] + (first + j) * p->k_row + head * p->k_head_stride;
        scores[j] = (double)p->scale * dot(q, k, p->d);
        most = fmax(most, scores[j]);
    }
    for (int64_t j = 0; j < n; j++) sum += exp(scores[j] - most);
    for (int64_t j = 0; j < n; j++) scores[j] = exp(scores[j] - most) / sum;
    return most + log(sum);
}

enum { MAX_KEYS = 512 }; /* of a case */

/* last: key of each query; NULL: query i is key i. */
static void reference_of(const struct attention_args *p, double *const *values,
                         const double *last) {
    BUG_IF(p->n_k > MAX_KEYS);
    for (int64_t i = 0; i < p->n_q; i++) {
        for (int64_t head = 0; head < p->h; head++) {
            double scores[MAX_KEYS];
            const int64_t first = (int64_t)values[SLOT_FIRST][i];
            const int64_t n = (last ? (int64_t)last[i] : i) - first + 1;
            const double lse = probabilities(p, values, i, head, n, scores);
            if (values[SLOT_LSE] != NULL) values[SLOT_LSE][i * p->h + head] = lse;
            for (int64_t c = 0; c < p->d; c++) {
                const double *v = values[SLOT_V] + first * p->v_row + head * p->v_head_stride + c;
                double sum = 0;
                for (int64_t j = 0; j < n; j++) sum += scores[j] * v[j * p->v_row];
                values[SLOT_OUT_ROWS][i * p->o_row + head * p->v_head_stride + c] = sum;
            }
        }
    }
}

static void reference(const void *args, double *const *values) {
    reference_of(args, values, values[SLOT_LAST]);
}

static double tolerance_of(const struct attention_args *p) {
    return (sqrt((double)p->d) + sqrt((double)p->n_k) + 8) * 0x1p-24;
}

static double tolerance(const void *args) {
    return tolerance_of(args);
}

/* Rows of mixed q and k as the model has them (q | k of each head), v and out plain. */
#define MIXED(heads, size)                                                                         \
    .h = (heads), .d = (size), .q_row = 2 * (heads) * (size), .k_row = 2 * (heads) * (size),       \
    .v_row = (heads) * (size), .o_row = (heads) * (size), .q_head_stride = 2 * (size),             \
    .k_head_stride = 2 * (size), .v_head_stride = (size)
/* Mixed rows of queries against rows of a cache, which holds keys alone. */
#define CACHED(heads, size)                                                                        \
    .h = (heads), .d = (size), .q_row = 2 * (heads) * (size), .k_row = (heads) * (size),           \
    .v_row = (heads) * (size), .o_row = (heads) * (size), .q_head_stride = 2 * (size),             \
    .k_head_stride = (size), .v_head_stride = (size)
static const struct attention_args cases[] = {
    {.n_q = 1, .n_k = 1, .scale = 1, MIXED(1, 1)},
    {.n_q = 19, .n_k = 19, .scale = 0.4f, MIXED(3, 5)},
    {.n_q = 150, .n_k = 150, .scale = 0.18f, MIXED(4, 32)},
    {.n_q = 3, .n_k = 40, .scale = 0.25f, MIXED(2, 16)},
    {.n_q = 1, .n_k = 130, .scale = 0.09f, MIXED(2, 128)},
    {.n_q = 66, .n_k = 130, .scale = 0.18f, CACHED(2, 32)},
    {.n_q = 21, .n_k = 50, .scale = 0.4f, CACHED(3, 5)},
    {.n_q = 333, .n_k = 333, .scale = 0.2f, MIXED(1, 24)},
    {.n_q = 6, .n_k = 276, .scale = 0.25f, MIXED(2, 16)},
    {.n_q = 70,
     .n_k = 90,
     .scale = 0.125f,
     .h = 2,
     .d = 40,
     .q_row = 90,
     .k_row = 100,
     .v_row = 88,
     .o_row = 95,
     .q_head_stride = 42,
     .k_head_stride = 42,
     .v_head_stride = 41},
    /* Where a GPU's tiles of 32 or 64 rows end; heads of 32, 64 and 128 without padding and of
     * other sizes with it; keys cut into parts, with a part that is empty. */
    {.n_q = 64, .n_k = 64, .scale = 0.125f, MIXED(2, 64)},
    {.n_q = 129, .n_k = 129, .scale = 0.125f, MIXED(3, 64)},
    {.n_q = 100, .n_k = 100, .scale = 0.09f, MIXED(2, 128)},
    {.n_q = 70, .n_k = 70, .scale = 0.1f, MIXED(2, 100)},
    {.n_q = 1, .n_k = 300, .scale = 0.125f, MIXED(2, 64)},
    {.n_q = 20, .n_k = 200, .scale = 0.125f, CACHED(2, 64)},
};

const struct op attention_op = {
    .name = "attention",
    .summary = "causal attention with document borders",
    .args_size = sizeof(struct attention_args),
    .slots = {{"q", SLOT_IN, SLOT_ACT, offsetof(struct attention_args, q)},
              {"k", SLOT_IN, SLOT_ACT, offsetof(struct attention_args, k)},
              {"v", SLOT_IN, SLOT_ACT, offsetof(struct attention_args, v)},
              {"first", SLOT_IN, SLOT_I32, offsetof(struct attention_args, first)},
              {"out", SLOT_INOUT, SLOT_ACT, offsetof(struct attention_args, out)},
              {"lse", SLOT_OUT, SLOT_F32, offsetof(struct attention_args, lse)},
              {"last", SLOT_IN, SLOT_I32, offsetof(struct attention_args, last)}},
    .cases = cases,
    .case_names = {"one", "odd", "documents", "cache", "decode", "texts", "texts_odd", "long",
                   "cache_long", "strided", "tile", "tiles", "wide", "padded", "decode_long",
                   "texts_tiles"},
    .count = count,
    .indices = indices,
    .reference = reference,
    .tolerance = tolerance,
    .bf16_roundings = 2,
};

static int64_t backward_count(const void *args, int slot) {
    const struct attention_args *p = &((const struct attention_backward_args *)args)->forward;
    static const int like[] = {
        [BACK_DOUT] = SLOT_OUT_ROWS, [BACK_DQ] = SLOT_Q, [BACK_DK] = SLOT_K, [BACK_DV] = SLOT_V};
    return count_of(p, slot < BACK_DOUT ? slot : like[slot]);
}

static void backward_indices(const void *args, int slot, void *values, int64_t n) {
    indices(&((const struct attention_backward_args *)args)->forward, slot, values, n);
}

static void backward_prepare(const void *args, double *const *values) {
    reference_of(&((const struct attention_backward_args *)args)->forward, values, NULL);
}

static void zero_heads(const struct attention_args *p, double *x, int64_t row,
                       int64_t head_stride) {
    for (int64_t i = 0; i < p->n_k * p->h * p->d; i++) {
        x[i / (p->h * p->d) * row + i / p->d % p->h * head_stride + i % p->d] = 0;
    }
}

/* What query i of one head adds to the gradients. */
static void backward_query(const struct attention_args *p, double *const *values, int64_t i,
                           int64_t head) {
    const int64_t hq = head * p->q_head_stride, hk = head * p->k_head_stride,
                  hv = head * p->v_head_stride;
    const int64_t first = (int64_t)values[BACK_FIRST][i];
    const double *q = values[BACK_Q] + i * p->q_row + hq,
                 *dout = values[BACK_DOUT] + i * p->o_row + hv;
    const double delta = dot(dout, values[BACK_OUT] + i * p->o_row + hv, p->d);
    for (int64_t j = first; j <= i; j++) {
        const double *k = values[BACK_K] + j * p->k_row + hk,
                     *v = values[BACK_V] + j * p->v_row + hv;
        double probability =
            exp((double)p->scale * dot(q, k, p->d) - values[BACK_LSE][i * p->h + head]);
        double ds = (double)p->scale * probability * (dot(dout, v, p->d) - delta);
        for (int64_t c = 0; c < p->d; c++) {
            values[BACK_DV][j * p->v_row + hv + c] += probability * dout[c];
            values[BACK_DQ][i * p->q_row + hq + c] += ds * k[c];
            values[BACK_DK][j * p->k_row + hk + c] += ds * q[c];
        }
    }
}

static void backward_reference(const void *args, double *const *values) {
    const struct attention_args *p = &((const struct attention_backward_args *)args)->forward;
    zero_heads(p, values[BACK_DQ], p->q_row, p->q_head_stride);
    zero_heads(p, values[BACK_DK], p->k_row, p->k_head_stride);
    zero_heads(p, values[BACK_DV], p->v_row, p->v_head_stride);
    for (int64_t i = 0; i < p->n_q; i++) {
        for (int64_t head = 0; head < p->h; head++) backward_query(p, values, i, head);
    }
}

static double backward_tolerance(const void *args) {
    return tolerance_of(&((const struct attention_backward_args *)args)->forward);
}

static bool backward_forward(const void *args, void *forward_args) {
    *(struct attention_args *)forward_args =
        ((const struct attention_backward_args *)args)->forward;
    return true;
}

static const struct attention_backward_args backward_cases[] = {
    {.forward = {.n_q = 1, .n_k = 1, .scale = 1, MIXED(1, 1)}},
    {.forward = {.n_q = 19, .n_k = 19, .scale = 0.4f, MIXED(3, 5)}},
    {.forward = {.n_q = 150, .n_k = 150, .scale = 0.18f, MIXED(4, 32)}},
    {.forward = {.n_q = 300,
                 .n_k = 300,
                 .scale = 0.25f,
                 .h = 2,
                 .d = 17,
                 .q_row = 40,
                 .k_row = 37,
                 .v_row = 50,
                 .o_row = 36,
                 .q_head_stride = 18,
                 .k_head_stride = 18,
                 .v_head_stride = 19}},
    {.forward = {.n_q = 64, .n_k = 64, .scale = 0.125f, MIXED(2, 64)}},
    {.forward = {.n_q = 129, .n_k = 129, .scale = 0.125f, MIXED(3, 64)}},
    {.forward = {.n_q = 280, .n_k = 280, .scale = 0.125f, MIXED(1, 64)}},
    {.forward = {.n_q = 100, .n_k = 100, .scale = 0.09f, MIXED(2, 128)}},
    {.forward = {.n_q = 70, .n_k = 70, .scale = 0.1f, MIXED(9, 100)}},
};

#define FORWARD(field) offsetof(struct attention_backward_args, forward.field)
const struct op attention_backward_op = {
    .name = "attention_backward",
    .summary = "gradient of attention",
    .gradient = "attention",
    .args_size = sizeof(struct attention_backward_args),
    .slots = {{"q", SLOT_IN, SLOT_ACT, FORWARD(q)},
              {"k", SLOT_IN, SLOT_ACT, FORWARD(k)},
              {"v", SLOT_IN, SLOT_ACT, FORWARD(v)},
              {"first", SLOT_IN, SLOT_I32, FORWARD(first)},
              {"out", SLOT_IN, SLOT_ACT, FORWARD(out)},
              {"lse", SLOT_IN, SLOT_F32, FORWARD(lse)},
              {"dout", SLOT_IN, SLOT_ACT, offsetof(struct attention_backward_args, dout)},
              {"dq", SLOT_INOUT, SLOT_ACT, offsetof(struct attention_backward_args, dq)},
              {"dk", SLOT_INOUT, SLOT_ACT, offsetof(struct attention_backward_args, dk)},
              {"dv", SLOT_INOUT, SLOT_ACT, offsetof(struct attention_backward_args, dv)}},
    .cases = backward_cases,
    .case_names = {"one", "odd", "documents", "strided", "tile", "tiles", "long", "wide", "padded"},
    .count = backward_count,
    .indices = backward_indices,
    .prepare = backward_prepare,
    .reference = backward_reference,
    .tolerance = backward_tolerance,
    .bf16_roundings = 2,
    .forward_case = backward_forward,
};
