/* SPDX-License-Identifier: Apache-2.0
 * One layer of Yuan 2.0, forward and backward, one function per block.
 *   n = rms(x, w_in)
 *   f = rms(conv2(conv1(n)) + n, w_lf, 1e-6)          localized filter, two taps each (ops/pair)
 *   q, k from f (rows [H][q(D) k(D)]), v from n;  rotate q and k;  middle = x + o(attention)
 *     share-qk: no filter; q, k = w p + b of one projection p = qk_proj(n) (ops/shareqk)
 *   out = middle + down(gate(m) * silu(up(m))),  m = rms(middle, w_post)
 * Sources: Yuan 2.0 paper section 3.1; the mixing of q and k into heads, v reading n instead of f,
 * the residual inside the filter, its own eps and silu on up_proj are the released model code's. */
#include "model/block_int.h"
#include "base/mem.h"
#include "compute/ops/add.h"
#include "compute/ops/attention.h"
#include "compute/ops/embed.h"
#include "compute/ops/pair.h"
#include "compute/ops/product.h"
#include "compute/ops/put.h"
#include "compute/ops/rmsnorm.h"
#include "compute/ops/rope.h"
#include "compute/ops/rows.h"
#include "compute/ops/shareqk.h"
#include "compute/ops/swiglu.h"
#include "model/gradient.h"
#include <math.h>
#include <stdio.h>

/* Runs one operation of the pass's backend. */
#define RUN(op, ...) TRY(p->compute->backend->op(p->compute, &(struct op##_args){__VA_ARGS__}))

err norm_forward(const struct pass *p, const struct norm *norm, int64_t n, const void *x, void *y,
                 float *rstd) {
    RUN(rmsnorm, .n = n, .c = p->model->config.hidden_size, .eps = norm->eps, .x = x, .w = norm->w,
        .y = y, .rstd = rstd);
    return ERR_OK;
}

err norm_backward(const struct pass *p, const struct norm *norm, const void *x, const float *rstd,
                  const void *dy, void *dx, bool accumulate) {
    struct gradient_slice g = {0};
    if (norm->gradient) TRY(gradient_open_whole(norm->gradient, &g));
    RUN(rmsnorm_backward, .n = p->n, .c = p->model->config.hidden_size, .x = x, .dy = dy,
        .w = norm->w, .rstd = rstd, .dx = dx, .accumulate = accumulate, .dw = g.values);
    return norm->gradient ? gradient_close(&g) : ERR_OK;
}

/* Shows rows of an activation to the caller's observer. */
static err observe(const struct pass *p, const struct layer *l, const char *what, const void *act,
                   int64_t columns, int64_t stride) {
    if (!p->call->observe || p->again) return ERR_OK;
    char name[64];
    snprintf(name, sizeof name, "layers.%lld.%s", (long long)l->number, what);
    float *values = mem_alloc((size_t)(p->n * columns), sizeof *values);
    if (!values) return ERR_MEMORY;
    err code = ERR_OK;
    for (int64_t t = 0; t < p->n && !code; t++)
        code = act_download(p->compute, act_at(p->compute, act, t * stride), columns,
                            values + t * columns);
    if (!code) code = p->call->observe(p->call->observe_ctx, name, values, p->n, columns);
    mem_free(values);
    return code;
}

static struct projection_call call_of(const struct pass *p, const struct saved *s,
                                      enum layer_projection which) {
    return (struct projection_call){.compute = p->compute,
                                    .batch = &p->workspace->batch,
                                    .n = p->n,
                                    .training = p->call->training,
                                    .seed = p->call->seed,
                                    .step = p->call->step,
                                    .saved = s->adapter[which],
                                    .work = p->workspace->scratch.adapter_work};
}

static err project(const struct pass *p, const struct layer *l, const struct saved *s,
                   enum layer_projection which, const void *x, void *y) {
    struct projection_call call = call_of(p, s, which);
    return projection_forward(l->projections[which], &call, x, y);
}

static err add_rows(const struct pass *p, const void *a, const void *b, void *y) {
    RUN(add, .n = p->n * p->model->config.hidden_size, .a = a, .b = b, .y = y);
    return ERR_OK;
}

