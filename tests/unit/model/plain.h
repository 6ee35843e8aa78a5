/* SPDX-License-Identifier: Apache-2.0
 * A whole model as plain loops in double precision, both variants, written from the architecture's
 * description and sharing nothing with model/: what the program is held against where no golden
 * numbers are, and differentiated by finite differences.
 *   x = embed[ids];  x += o(attention(n)), n = rms(x);  x += down(gate(m) silu(up(m))), m = rms(x)
 *   logits = head rms(x);  loss = mean of -log softmax(logits)[target]
 * One document from position 0. Read next: test_shareqk.c. */
#ifndef COTRAIN_TESTS_UNIT_MODEL_PLAIN_H
#define COTRAIN_TESTS_UNIT_MODEL_PLAIN_H

#include "base/arena.h"
#include "model/model.h"
#include "tests/unit/test.h"
#include <math.h>

struct plain {
    const struct model *model; /* names and sizes */
    double **values;           /* of each of its params, to be changed at will */
    double eps, filter_eps;
    bool shareqk;
    struct arena arena;
};

/* Copies the weights of a model that trains its base. */
static inline void plain_open(struct plain *p, const struct model *m) {
    *p = (struct plain){.model = m,
                        .eps = m->config.rms_norm_eps,
                        .filter_eps = 1e-6,
                        .shareqk = m->config.shareqk};
    p->values = arena_alloc(&p->arena, (size_t)m->n_params, sizeof *p->values);
    assert_non_null(p->values);
    for (int64_t i = 0; i < m->n_params; i++) {
        p->values[i] = arena_alloc(&p->arena, (size_t)m->params[i].count, sizeof(double));
        assert_non_null(p->values[i]);
        for (int64_t j = 0; j < m->params[i].count; j++)
            p->values[i][j] = (double)m->params[i].value[j];
    }
}

static inline double *plain_at(const struct plain *p, const char *name) {
    for (int64_t i = 0; i < p->model->n_params; i++)
        if (strcmp(p->model->params[i].name, name) == 0) return p->values[i];
    fail_msg("no parameter '%s'", name);
    return NULL;
}

static inline const double *plain_of(const struct plain *p, int64_t layer, const char *suffix) {
    char name[128];
    snprintf(name, sizeof name, "model.layers.%lld.%s", (long long)layer, suffix);
    return plain_at(p, name);
}

static inline double *plain_room(struct arena *a, int64_t n) {
    double *room = arena_alloc(a, (size_t)n, sizeof *room); /* zeroed */
    assert_non_null(room);
    return room;
}

/* y[t] = W x[t] */
static inline double *plain_linear(struct arena *a, const double *w, int64_t out, int64_t in,
                                   const double *x, int64_t n) {
    double *y = plain_room(a, n * out);
    for (int64_t t = 0; t < n; t++)
        for (int64_t o = 0; o < out; o++)
            for (int64_t i = 0; i < in; i++) y[t * out + o] += w[o * in + i] * x[t * in + i];
    return y;
}

static inline double *plain_norm(struct arena *a, const double *w, double eps, const double *x,
                                 int64_t n, int64_t c) {
    double *y = plain_room(a, n * c);
    for (int64_t t = 0; t < n; t++) {
        double squares = 0;
        for (int64_t j = 0; j < c; j++) squares += x[t * c + j] * x[t * c + j];
        for (int64_t j = 0; j < c; j++)
            y[t * c + j] = w[j] * x[t * c + j] / sqrt(squares / (double)c + eps);
    }
    return y;
}

/* Causal convolution of two taps: weights (out,in,2,1), a zero row before the first. */
static inline double *plain_convolution(struct arena *a, const double *w, const double *b,
                                        int64_t out, int64_t in, const double *x, int64_t n) {
    double *y = plain_room(a, n * out);
    for (int64_t t = 0; t < n; t++)
        for (int64_t o = 0; o < out; o++) {
            double sum = b[o];
            for (int64_t i = 0; i < in; i++) {
                if (t > 0) sum += w[(o * in + i) * 2] * x[(t - 1) * in + i];
                sum += w[(o * in + i) * 2 + 1] * x[t * in + i];
            }
            y[t * out + o] = sum;
        }
    return y;
}

/* q and k (N,C), head j at columns j D. */
struct plain_qk {
    double *q, *k;
};

static inline struct plain_qk plain_filtered(const struct plain *p, struct arena *a, int64_t layer,
                                             const double *normed, int64_t n) {
    const struct model_config *c = &p->model->config;
    const int64_t C = c->hidden_size, D = c->head_size;
#define W(suffix) plain_of(p, layer, "self_attn." suffix)
    const double *c1 = plain_convolution(a, W("lf_gate.conv1.weight"), W("lf_gate.conv1.bias"),
                                         C / 2, C, normed, n);
    double *sum =
        plain_convolution(a, W("lf_gate.conv2.weight"), W("lf_gate.conv2.bias"), C, C / 2, c1, n);
    for (int64_t i = 0; i < n * C; i++) sum[i] += normed[i];
    const double *f = plain_norm(a, W("lf_gate.output_layernorm.weight"), p->filter_eps, sum, n, C);
    const double *first = plain_linear(a, W("q_proj.weight"), C, C, f, n);
    const double *second = plain_linear(a, W("k_proj.weight"), C, C, f, n);
    struct plain_qk qk = {plain_room(a, n * C), plain_room(a, n * C)};
    for (int64_t t = 0; t < n; t++)
        for (int64_t r = 0; r < 2 * C; r++) { /* row r of both projections, one after the other */
            double value = r < C ? first[t * C + r] : second[t * C + r - C];
            int64_t head = r / (2 * D), offset = r % (2 * D);
            if (offset < D)
                qk.q[t * C + head * D + offset] = value;
            else
                qk.k[t * C + head * D + offset - D] = value;
        }
    return qk;
}

