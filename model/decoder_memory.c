/* SPDX-License-Identifier: Apache-2.0
 * A decoder's memory: planned, made to fit, allocated. The same reserve() serves the plan that is
 * shown and the one that is allocated, so they cannot differ.
 * Read next: model/decoder.c. */
#include "base/mem.h"
#include "model/decoder_int.h"

enum {
    CHUNK_TOKENS = 256, /* of prompts in one pass */
    SCORED_ROWS = 16,   /* whose logits are made together, at least */
};

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t pass_rows(const struct decoder_options *o) {
    const int64_t rows = o->n_texts * o->max_tokens;
    return larger(rows < CHUNK_TOKENS ? rows : CHUNK_TOKENS, o->n_texts);
}

int64_t decoder_key_unit(const struct model *m) {
    return larger(m->compute->backend->k_turned, 1);
}

/* Rows of the cache that a text has. */
static int64_t text_rows(const struct model *m, int64_t max_tokens) {
    const int64_t unit = decoder_key_unit(m);
    return (max_tokens + unit - 1) / unit * unit;
}

static int64_t z_rows(const struct decoder_options *o) {
    const int64_t rows = pass_rows(o);
    return rows < SCORED_ROWS ? rows : larger(o->n_texts, SCORED_ROWS);
}

static void reserve(const struct model *m, const struct decoder_options *o, struct plan *plan,
                    size_t at[RANGE_COUNT]) {
    const struct model_config *c = &m->config;
    const struct backend *b = m->compute->backend;
    const int64_t act = dtype_bytes(b->act_dtype), S = o->n_texts, N = pass_rows(o), Z = z_rows(o);
    const size_t row = plan_size(c->hidden_size, act),
                 text = plan_size(c->n_layers * text_rows(m, o->max_tokens), (int64_t)row);
    const struct {
        enum plan_kind kind;
        const char *name;
        int64_t n;
        size_t bytes;
    } rows[RANGE_COUNT] = {
        {PLAN_ACTIVATIONS, "cached keys", S, text},
        {PLAN_ACTIVATIONS, "cached values", S, text},
        {PLAN_WORK, "filter states", c->shareqk ? 0 : S + DECODER_MARKS,
         plan_size(c->n_layers * 2, (int64_t)row)},
        {PLAN_WORK, "cache rows", N, 3 * sizeof(int32_t)},
        {PLAN_WORK, "rows with logits", N, sizeof(int32_t)},
        {PLAN_WORK, "last rows", Z, row},
        {PLAN_WORK, "last rows normed", Z, row},
        {PLAN_WORK, "logits", Z, plan_size(c->vocab_size, act)},
        {PLAN_WORK, "rstd", Z, sizeof(float)},
        {b->host_memory ? PLAN_WORK : PLAN_HOST, "logits of texts", S,
         plan_size(c->vocab_size, sizeof(float))},
    };
    for (size_t i = 0; i < RANGE_COUNT; i++)
        at[i] = plan_add(plan, rows[i].kind, rows[i].name,
                         plan_size(rows[i].n, (int64_t)rows[i].bytes));
    /* The model's own plan lends enough, where its passes are as long. */
    const int64_t keys = larger(N, o->max_tokens);
    if (m->internal->options.max_tokens < keys) scratch_plan(m, plan, keys);
}

static err check_options(const struct model *m, const struct decoder_options *o) {
    BUG_IF(o->n_texts < 1);
    if (o->max_tokens < 1 || o->max_tokens >= INT32_MAX)
        return fail(ERR_RANGE, "a text of %lld tokens", (long long)o->max_tokens);
    if (o->n_texts > (INT32_MAX - 1) / text_rows(m, o->max_tokens))
        return fail(ERR_LIMIT, "%lld texts of %lld tokens at a time", (long long)o->n_texts,
                    (long long)o->max_tokens);
    return ERR_OK;
}

static err plan_all(const struct model *m, const struct decoder_options *o, struct plan *plan,
                    struct workspace *w, size_t at[RANGE_COUNT]) {
    TRY(check_options(m, o));
    TRY(workspace_plan(
        w, m, plan, &(struct workspace_shape){.n_tokens = pass_rows(o), .stages = STAGES_LAYER}));
    reserve(m, o, plan, at);
    return plan->failed;
}

err decoder_plan(const struct model *m, const struct decoder_options *options, struct plan *plan) {
    struct workspace w = {0};
    size_t at[RANGE_COUNT];
    err e = plan_all(m, options, plan, &w, at);
    workspace_release(&w);
    return e;
}

