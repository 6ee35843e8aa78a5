/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy over the trained rows only, in blocks of rows or of the vocabulary, so that the
 * logits never exist whole. The trained rows are gathered side by side first: a few answers among
 * long prompts cost what the answers cost.
 *   loss[r] = logsumexp(z[r]) - z[r][target],  z = hidden head^T
 *   d hidden = dz head,  d head += dz^T hidden   (one chain over the step's trained rows in order)
 * Without recompute.logits a block of rows keeps all its logits between loss and gradient; with it
 * all rows have a block of the vocabulary at a time, and the gradient makes the logits again: less
 * memory, the same bits.
 * The sum does not depend on how a step is cut: each row's loss is first rounded to a multiple of
 * 2^-30, and sums of those below 2^22 are exact in double precision in any order. */
#include "base/mem.h"
#include "compute/ops/cross_entropy.h"
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "compute/ops/put.h"
#include "model/model_int.h"
#include <math.h>
#include <string.h>

enum { BLOCK_ELEMENTS = 16 << 20, BLOCK_MIN_ROWS = 16 }; /* 64 MiB of fp32 logits */

/* Whether the head's gradient is handed over while it is made: then all rows are one block, and
 * their loss is known before. */
static bool head_at_once(const struct model *m) {
    return !m->config.tied_head && gradient_taken(m, &m->params[param_number_head(&m->config)]);
}

static void choose_blocks(const struct model *m, struct loss_memory *l) {
    const int64_t N = m->internal->options.max_tokens, V = m->config.vocab_size;
    const enum dtype head = m->params[param_number_head(&m->config)].held_dtype;
    l->block_vocab = V;
    l->block_rows = BLOCK_ELEMENTS / V > BLOCK_MIN_ROWS ? BLOCK_ELEMENTS / V : BLOCK_MIN_ROWS;
    if (l->block_rows > N || head_at_once(m)) l->block_rows = N;
    if (!m->internal->options.recompute.logits || quant_of_dtype(head)) return;
    if (l->block_rows * V <= N * CROSS_ENTROPY_BLOCK) return;
    l->block_rows = N;
    l->block_vocab = CROSS_ENTROPY_BLOCK;
}

size_t loss_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    struct loss_memory *l = &in->loss;
    const int64_t N = in->options.max_tokens, V = m->config.vocab_size;
    static const char *const names[LOSS_ROWS] = {"token losses", "row numbers", "targets",
                                                 "largest logits", "sums of logits"};
    choose_blocks(m, l);
    for (int i = 0; i < LOSS_ROWS; i++)
        in->loss_at[i] = plan_add(plan, PLAN_WORK, names[i], plan_size(N, sizeof(float)));
    l->n_logits = l->block_rows * l->block_vocab > V ? l->block_rows * l->block_vocab : V;
    return plan_size(l->n_logits, dtype_bytes(m->compute->backend->act_dtype));
}

err loss_place(struct model *m, const struct plan *plan) {
    struct loss_memory *l = &m->internal->loss;
    const size_t *at = m->internal->loss_at, N = (size_t)m->internal->options.max_tokens;
    l->loss = plan_at(plan, at[0]);
    l->indices = plan_at(plan, at[1]);
    l->targets = plan_at(plan, at[2]);
    l->most = plan_at(plan, at[3]);
    l->sum = plan_at(plan, at[4]);
    l->host = mem_alloc(N, sizeof *l->host);
    l->host_loss = mem_alloc(N, sizeof *l->host_loss);
    return l->host && l->host_loss ? ERR_OK : ERR_MEMORY;
}

void loss_release(struct model *m) {
    mem_free(m->internal->loss.host);
    mem_free(m->internal->loss.host_loss);
}

static err upload_indices(struct model *m, int32_t *to, int64_t n) {
    return m->compute->backend->upload(m->compute, to, m->internal->loss.host,
                                       (size_t)n * sizeof(int32_t));
}

