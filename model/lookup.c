/* SPDX-License-Identifier: Apache-2.0
 * The embedding's gradient from the lookup. The padding token's row gets none (released code,
 * padding_idx), though with a tied head it gets the head's.
 * Tied: head and lookup add to one gradient, and over several micro-batches their order would
 * depend on the cut. So the lookup adds to rows of its own, one per distinct token of the step, and
 * model_finish_gradients adds those once, after the head's. Untied: straight to the gradient, or in
 * the same way where that can be opened in slices only (model/gradient.h). */
#include "base/mem.h"
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "model/model_int.h"

static struct gradient *embedding_gradient(const struct model *m) {
    return gradient_of(m, &m->params[PARAM_EMBEDDING]);
}

static bool kept_apart(const struct model *m) {
    const struct param *p = &m->params[PARAM_EMBEDDING];
    return p->trained && (m->config.tied_head || gradient_in_slices(m, p));
}

err lookup_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    struct lookup *k = &in->lookup;
    if (!kept_apart(m)) return ERR_OK;
    k->max_rows = m->config.vocab_size;
    if (in->options.max_step_tokens && in->options.max_step_tokens < k->max_rows)
        k->max_rows = in->options.max_step_tokens;
    in->lookup_at[0] =
        plan_add(plan, PLAN_GRADIENTS, "lookup's gradient",
                 plan_size(k->max_rows, m->config.hidden_size * (int64_t)sizeof(float)));
    in->lookup_at[1] = plan_add(plan, PLAN_WORK, "lookup's rows",
                                plan_size(in->options.max_tokens, sizeof(int32_t)));
    in->lookup_at[2] = plan_add(plan, PLAN_WORK, "number 1", sizeof(float));
    return ERR_OK;
}

err lookup_place(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    struct lookup *k = &in->lookup;
    if (!kept_apart(m)) return ERR_OK;
    const float one = 1;
    k->gradient = plan_at(plan, in->lookup_at[0]);
    k->indices = plan_at(plan, in->lookup_at[1]);
    k->one = plan_at(plan, in->lookup_at[2]);
    TRY(m->compute->backend->upload(m->compute, k->one, &one, sizeof one));
    k->row_of_id = mem_alloc((size_t)m->config.vocab_size, sizeof *k->row_of_id);
    k->id_of_row = mem_alloc((size_t)k->max_rows, sizeof *k->id_of_row);
    k->host = mem_alloc((size_t)in->options.max_tokens, sizeof *k->host);
    if (!k->row_of_id || !k->id_of_row || !k->host) return ERR_MEMORY;
    for (int64_t i = 0; i < m->config.vocab_size; i++) k->row_of_id[i] = -1;
    return ERR_OK;
}

void lookup_release(struct model *m) {
    mem_free(m->internal->lookup.row_of_id);
    mem_free(m->internal->lookup.id_of_row);
    mem_free(m->internal->lookup.host);
}

void lookup_clear(struct model *m) {
    struct lookup *k = &m->internal->lookup;
    for (int64_t i = 0; i < k->n_rows; i++) k->row_of_id[k->id_of_row[i]] = -1;
    k->n_rows = 0;
}

/* A row for each token not seen in this step yet; new rows start at zero. */
static err assign_rows(struct model *m, const struct batch *b) {
    struct lookup *k = &m->internal->lookup;
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size, before = k->n_rows;
    for (int64_t i = 0; i < b->n; i++) {
        int32_t *row = &k->row_of_id[b->ids[i]];
        if (*row < 0) {
            if (k->n_rows == k->max_rows)
                return fail(ERR_LIMIT, "a step of over %lld distinct tokens",
                            (long long)k->max_rows);
            *row = (int32_t)k->n_rows;
            k->id_of_row[k->n_rows++] = b->ids[i];
        }
        k->host[i] = *row;
    }
    TRY(c->backend->upload(c, k->indices, k->host, (size_t)b->n * sizeof(int32_t)));
    return c->backend->zero(c, k->gradient + before * C,
                            (size_t)((k->n_rows - before) * C) * sizeof(float));
}

static err add_rows_apart(struct model *m, struct embed_backward_args args,
                          const struct batch *batch) {
    struct lookup *k = &m->internal->lookup;
    TRY(assign_rows(m, batch));
    args.v = k->n_rows;
    args.ids = k->indices;
    args.skip_id = k->row_of_id[m->config.pad];
    args.dw = k->gradient;
    return m->compute->backend->embed_backward(m->compute, &args);
}

static err add_rows(struct model *m, struct embed_backward_args args) {
    struct compute *c = m->compute;
    struct gradient_slice s;
    TRY(gradient_open_whole(embedding_gradient(m), &s));
    if (s.fresh) TRY(c->backend->zero(c, s.values, (size_t)(args.v * args.c) * sizeof(float)));
    args.dw = s.values;
    TRY(c->backend->embed_backward(c, &args));
    return gradient_close(&s);
}

err lookup_backward(struct model *m, const struct pass *p, const struct batch *batch) {
    const struct embed_backward_args args = {.n = p->n,
                                             .c = m->config.hidden_size,
                                             .v = m->config.vocab_size,
                                             .ids = p->workspace->batch.ids,
                                             .skip_id = m->config.pad,
                                             .dx = p->workspace->scratch.d_residual};
    return kept_apart(m) ? add_rows_apart(m, args, batch) : add_rows(m, args);
}

/* gradient += row, as a product 1 x row: its operands may be fp32 gradients on any backend. */
static err add_row(struct model *m, int64_t row, float *gradient) {
    struct lookup *k = &m->internal->lookup;
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size;
    return c->backend->product(c,
                               &(struct product_args){.m = 1,
                                                      .n = C,
                                                      .k = 1,
                                                      .a = {k->one, DTYPE_F32, 1, 1},
                                                      .b = {k->gradient + row * C, DTYPE_F32, C, 1},
                                                      .c = gradient,
                                                      .c_stride = C,
                                                      .accumulate = true,
                                                      .c_is_gradient = true});
}

/* Adds the rows of the tokens [begin, begin + n). */
static err finish_slice(struct model *m, int64_t begin, int64_t n) {
    const struct lookup *k = &m->internal->lookup;
    const int64_t C = m->config.hidden_size;
    struct gradient_slice s;
    TRY(gradient_open(embedding_gradient(m), begin, n, &s));
    if (s.fresh)
        TRY(m->compute->backend->zero(m->compute, s.values, (size_t)(n * C) * sizeof(float)));
    for (int64_t i = 0; i < k->n_rows; i++) {
        const int64_t row = k->id_of_row[i] - begin;
        if (row >= 0 && row < n) TRY(add_row(m, i, s.values + row * C));
    }
    return gradient_close(&s);
}

err lookup_finish(struct model *m) {
    struct gradient *g = embedding_gradient(m);
    if (!g || !kept_apart(m)) return ERR_OK;
    gradient_complete(g);
    const int64_t V = m->config.vocab_size, step = GRADIENT_ROW_STEP;
    for (int64_t v = 0; v < V; v += step) TRY(finish_slice(m, v, step < V - v ? step : V - v));
    lookup_clear(m);
    return ERR_OK;
}