err decoder_fit(const struct model *m, struct decoder_options *options, int64_t limit,
                int64_t *out_bytes) {
    for (;; options->n_texts--) {
        struct plan plan = {0};
        err e = decoder_plan(m, options, &plan);
        const int64_t bytes = (int64_t)plan.total_bytes;
        plan_release(&plan);
        TRY(e);
        if (out_bytes) *out_bytes = bytes;
        if (bytes <= limit) return ERR_OK;
        if (options->n_texts == 1)
            return fail(
                ERR_LIMIT, "a text of %lld tokens takes %lld bytes to decode, and %lld are left",
                (long long)options->max_tokens, (long long)bytes, (long long)larger(limit, 0));
    }
}

static void place(struct decoder *d) {
    const struct compute *compute = d->model->compute;
    const int64_t C = d->model->config.hidden_size, S = d->cache.n_states;
    workspace_place(&d->workspace, d->model, &d->plan);
    for (int64_t l = 0; l < d->model->config.n_layers; l++) {
        const int64_t rows = l * d->cache.n_rows;
        struct cache_layer *layer = &d->cache.layers[l];
        layer->keys = act_at(compute, plan_at(&d->plan, d->at[RANGE_KEYS]), rows * C);
        layer->values = act_at(compute, plan_at(&d->plan, d->at[RANGE_VALUES]), rows * C);
        if (d->model->config.shareqk) continue;
        layer->normed = act_at(compute, plan_at(&d->plan, d->at[RANGE_STATES]), l * 2 * S * C);
        layer->filter1 = act_at(compute, layer->normed, S * C);
    }
    d->cache.place = plan_at(&d->plan, d->at[RANGE_LINKS]);
    d->cache.before = d->cache.place + d->batch.capacity;
    d->cache.after = d->cache.before + d->batch.capacity;
    d->wanted_at = plan_at(&d->plan, d->at[RANGE_WANTED]);
    d->last = plan_at(&d->plan, d->at[RANGE_LAST]);
    d->hidden = plan_at(&d->plan, d->at[RANGE_HIDDEN]);
    d->z = plan_at(&d->plan, d->at[RANGE_Z]);
    d->rstd = plan_at(&d->plan, d->at[RANGE_RSTD]);
    d->logits =
        (compute->backend->host_memory ? plan_at : plan_host_at)(&d->plan, d->at[RANGE_LOGITS]);
}

static err allocate(struct decoder *d) {
    const struct model *m = d->model;
    const bool host = m->compute->backend->host_memory;
    const int64_t n = pass_rows(&d->options);
    TRY(plan_all(m, &d->options, &d->plan, &d->workspace, d->at));
    TRY(batch_init(&d->batch, n));
    d->text_rows = text_rows(m, d->options.max_tokens);
    d->cache.n_rows = d->options.n_texts * d->text_rows;
    d->cache.n_states = d->options.n_texts + DECODER_MARKS;
    d->z_rows = z_rows(&d->options);
    d->texts = mem_zalloc((size_t)d->cache.n_states, sizeof *d->texts);
    d->cache.layers = mem_zalloc((size_t)m->config.n_layers, sizeof *d->cache.layers);
    d->links.place = mem_alloc((size_t)n, 3 * sizeof *d->links.place);
    d->wanted = mem_alloc((size_t)n, sizeof *d->wanted);
    d->wanted_rows = mem_alloc((size_t)n, sizeof *d->wanted_rows);
    if (!host) d->row = mem_alloc((size_t)m->config.vocab_size, sizeof *d->row);
    if (!d->texts || !d->cache.layers || !d->links.place || !d->wanted || !d->wanted_rows ||
        (!host && !d->row))
        return ERR_MEMORY;
    d->links.before = d->links.place + n;
    d->links.after = d->links.before + n;
    TRY(plan_allocate(&d->plan, m->compute));
    place(d);
    return ERR_OK;
}

err decoder_new(struct decoder **out, struct model *m, const struct decoder_options *options) {
    BUG_IF(!m->internal->started);
    struct decoder *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_MEMORY;
    d->model = m;
    d->options = *options;
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
    mem_free(d->texts);
    mem_free(d->cache.layers);
    mem_free(d->links.place);
    mem_free(d->wanted);
    mem_free(d->wanted_rows);
    mem_free(d->row);
    mem_free(d);
}

int64_t decoder_bytes(const struct decoder *d) {
    return (int64_t)d->plan.total_bytes;
}