static inline struct plain_qk plain_shared(const struct plain *p, struct arena *a, int64_t layer,
                                           const double *normed, int64_t n) {
    const int64_t C = p->model->config.hidden_size;
    const double *both = plain_linear(a, W("qk_proj.weight"), C, C, normed, n);
    const double *w = W("qk_weight"), *b = W("qk_bias");
    struct plain_qk qk = {plain_room(a, n * C), plain_room(a, n * C)};
    for (int64_t t = 0; t < n; t++)
        for (int64_t j = 0; j < C; j++) {
            qk.q[t * C + j] = both[t * C + j] * w[j] + b[j];
            qk.k[t * C + j] = both[t * C + j] * w[C + j] + b[C + j];
        }
    return qk;
}

/* Vector i of row t turned by the angle of its position, halves against each other. */
static inline void plain_rotate(double *x, int64_t t, int64_t d) {
    for (int64_t i = 0; i < d / 2; i++) {
        double angle = (double)t * pow(10000, -2.0 * (double)i / (double)d);
        double low = x[i], high = x[i + d / 2];
        x[i] = low * cos(angle) - high * sin(angle);
        x[i + d / 2] = high * cos(angle) + low * sin(angle);
    }
}

/* One head of one token: softmax over the tokens up to it. */
static inline void plain_attend(const double *q, const double *k, const double *v, int64_t t,
                                const struct model_config *c, double *out) {
    double scores[64], largest = -INFINITY, total = 0;
    const int64_t C = c->hidden_size, D = c->head_size;
    assert_true(t < 64);
    for (int64_t s = 0; s <= t; s++) {
        scores[s] = 0;
        for (int64_t i = 0; i < D; i++) scores[s] += q[i] * k[s * C + i];
        scores[s] /= sqrt((double)D);
        largest = fmax(largest, scores[s]);
    }
    for (int64_t s = 0; s <= t; s++) total += scores[s] = exp(scores[s] - largest);
    for (int64_t s = 0; s <= t; s++)
        for (int64_t i = 0; i < D; i++) out[i] += scores[s] / total * v[s * C + i];
}

static inline void plain_layer(const struct plain *p, struct arena *a, int64_t layer, double *x,
                               int64_t n) {
    const struct model_config *c = &p->model->config;
    const int64_t C = c->hidden_size, F = c->intermediate_size, D = c->head_size;
    const double *normed =
        plain_norm(a, plain_of(p, layer, "input_layernorm.weight"), p->eps, x, n, C);
    struct plain_qk qk =
        p->shareqk ? plain_shared(p, a, layer, normed, n) : plain_filtered(p, a, layer, normed, n);
    const double *v = plain_linear(a, W("v_proj.weight"), C, C, normed, n);
    double *attended = plain_room(a, n * C);
    for (int64_t t = 0; t < n; t++)
        for (int64_t j = 0; j < C; j += D) {
            plain_rotate(qk.q + t * C + j, t, D);
            plain_rotate(qk.k + t * C + j, t, D);
            plain_attend(qk.q + t * C + j, qk.k + j, v + j, t, c, attended + t * C + j);
        }
    const double *o = plain_linear(a, W("o_proj.weight"), C, C, attended, n);
    for (int64_t i = 0; i < n * C; i++) x[i] += o[i];
    const double *m =
        plain_norm(a, plain_of(p, layer, "post_attention_layernorm.weight"), p->eps, x, n, C);
    const double *up = plain_linear(a, plain_of(p, layer, "mlp.up_proj.weight"), F, C, m, n);
    double *wide = plain_linear(a, plain_of(p, layer, "mlp.gate_proj.weight"), F, C, m, n);
    for (int64_t i = 0; i < n * F; i++) wide[i] *= up[i] / (1 + exp(-up[i]));
    const double *down = plain_linear(a, plain_of(p, layer, "mlp.down_proj.weight"), C, F, wide, n);
    for (int64_t i = 0; i < n * C; i++) x[i] += down[i];
}
#undef W

/* The mean loss; the logits (N,V) too where they are wanted. */
static inline double plain_loss(const struct plain *p, const int32_t *ids, const int32_t *targets,
                                int64_t n, double *out_logits) {
    const struct model_config *c = &p->model->config;
    const int64_t C = c->hidden_size, V = c->vocab_size;
    struct arena a = {0};
    const double *embedding = plain_at(p, "model.embed_tokens.weight");
    double *x = plain_room(&a, n * C), loss = 0;
    for (int64_t i = 0; i < n * C; i++) x[i] = embedding[ids[i / C] * C + i % C];
    for (int64_t l = 0; l < c->n_layers; l++) plain_layer(p, &a, l, x, n);
    const double *last = plain_norm(&a, plain_at(p, "model.norm.weight"), p->eps, x, n, C);
    const double *head = c->tied_head ? embedding : plain_at(p, "lm_head.weight");
    const double *logits = plain_linear(&a, head, V, C, last, n);
    if (out_logits) memcpy(out_logits, logits, (size_t)(n * V) * sizeof *logits);
    for (int64_t t = 0; t < n; t++) {
        double total = 0;
        for (int64_t j = 0; j < V; j++) total += exp(logits[t * V + j]);
        loss += (log(total) - logits[t * V + targets[t]]) / (double)n;
    }
    arena_release(&a);
    return loss;
}

static inline void plain_close(struct plain *p) {
    arena_release(&p->arena);
}

#endif