/* Trained rows side by side, and their targets. */
static err gather_trained(struct model *m, const struct batch *b, int64_t *out_trained) {
    struct loss_memory *l = &m->internal->loss;
    int64_t n = 0;
    for (int64_t i = 0; i < b->n; i++) {
        if (b->targets[i] == TARGET_IGNORE) continue;
        if (b->targets[i] < 0 || b->targets[i] >= m->config.vocab_size)
            return fail(ERR_RANGE,
                        "token %lld: target %d is not below the model's vocabulary of %lld",
                        (long long)i, b->targets[i], (long long)m->config.vocab_size);
        l->host[n++] = b->targets[i];
    }
    *out_trained = n;
    if (!n) return ERR_OK;
    TRY(upload_indices(m, l->targets, n));
    n = 0;
    for (int64_t i = 0; i < b->n; i++)
        if (b->targets[i] != TARGET_IGNORE) l->host[n++] = (int32_t)i;
    TRY(upload_indices(m, l->indices, n));
    const int64_t C = m->config.hidden_size;
    struct compute *c = m->compute;
    const struct scratch *t = &m->internal->workspace.scratch;
    return c->backend->embed(c, &(struct embed_args){.n = n,
                                                     .c = C,
                                                     .v = b->n,
                                                     .ids = l->indices,
                                                     .w = mat_act(c, t->hidden, C),
                                                     .x = t->trained});
}

/* A block of logits: trained rows [row, row + rows), vocabulary [first, first + n). */
struct block {
    int64_t row, rows, first, n;
};

static struct mat trained_rows(const struct model *m, const struct block *b) {
    const int64_t C = m->config.hidden_size;
    return mat_act(m->compute,
                   act_at(m->compute, m->internal->workspace.scratch.trained, b->row * C), C);
}

static struct mat head_rows(const struct model *m, const struct block *b) {
    struct mat head = m->internal->head;
    if (b->first > 0)
        head.data = (const char *)head.data + b->first * head.row_stride * dtype_bytes(head.dtype);
    return head;
}

/* In slices of vocabulary. */
static err head_gradient(struct model *m, const struct block *b) {
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size;
    struct gradient *g = gradient_of(m, &m->params[param_number_head(&m->config)]);
    const int64_t most = g ? gradient_max_rows(g) : 0;
    for (int64_t v = 0, n = most; g && v < b->n; v += n) {
        struct gradient_slice s;
        if (n > b->n - v) n = b->n - v;
        TRY(gradient_open(g, b->first + v, n, &s));
        TRY(c->backend->product(
            c, &(struct product_args){
                   .m = n,
                   .n = C,
                   .k = b->rows,
                   .a = mat_transposed(
                       mat_act(c, act_at(c, m->internal->workspace.scratch.logits, v), b->n)),
                   .b = trained_rows(m, b),
                   .c = s.values,
                   .c_stride = C,
                   .accumulate = !s.fresh,
                   .c_is_gradient = true}));
        TRY(gradient_close(&s));
    }
    return ERR_OK;
}

static err make_logits(struct model *m, const struct block *b) {
    return m->compute->backend->product(
        m->compute, &(struct product_args){.m = b->rows,
                                           .n = b->n,
                                           .k = m->config.hidden_size,
                                           .a = trained_rows(m, b),
                                           .b = mat_transposed(head_rows(m, b)),
                                           .c = m->internal->workspace.scratch.logits,
                                           .c_stride = b->n});
}

static err add_loss(struct model *m, const struct block *b) {
    const struct loss_memory *l = &m->internal->loss;
    TRY(make_logits(m, b));
    return m->compute->backend->cross_entropy(
        m->compute, &(struct cross_entropy_args){.n = b->rows,
                                                 .v = b->n,
                                                 .first = b->first,
                                                 .last = b->first + b->n == m->config.vocab_size,
                                                 .z = m->internal->workspace.scratch.logits,
                                                 .target = l->targets + b->row,
                                                 .most = l->most + b->row,
                                                 .sum = l->sum + b->row,
                                                 .loss = l->loss + b->row});
}

/* From logits to gradients. d hidden is one chain over the vocabulary, through all blocks. */
static err block_backward(struct model *m, const struct block *b, double gradient_scale) {
    struct model_internal *in = m->internal;
    struct compute *c = m->compute;
    const struct loss_memory *l = &in->loss;
    const int64_t C = m->config.hidden_size;
    void *logits = in->workspace.scratch.logits;
    TRY(c->backend->cross_entropy_backward(
        c, &(struct cross_entropy_backward_args){.n = b->rows,
                                                 .v = b->n,
                                                 .first = b->first,
                                                 .z = logits,
                                                 .target = l->targets + b->row,
                                                 .most = l->most + b->row,
                                                 .sum = l->sum + b->row,
                                                 .scale = (float)gradient_scale}));
    if (in->hidden_wanted)
        TRY(c->backend->product(
            c, &(struct product_args){.m = b->rows,
                                      .n = C,
                                      .k = b->n,
                                      .a = mat_act(c, logits, b->n),
                                      .b = head_rows(m, b),
                                      .c = act_at(c, in->workspace.scratch.d_trained, b->row * C),
                                      .c_stride = C,
                                      .accumulate = b->first > 0}));
    return head_gradient(m, b);
}

