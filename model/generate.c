/* SPDX-License-Identifier: Apache-2.0
 * Decoding. A decoder is a pass over the model's blocks whose q/k rows and v rows lie in a cache:
 * the blocks are the ones that training uses, attention counts its keys from the document's start
 * in both, so a decoded token has the same bits as in a full recomputation.
 * The localized filter remembers, per layer, the last token's normed row and first convolution's
 * row;
 * at the start of a text there is none, and both convolutions see a true zero. */
#include "model/generate.h"
#include "base/mem.h"
#include "compute/ops/product.h"
#include "model/model_int.h"
#include <math.h>

enum { CHUNK_TOKENS = 256 }; /* of a prompt in one pass */

struct decoder {
    struct model *model;
    enum isolate isolate;
    int64_t max_tokens;
    struct row_place place; /* place.n: tokens in the cache */
    int32_t last_id;
    struct plan plan;
    struct workspace workspace;
    struct saved *layers;        /* the workspace's, before they move along the cache */
    struct filter_state *states; /* one per layer */
    struct batch batch;          /* host */
    void *hidden, *z;            /* act: the last token's final row (C) and logits (V) */
    float *rstd;
    float *logits; /* host (V) */
    size_t hidden_at, z_at, rstd_at, states_at;
};

static int64_t state_elements(const struct decoder *d) {
    return 2 * d->model->config.hidden_size; /* C and C/2, kept 64-byte aligned for most sizes */
}

static void place_decoder(struct decoder *d) {
    const struct model *m = d->model;
    workspace_place(&d->workspace, m, &d->plan);
    d->hidden = plan_at(&d->plan, d->hidden_at);
    d->z = plan_at(&d->plan, d->z_at);
    d->rstd = plan_at(&d->plan, d->rstd_at);
    void *states = plan_at(&d->plan, d->states_at);
    for (int64_t l = 0; l < m->config.n_layers; l++) {
        d->layers[l] = d->workspace.layers[l];
        d->states[l].normed = act_at(m->compute, states, l * state_elements(d));
        d->states[l].filter1 = act_at(m->compute, d->states[l].normed, m->config.hidden_size);
    }
}

static err allocate(struct decoder *d) {
    const struct model *m = d->model;
    const struct model_config *c = &m->config;
    const int64_t act = dtype_bytes(m->compute->backend->act_dtype);
    struct workspace_shape shape = {.cache_tokens = d->max_tokens,
                                    .n_tokens = d->max_tokens < CHUNK_TOKENS ? d->max_tokens
                                                                             : CHUNK_TOKENS};
    TRY(workspace_plan(&d->workspace, m, &d->plan, &shape));
    d->hidden_at = plan_add(&d->plan, PLAN_WORK, "last row", plan_size(c->hidden_size, act));
    d->z_at = plan_add(&d->plan, PLAN_WORK, "logits", plan_size(c->vocab_size, act));
    d->rstd_at = plan_add(&d->plan, PLAN_WORK, "rstd", sizeof(float));
    d->states_at = plan_add(&d->plan, PLAN_WORK, "filter states",
                            plan_size(c->n_layers, state_elements(d) * act));
    TRY(batch_init(&d->batch, shape.n_tokens));
    d->layers = mem_zalloc((size_t)c->n_layers, sizeof *d->layers);
    d->states = mem_zalloc((size_t)c->n_layers, sizeof *d->states);
    d->logits = mem_zalloc((size_t)c->vocab_size, sizeof *d->logits);
    if (!d->layers || !d->states || !d->logits) return ERR_MEMORY;
    TRY(plan_allocate(&d->plan, m->compute));
    place_decoder(d);
    return ERR_OK;
}

err decoder_new(struct decoder **out, struct model *m, int64_t max_tokens, enum isolate isolate) {
    BUG_IF(!m->internal->started);
    if (max_tokens < 1 || max_tokens >= INT32_MAX)
        return fail(ERR_RANGE, "a text of %lld tokens", (long long)max_tokens);
    struct decoder *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_MEMORY;
    d->model = m;
    d->isolate = isolate;
    d->max_tokens = max_tokens;
    err code = allocate(d);
    if (code)
        decoder_free(d);
    else
        *out = d;
    return code;
}

void decoder_free(struct decoder *d) {
    if (!d) return;
    workspace_release(&d->workspace);
    plan_release(&d->plan);
    batch_release(&d->batch);
    mem_free(d->layers);
    mem_free(d->states);
    mem_free(d->logits);
    mem_free(d);
}

void decoder_clear(struct decoder *d) {
    d->place = (struct row_place){0};
}

const float *decoder_logits(const struct decoder *d) {
    return d->logits;
}