/* y = add + the projection of x, which an observer sees alone by the name `what` (NULL: none). */
static err project_add(const struct pass *p, const struct layer *l, const struct saved *s,
                       enum layer_projection which, const char *what, const void *x,
                       const void *add, void *y) {
    struct projection_call call = call_of(p, s, which);
    void *branch = p->workspace->scratch.branch;
    const int64_t C = p->model->config.hidden_size;
    if (what && p->call->observe) {
        TRY(projection_forward(l->projections[which], &call, x, branch));
        TRY(observe(p, l, what, branch, C, C));
        return add_rows(p, add, branch, y);
    }
    call.add = add;
    return projection_forward(l->projections[which], &call, x, y);
}

static err project_back(const struct pass *p, const struct layer *l, const struct saved *s,
                        enum layer_projection which, const void *x, const void *dy, void *dx,
                        bool accumulate) {
    struct projection_call call = call_of(p, s, which);
    return projection_backward(l->projections[which], &call, x, dy, dx, accumulate);
}

/* state (n_states,columns): a decoder's rows before. */
static err pair_rows(const struct pass *p, const void *x, int64_t columns, const void *state) {
    const struct cache *cache = p->cache;
    RUN(pair, .n = p->n, .c = columns, .x = x, .link = p->workspace->batch.link, .before = state,
        .n_before = cache ? cache->n_states : 0, .before_row = cache ? cache->before : NULL,
        .y = p->workspace->scratch.pairs);
    return ERR_OK;
}

/* The last row of each of the pass's texts. */
static err keep_last(const struct pass *p, const void *x, int64_t columns, void *state) {
    RUN(put, .n = p->n, .n_to = p->cache->n_states, .h = 1, .d = columns, .from = x, .to = state,
        .from_row = columns, .to_row = columns, .index = p->cache->after);
    return ERR_OK;
}

static err unpair_rows(const struct pass *p, int64_t columns, void *dx, bool accumulate) {
    RUN(unpair, .n = p->n, .c = columns, .dy = p->workspace->scratch.d_pairs,
        .link = p->workspace->batch.link, .dx = dx, .accumulate = accumulate);
    return ERR_OK;
}

/* The row before the first one is a true zero for both convolutions (not the first one's bias): a
 * link of 0, or a decoder's state. normed -> filter1, filter_sum, branch = f. */
static err filter_forward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size;
    const struct cache_layer *cache = p->cache ? &p->cache->layers[l->number] : NULL;
    TRY(pair_rows(p, t->normed, C, cache ? cache->normed : NULL));
    TRY(project(p, l, s, PROJECTION_conv1, t->pairs, s->filter1));
    TRY(pair_rows(p, s->filter1, C / 2, cache ? cache->filter1 : NULL));
    TRY(observe(p, l, "lf_gate.conv1", s->filter1, C / 2, C / 2));
    TRY(project_add(p, l, s, PROJECTION_conv2, NULL, t->pairs, t->normed, s->filter_sum));
    TRY(norm_forward(p, &l->filter_norm, p->n, s->filter_sum, t->branch, s->filter_rstd));
    if (!cache) return ERR_OK;
    TRY(keep_last(p, t->normed, C, cache->normed));
    return keep_last(p, s->filter1, C / 2, cache->filter1);
}

static struct rope_args rope_of(const struct pass *p, void *qk, bool inverse) {
    const struct model_config *c = &p->model->config;
    return (struct rope_args){.n = p->n,
                              .n_vectors = 2 * c->n_heads,
                              .d = c->head_size,
                              .row_stride = 2 * c->hidden_size,
                              .position = p->workspace->batch.position,
                              .cos = p->cos,
                              .sin = p->sin,
                              .n_positions = c->max_positions,
                              .inverse = inverse,
                              .x = qk};
}

/* q_proj and k_proj outputs side by side are rows of H heads [q(D) k(D)]: head j of the released
 * code's concatenation, viewed as (H, 2D). */