static err losses_finite(struct model *m, int64_t row, int64_t rows, bool *out) {
    struct loss_memory *l = &m->internal->loss;
    TRY(m->compute->backend->download(m->compute, l->host_loss, l->loss + row,
                                      (size_t)rows * sizeof(float)));
    *out = true;
    for (int64_t i = 0; i < rows; i++) *out = *out && isfinite(l->host_loss[i]);
    return ERR_OK;
}

static err block_of_rows(struct model *m, int64_t row, int64_t rows, double gradient_scale) {
    const int64_t V = m->config.vocab_size, most = m->internal->loss.block_vocab;
    struct block b = {.row = row, .rows = rows};
    for (; b.first < V; b.first += b.n) {
        b.n = V - b.first < most ? V - b.first : most;
        TRY(add_loss(m, &b));
    }
    if (!(gradient_scale > 0)) return ERR_OK;
    bool finite = true;
    if (head_at_once(m)) TRY(losses_finite(m, row, rows, &finite));
    for (b.first = 0; finite && b.first < V; b.first += b.n) {
        b.n = V - b.first < most ? V - b.first : most;
        if (most < V) TRY(make_logits(m, &b));
        TRY(block_backward(m, &b, gradient_scale));
    }
    return ERR_OK;
}

/* Gradient of every final row into scratch.d_residual, 0 where it is not trained. */
static err scatter_gradient(struct model *m, const struct batch *b, int64_t trained) {
    struct model_internal *in = m->internal;
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size;
    void *d_residual = in->workspace.scratch.d_residual;
    TRY(c->backend->zero(c, d_residual, (size_t)(b->n * C * dtype_bytes(c->backend->act_dtype))));
    return c->backend->put(c, &(struct put_args){.n = trained,
                                                 .n_to = b->n,
                                                 .h = 1,
                                                 .d = C,
                                                 .from = in->workspace.scratch.d_trained,
                                                 .to = d_residual,
                                                 .from_row = C,
                                                 .to_row = C,
                                                 .index = in->loss.indices});
}

static err sum_losses(struct model *m, const struct batch *b, int64_t trained, double *out_sum,
                      float *token_loss) {
    struct loss_memory *l = &m->internal->loss;
    double sum = 0;
    TRY(m->compute->backend->download(m->compute, l->host_loss, l->loss,
                                      (size_t)trained * sizeof(float)));
    for (int64_t i = 0; i < trained; i++)
        sum += ldexp(rint(ldexp((double)l->host_loss[i], 30)), -30);
    *out_sum = sum;
    if (!token_loss) return ERR_OK;
    memset(token_loss, 0, (size_t)b->n * sizeof *token_loss);
    for (int64_t i = 0, n = 0; i < b->n; i++)
        if (b->targets[i] != TARGET_IGNORE) token_loss[i] = l->host_loss[n++];
    return ERR_OK;
}

err model_loss(struct model *m, const struct model_call *call, double gradient_scale,
               double *out_sum, int64_t *out_trained, float *token_loss) {
    struct model_internal *in = m->internal;
    const struct batch *b = call->batch;
    int64_t trained = 0;
    BUG_IF(in->state != PASS_FORWARD || b->n != in->n);
    BUG_IF(gradient_scale > 0 && !in->options.backward);
    TRY(gather_trained(m, b, &trained));
    for (int64_t at = 0; at < trained; at += in->loss.block_rows) {
        int64_t rows = trained - at < in->loss.block_rows ? trained - at : in->loss.block_rows;
        TRY(block_of_rows(m, at, rows, gradient_scale));
    }
    TRY(sum_losses(m, b, trained, out_sum, token_loss));
    *out_trained = trained;
    if (!(gradient_scale > 0)) return ERR_OK;
    if (in->options.gradient_taker.take && !isfinite(*out_sum)) return ERR_OK;
    if (in->hidden_wanted) TRY(scatter_gradient(m, b, trained));
    in->state = PASS_LOSS;
    return ERR_OK;
}
