/* SPDX-License-Identifier: Apache-2.0
 * The forward and backward passes over all layers, in the model's own memory. The loss between them
 * is in loss.c, the embedding's gradient in lookup.c.
 * Read next: model/block.c, one function a block. */
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "model/model_int.h"

static struct pass pass_of(const struct model *m, const struct model_call *call) {
    const struct model_internal *in = m->internal;
    return (struct pass){.model = m,
                         .compute = m->compute,
                         .call = call,
                         .workspace = &in->workspace,
                         .n = call->batch->n,
                         .cos = in->cos,
                         .sin = in->sin};
}

err check_token(const struct model *m, int64_t number, int32_t id, int32_t position) {
    if (id < 0 || id >= m->config.vocab_size)
        return fail(ERR_RANGE, "token %lld: id %d is not below the model's vocabulary of %lld",
                    (long long)number, id, (long long)m->config.vocab_size);
    if (position < 0 || position >= m->config.max_positions)
        return fail(ERR_RANGE, "token %lld: position %d is not below the model's %lld",
                    (long long)number, position, (long long)m->config.max_positions);
    return ERR_OK;
}

static err check_batch(const struct model *m, const struct batch *b) {
    for (int64_t i = 0; i < b->n; i++) {
        TRY(check_token(m, i, b->ids[i], b->position[i]));
        BUG_IF(b->first[i] < 0 || b->first[i] > i);
    }
    return ERR_OK;
}

err embed_tokens(const struct pass *p, void *x) {
    const struct model *m = p->model;
    return p->compute->backend->embed(p->compute,
                                      &(struct embed_args){.n = p->n,
                                                           .c = m->config.hidden_size,
                                                           .v = m->config.vocab_size,
                                                           .ids = p->workspace->batch.ids,
                                                           .w = m->internal->embedding,
                                                           .x = x});
}

err layers_forward(const struct pass *p, void *out) {
    const struct model *m = p->model;
    for (int64_t l = 0; l < m->config.n_layers; l++) {
        const struct saved *s = &p->workspace->layers[l];
        TRY(stream_enter(m, l, 1));
        TRY(attention_forward(p, &m->internal->layers[l], s));
        TRY(feed_forward_forward(p, &m->internal->layers[l], s,
                                 l + 1 < m->config.n_layers ? s[1].x : out));
    }
    return ERR_OK;
}

err model_forward(struct model *m, const struct model_call *call) {
    struct model_internal *in = m->internal;
    BUG_IF(!in->started);
    in->state = PASS_NONE;
    if (call->batch->n < 1) return fail(ERR_RANGE, "a batch without tokens");
    if (call->batch->n > in->options.max_tokens)
        return fail(ERR_LIMIT, "a batch of %lld tokens where memory was planned for %lld",
                    (long long)call->batch->n, (long long)in->options.max_tokens);
    TRY(check_batch(m, call->batch));
    TRY(workspace_load(&in->workspace, m->compute, call->batch));
    struct pass p = pass_of(m, call);
    TRY(embed_tokens(&p, in->workspace.layers[0].x));
    TRY(noise_add(&p, in->workspace.layers[0].x));
    TRY(layers_forward(&p, in->x_final));
    TRY(norm_forward(&p, &in->final_norm, p.n, in->x_final, in->workspace.scratch.hidden,
                     in->final_rstd));
    in->n = p.n;
    in->state = PASS_FORWARD;
    return ERR_OK;
}

/* What the layer lost to the ones behind it is made again first. */
static err layer_backward(const struct pass *p, int64_t number) {
    const struct layer *l = &p->model->internal->layers[number];
    const struct workspace *w = p->workspace;
    const struct saved *s = &w->layers[number];
    TRY(stream_enter(p->model, number, -1));
    if (!workspace_holds(w, number, KEEP_ATTENTION)) TRY(attention_forward(p, l, s));
    TRY(feed_forward_backward(p, l, s, workspace_holds(w, number, KEEP_ALL)));
    return l->wanted.middle ? attention_backward(p, l, s) : ERR_OK;
}

err model_backward(struct model *m, const struct model_call *call) {
    struct model_internal *in = m->internal;
    const struct scratch *t = &in->workspace.scratch;
    BUG_IF(in->state != PASS_LOSS || !in->options.backward);
    in->state = PASS_NONE; /* the passes below overwrite what forward kept */
    struct pass p = pass_of(m, call);
    if (!in->hidden_wanted) return ERR_OK;
    TRY(norm_backward(&p, &in->final_norm, in->x_final, in->final_rstd, t->d_residual,
                      t->d_residual, false));
    p.again = true;
    for (int64_t l = m->config.n_layers - 1; l >= 0 && in->layers[l].wanted.out; l--)
        TRY(layer_backward(&p, l));
    return m->params[PARAM_EMBEDDING].trained ? lookup_backward(m, &p, call->batch) : ERR_OK;
}

err model_logits(struct model *m, int64_t begin, int64_t end, float *out) {
    struct model_internal *in = m->internal;
    struct compute *c = m->compute;
    const int64_t C = m->config.hidden_size, V = m->config.vocab_size;
    const int64_t most = in->loss.n_logits / V;
    BUG_IF(in->state == PASS_NONE || begin < 0 || end > in->n || begin > end);
    for (int64_t at = begin; at < end; at += most) {
        const int64_t rows = end - at < most ? end - at : most;
        TRY(c->backend->product(
            c, &(struct product_args){
                   .m = rows,
                   .n = V,
                   .k = C,
                   .a = mat_act(c, act_at(c, in->workspace.scratch.hidden, at * C), C),
                   .b = mat_transposed(in->head),
                   .c = in->workspace.scratch.logits,
                   .c_stride = V}));
        TRY(act_download(c, in->workspace.scratch.logits, rows * V, out + (at - begin) * V));
    }
    return ERR_OK;
}

err model_zero_gradients(struct model *m) {
    struct model_internal *in = m->internal;
    lookup_clear(m);
    return gradients_begin(&in->gradients);
}

err model_finish_gradients(struct model *m) {
    TRY(lookup_finish(m));
    return gradients_end(&m->internal->gradients);
}