static struct attention_args attention_of(const struct pass *p, const struct saved *s) {
    const struct model_config *c = &p->model->config;
    const int64_t C = c->hidden_size, D = c->head_size;
    return (struct attention_args){.n_q = p->n,
                                   .n_k = p->n,
                                   .h = c->n_heads,
                                   .d = D,
                                   .scale = (float)(1.0 / sqrt((double)D)),
                                   .q = s->qk,
                                   .k = act_at(p->compute, s->qk, D),
                                   .v = s->v,
                                   .q_row = 2 * C,
                                   .k_row = 2 * C,
                                   .v_row = C,
                                   .o_row = C,
                                   .q_head_stride = 2 * D,
                                   .k_head_stride = 2 * D,
                                   .v_head_stride = D,
                                   .first = p->workspace->batch.first,
                                   .out = s->attended,
                                   .lse = s->lse};
}

/* Decoding: the pass's keys and values go to the cache, and are read there with those before. */
static err use_cache(const struct pass *p, const struct layer *l, const struct saved *s,
                     struct attention_args *attention) {
    const struct model_config *c = &p->model->config;
    const struct cache_layer *cache = &p->cache->layers[l->number];
    const int64_t C = c->hidden_size, D = c->head_size;
    RUN(put, .n = p->n, .n_to = p->cache->n_rows, .h = c->n_heads, .d = D, .from = attention->k,
        .to = cache->keys, .from_row = 2 * C, .to_row = C, .from_head_stride = 2 * D,
        .to_head_stride = D, .to_turned = p->compute->backend->k_turned, .index = p->cache->place);
    RUN(put, .n = p->n, .n_to = p->cache->n_rows, .h = 1, .d = C, .from = s->v, .to = cache->values,
        .from_row = C, .to_row = C, .index = p->cache->place);
    attention->n_k = p->cache->n_rows;
    attention->k = cache->keys;
    attention->k_row = C;
    attention->k_head_stride = D;
    attention->k_turned = p->compute->backend->k_turned;
    attention->v = cache->values;
    attention->last = p->cache->place;
    attention->lse = NULL;
    return ERR_OK;
}

/* Rows that see no key (left padding) get the mean of all values of their row: a product with a
 * matrix whose elements are all one number. It matters because the filter of the next layer reads
 * them. */
static err blind_forward(const struct pass *p, const struct saved *s) {
    const int64_t C = p->model->config.hidden_size;
    const struct batch *b = &p->workspace->batch;
    for (int64_t i = 0; i < b->n_blind; i++) {
        const struct blind *r = &b->blind[i];
        RUN(product, .m = r->end - r->begin, .n = C, .k = r->row_end - r->begin,
            .a = {&p->workspace->blind_weights[i], DTYPE_F32, 0, 0},
            .b = mat_act(p->compute, act_at(p->compute, s->v, r->begin * C), C),
            .c = act_at(p->compute, s->attended, r->begin * C), .c_stride = C);
    }
    return ERR_OK;
}

/* Where the sum of a blind range's output gradients is kept, fp32 (C), while attention's own
 * backward pass runs without them. */
static float *blind_sum(const struct pass *p, int64_t i) {
    return (float *)p->workspace->scratch.pairs + i * p->model->config.hidden_size;
}

static err blind_backward_before(const struct pass *p) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size,
                  act = dtype_bytes(p->compute->backend->act_dtype);
    const struct batch *b = &p->workspace->batch;
    for (int64_t i = 0; i < b->n_blind; i++) {
        const struct blind *r = &b->blind[i];
        void *dout = act_at(p->compute, t->d_branch, r->begin * C);
        TRY(p->compute->backend->zero(p->compute, blind_sum(p, i), (size_t)C * sizeof(float)));
        RUN(sum_rows, .n = r->end - r->begin, .c = C, .dy = dout, .db = blind_sum(p, i));
        TRY(p->compute->backend->zero(p->compute, dout, (size_t)((r->end - r->begin) * C * act)));
    }
    return ERR_OK;
}

static err blind_backward_after(const struct pass *p) {
    const int64_t C = p->model->config.hidden_size;
    const struct batch *b = &p->workspace->batch;
    for (int64_t i = 0; i < b->n_blind; i++) {
        const struct blind *r = &b->blind[i];
        RUN(product, .m = r->row_end - r->begin, .n = C, .k = 1,
            .a = {&p->workspace->blind_weights[i], DTYPE_F32, 0, 0},
            .b = {blind_sum(p, i), DTYPE_F32, C, 1},
            .c = act_at(p->compute, p->workspace->scratch.d_v, r->begin * C), .c_stride = C,
            .accumulate = true);
    }
    return ERR_OK;
}