/* The next n tokens into the host batch; `place` moves on only when the pass has succeeded. */
static void fill_batch(struct decoder *d, const int32_t *ids, int64_t n, struct row_place *place) {
    struct batch *b = &d->batch;
    int32_t last = d->last_id;
    for (int64_t i = 0; i < n; i++) {
        bool starts = place->n > 0 && last == d->model->config.eod;
        b->row[i] = (int32_t)place->n;
        row_place_next(place, starts, d->isolate, &b->position[i], &b->first[i], &b->link[i]);
        b->ids[i] = last = ids[i];
    }
    b->n = n;
}

/* Points the cached activations behind the tokens that are there. */
static void move_cache(struct decoder *d) {
    const struct model *m = d->model;
    const int64_t C = m->config.hidden_size;
    for (int64_t l = 0; l < m->config.n_layers; l++) {
        d->workspace.layers[l].qk = act_at(m->compute, d->layers[l].qk, d->place.n * 2 * C);
        d->workspace.layers[l].v = act_at(m->compute, d->layers[l].v, d->place.n * C);
        d->workspace.layers[l].lse = NULL;
    }
}

static err last_logits(struct decoder *d, const struct pass *p) {
    const struct model_internal *in = d->model->internal;
    struct compute *c = p->compute;
    const int64_t C = d->model->config.hidden_size, V = d->model->config.vocab_size;
    const void *last = act_at(c, d->workspace.layers[0].x, (p->n - 1) * C);
    TRY(norm_forward(p, &in->final_norm, 1, last, d->hidden, d->rstd));
    TRY(c->backend->product(c, &(struct product_args){.m = 1,
                                                      .n = V,
                                                      .k = C,
                                                      .a = mat_act(c, d->hidden, C),
                                                      .b = mat_transposed(in->head),
                                                      .c = d->z,
                                                      .c_stride = V}));
    return act_download(c, d->z, V, d->logits);
}

static err feed_chunk(struct decoder *d, const int32_t *ids, int64_t n, bool want_logits) {
    const struct model *m = d->model;
    struct row_place place = d->place;
    fill_batch(d, ids, n, &place);
    TRY(check_tokens(m, &d->batch, d->place.n));
    TRY(workspace_load(&d->workspace, m->compute, &d->batch));
    struct model_call call = {.batch = &d->batch};
    struct pass p = {.model = m,
                     .compute = m->compute,
                     .call = &call,
                     .workspace = &d->workspace,
                     .n = n,
                     .cos = m->internal->cos,
                     .sin = m->internal->sin,
                     .q_start = d->place.n,
                     .states = d->states};
    move_cache(d);
    void *x = d->workspace.layers[0].x;
    TRY(embed_tokens(&p, x));
    TRY(layers_forward(&p, x));
    if (want_logits) TRY(last_logits(d, &p));
    d->place = place;
    d->last_id = ids[n - 1];
    return ERR_OK;
}

err decoder_feed(struct decoder *d, const int32_t *ids, int64_t n) {
    if (n < 1) return fail(ERR_RANGE, "no tokens to read");
    if (n > d->max_tokens - d->place.n)
        return fail(ERR_LIMIT, "a text of %lld tokens where there is room for %lld",
                    (long long)(d->place.n + n), (long long)d->max_tokens);
    const int64_t chunk = d->workspace.shape.n_tokens;
    for (int64_t at = 0; at < n; at += chunk) {
        int64_t part = n - at < chunk ? n - at : chunk;
        TRY(feed_chunk(d, ids + at, part, at + part == n));
    }
    return ERR_OK;
}

static err most_likely(const float *logits, int64_t n, int32_t *out) {
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(logits[i]))
            return fail(ERR_NUMERIC, "the logit of token %lld is not finite", (long long)i);
        if (logits[i] > logits[best]) best = i;
    }
    *out = (int32_t)best;
    return ERR_OK;
}

err generate_greedy(struct decoder *d, const int32_t *prompt, int64_t n,
                    const struct generate_options *options, int32_t *out, int64_t *out_n,
                    void (*on_token)(void *ctx, int32_t id), void *ctx) {
    const struct model_config *c = &d->model->config;
    int64_t done = 0;
    *out_n = 0;
    TRY(decoder_feed(d, prompt, n));
    while (done < options->max_new_tokens) {
        int32_t id = 0;
        TRY(most_likely(d->logits, c->vocab_size, &id));
        if (id == c->eod && !options->ignore_eod) break;
        out[done++] = id;
        *out_n = done;
        if (on_token) on_token(ctx, id);
        if (done < options->max_new_tokens) TRY(decoder_feed(d, &id, 1));
    }
    return ERR_OK;
}
