/* SPDX-License-Identifier: Apache-2.0
 * The embedding's gradient from the lookup. The padding token's row gets none (released code,
 * padding_idx), though with a tied head it gets the head's.
 * Tied: head and lookup add to one gradient, and over several micro-batches their order would
 * depend on the cut. So the lookup adds to rows of its own, one per distinct token of the step, and
 * model_finish_gradients adds those once, after the head's. Untied: straight to the gradient. */
#include "base/mem.h"
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "model/model_int.h"

static bool kept_apart(const struct model *m) {
    return m->params[PARAM_EMBEDDING].trained && m->config.tied_head;
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

err lookup_backward(struct model *m, const struct pass *p, const struct batch *batch) {
    struct lookup *k = &m->internal->lookup;
    struct embed_backward_args args = {.n = p->n,
                                       .c = m->config.hidden_size,
                                       .v = m->config.vocab_size,
                                       .ids = p->workspace->batch.ids,
                                       .skip_id = m->config.pad,
                                       .dx = p->workspace->scratch.d_residual,
                                       .dw = m->params[PARAM_EMBEDDING].gradient};
    if (kept_apart(m)) {
        TRY(assign_rows(m, batch));
        args.v = k->n_rows;
        args.ids = k->indices;
        args.skip_id = k->row_of_id[m->config.pad];
        args.dw = k->gradient;
    }
    return p->compute->backend->embed_backward(p->compute, &args);
}

/* Row by row through the product, 1 x row: its operands may be fp32 gradients on any backend. */
err lookup_finish(struct model *m) {
    struct lookup *k = &m->internal->lookup;
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size;
    for (int64_t i = 0; i < k->n_rows; i++) {
        float *gradient = m->params[PARAM_EMBEDDING].gradient + k->id_of_row[i] * C;
        TRY(c->backend->product(
            c, &(struct product_args){
                   .m = 1,
                   .n = C,
                   .k = 1,
                   .a = {.data = k->one, .dtype = DTYPE_F32, .row_stride = 1, .col_stride = 1},
                   .b = {.data = k->gradient + i * C,
                         .dtype = DTYPE_F32,
                         .row_stride = C,
                         .col_stride = 1},
                   .c = gradient,
                   .c_stride = C,
                   .accumulate = true,
                   .c_is_gradient = true}));
    }
    lookup_clear(m);
    return ERR_OK;
}