/* Queries and keys from the localized filter's output. */
static err filtered_forward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size;
    void *second_half = act_at(p->compute, s->qk, C);
    TRY(filter_forward(p, l, s));
    TRY(observe(p, l, "lf_gate", t->branch, C, C));
    TRY(project(p, l, s, PROJECTION_q, t->branch, s->qk));
    TRY(project(p, l, s, PROJECTION_k, t->branch, second_half));
    TRY(observe(p, l, "q_proj", s->qk, C, 2 * C));
    return observe(p, l, "k_proj", second_half, C, 2 * C);
}

/* Queries and keys from one projection of the normed input. */
static err shared_forward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct model_config *c = &p->model->config;
    TRY(project(p, l, s, PROJECTION_qk, p->workspace->scratch.normed, s->shared));
    TRY(observe(p, l, "qk_proj", s->shared, c->hidden_size, c->hidden_size));
    RUN(shareqk, .n = p->n, .h = c->n_heads, .d = c->head_size, .p = s->shared,
        .w = l->shareqk.weight, .b = l->shareqk.bias, .qk = s->qk);
    return ERR_OK;
}

err attention_forward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size;
    TRY(norm_forward(p, &l->input_norm, p->n, s->x, t->normed, s->input_rstd));
    TRY(observe(p, l, "input_layernorm", t->normed, C, C));
    TRY(p->model->config.shareqk ? shared_forward(p, l, s) : filtered_forward(p, l, s));
    TRY(project(p, l, s, PROJECTION_v, t->normed, s->v));
    TRY(observe(p, l, "value", s->v, C, C));
    struct rope_args rope = rope_of(p, s->qk, false);
    TRY(p->compute->backend->rope(p->compute, &rope));
    TRY(observe(p, l, "qk_after_rope", s->qk, 2 * C, 2 * C));
    struct attention_args attention = attention_of(p, s);
    if (p->cache) TRY(use_cache(p, l, s, &attention));
    TRY(p->compute->backend->attention(p->compute, &attention));
    TRY(blind_forward(p, s));
    return project_add(p, l, s, PROJECTION_o, "attn_output", s->attended, s->x, s->middle);
}

static err up_and_gate(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    TRY(project(p, l, s, PROJECTION_up, t->normed, s->up));
    return project(p, l, s, PROJECTION_gate, t->normed, s->gate);
}

err feed_forward_forward(const struct pass *p, const struct layer *l, const struct saved *s,
                         void *out) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size, F = p->model->config.intermediate_size;
    TRY(norm_forward(p, &l->post_norm, p->n, s->middle, t->normed, s->middle_rstd));
    TRY(observe(p, l, "post_attention_layernorm", t->normed, C, C));
    TRY(up_and_gate(p, l, s));
    RUN(swiglu, .n = p->n * F, .up = s->up, .gate = s->gate, .h = t->wide);
    TRY(project_add(p, l, s, PROJECTION_down, "mlp", t->wide, s->middle, out));
    return observe(p, l, "output", out, C, C);
}

err feed_forward_backward(const struct pass *p, const struct layer *l, const struct saved *s,
                          bool holds) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t F = p->model->config.intermediate_size;
    TRY(norm_forward(p, &l->post_norm, p->n, s->middle, t->normed, s->middle_rstd));
    if (!holds) TRY(up_and_gate(p, l, s));
    RUN(swiglu, .n = p->n * F, .up = s->up, .gate = s->gate, .h = t->wide);
    TRY(project_back(p, l, s, PROJECTION_down, t->wide, t->d_residual, t->d_wide, false));
    RUN(swiglu_backward, .n = p->n * F, .up = s->up, .gate = s->gate, .dh = t->d_wide, .dup = s->up,
        .dgate = s->gate);
    void *d_normed = l->wanted.middle_normed ? t->d_normed : NULL;
    TRY(project_back(p, l, s, PROJECTION_up, t->normed, s->up, d_normed, false));
    TRY(project_back(p, l, s, PROJECTION_gate, t->normed, s->gate, d_normed, true));
    if (!d_normed) return ERR_OK;
    return norm_backward(p, &l->post_norm, s->middle, s->middle_rstd, t->d_normed, t->d_residual,
                         true);
}

/* d_branch = df -> adds to d_normed. s = c2 + n, so its gradient goes to both. */
static err filter_backward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    const int64_t C = p->model->config.hidden_size;
    TRY(norm_backward(p, &l->filter_norm, s->filter_sum, s->filter_rstd, t->d_branch, t->d_branch,
                      false));
    if (l->wanted.normed) TRY(add_rows(p, t->d_normed, t->d_branch, t->d_normed));
    TRY(pair_rows(p, s->filter1, C / 2, NULL));
    TRY(project_back(p, l, s, PROJECTION_conv2, t->pairs, t->d_branch, t->d_pairs, false));
    TRY(unpair_rows(p, C / 2, t->d_filter1, false));
    TRY(pair_rows(p, t->normed, C, NULL));
    TRY(project_back(p, l, s, PROJECTION_conv1, t->pairs, t->d_filter1,
                     l->wanted.normed ? t->d_pairs : NULL, false));
    return l->wanted.normed ? unpair_rows(p, C, t->d_normed, true) : ERR_OK;
}

/* Both take the gradient of queries and keys in d_qk and add their input's to d_normed. */
static err filtered_backward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    const void *d_second_half = act_at(p->compute, t->d_qk, p->model->config.hidden_size);
    TRY(norm_forward(p, &l->filter_norm, p->n, s->filter_sum, t->branch, s->filter_rstd));
    TRY(project_back(p, l, s, PROJECTION_q, t->branch, t->d_qk, t->d_branch, false));
    TRY(project_back(p, l, s, PROJECTION_k, t->branch, d_second_half, t->d_branch, true));
    return filter_backward(p, l, s);
}

static err shared_backward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct model_config *c = &p->model->config;
    const struct scratch *t = &p->workspace->scratch;
    const struct shareqk *q = &l->shareqk;
    struct gradient_slice weight = {0}, bias = {0};
    if (q->weight_gradient) TRY(gradient_open_whole(q->weight_gradient, &weight));
    if (q->bias_gradient) TRY(gradient_open_whole(q->bias_gradient, &bias));
    RUN(shareqk_backward, .n = p->n, .h = c->n_heads, .d = c->head_size, .p = s->shared,
        .dqk = t->d_qk, .w = q->weight, .dp = t->d_branch, .dw = weight.values, .db = bias.values);
    if (q->weight_gradient) TRY(gradient_close(&weight));
    if (q->bias_gradient) TRY(gradient_close(&bias));
    return project_back(p, l, s, PROJECTION_qk, t->normed, t->d_branch,
                        l->wanted.normed ? t->d_normed : NULL, true);
}

err attention_backward(const struct pass *p, const struct layer *l, const struct saved *s) {
    const struct scratch *t = &p->workspace->scratch;
    TRY(project_back(p, l, s, PROJECTION_o, s->attended, t->d_residual, t->d_branch, false));
    TRY(blind_backward_before(p));
    RUN(attention_backward, .forward = attention_of(p, s), .dout = t->d_branch, .dq = t->d_qk,
        .dk = act_at(p->compute, t->d_qk, p->model->config.head_size), .dv = t->d_v);
    TRY(blind_backward_after(p));
    struct rope_args rope = rope_of(p, t->d_qk, true);
    TRY(p->compute->backend->rope(p->compute, &rope));
    TRY(norm_forward(p, &l->input_norm, p->n, s->x, t->normed, s->input_rstd));
    TRY(project_back(p, l, s, PROJECTION_v, t->normed, t->d_v,
                     l->wanted.normed ? t->d_normed : NULL, false));
    TRY(p->model->config.shareqk ? shared_backward(p, l, s) : filtered_backward(p, l, s));
    if (!l->wanted.normed) return ERR_OK;
    return norm_backward(p, &l->input_norm, s->x, s->input_rstd, t->d_normed, t->d_residual, true);
}
