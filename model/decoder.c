/* SPDX-License-Identifier: Apache-2.0
 * A decoder is a pass over the model's blocks with a cache: the blocks are the ones that training
 * uses, no sum knows which other rows are in the pass, and attention counts its keys from the
 * document's start in both, so a decoded token has the same bits as in a full recomputation, in any
 * company. Keys and values of text i are rows i * max_tokens on of the cache.
 * The localized filter remembers, per text and layer, the last token's normed row and first
 * convolution's row; at a text's start there is none, and both convolutions see a true zero. */
#include "model/decoder.h"
#include "base/mem.h"
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "model/model_int.h"

enum { CHUNK_TOKENS = 256 }; /* of prompts in one pass */

struct text {
    struct row_place place; /* place.n: tokens in the cache */
    int32_t last_id;
};

/* Per token of a pass, on the host: what the cache's arrays of that name get. */
struct links {
    int32_t *place, *before, *after;
};

struct decoder {
    struct model *model;
    struct decoder_options options;
    struct text *texts;
    struct plan plan;
    struct workspace workspace;
    struct cache cache;
    struct batch batch; /* host */
    struct links links;
    /* The rows whose logits are wanted: which of the pass, and of which text. */
    int64_t n_wanted;
    int32_t *wanted_rows;    /* host */
    int64_t *wanted_texts;   /* host */
    int32_t *wanted;         /* wanted_rows in the backend's memory */
    void *last, *hidden, *z; /* act: final rows (n_texts,C), normed, and logits (n_texts,V) */
    float *rstd;
    float *logits; /* host (n_texts,V) */
    size_t at[9];  /* places in the plan, in the order of reserve() */
};

static void reserve(struct decoder *d, int64_t n_tokens) {
    const struct model_config *c = &d->model->config;
    const int64_t act = dtype_bytes(d->model->compute->backend->act_dtype), S = d->options.n_texts,
                  T = d->options.max_tokens;
    const size_t row = plan_size(c->hidden_size, act);
    const struct {
        enum plan_kind kind;
        const char *name;
        int64_t n;
        size_t bytes;
    } rows[] = {
        {PLAN_ACTIVATIONS, "cached keys", S, plan_size(c->n_layers * T, (int64_t)row)},
        {PLAN_ACTIVATIONS, "cached values", S, plan_size(c->n_layers * T, (int64_t)row)},
        {PLAN_WORK, "filter states", c->shareqk ? 0 : S, plan_size(c->n_layers * 2, (int64_t)row)},
        {PLAN_WORK, "cache rows", n_tokens, 3 * sizeof(int32_t)},
        {PLAN_WORK, "rows with logits", S, sizeof(int32_t)},
        {PLAN_WORK, "last rows", S, row},
        {PLAN_WORK, "last rows normed", S, row},
        {PLAN_WORK, "logits", S, plan_size(c->vocab_size, act)},
        {PLAN_WORK, "rstd", S, sizeof(float)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        d->at[i] = plan_add(&d->plan, rows[i].kind, rows[i].name,
                            plan_size(rows[i].n, (int64_t)rows[i].bytes));
}

static void place(struct decoder *d) {
    const struct compute *compute = d->model->compute;
    const int64_t C = d->model->config.hidden_size, S = d->options.n_texts;
    workspace_place(&d->workspace, d->model, &d->plan);
    for (int64_t l = 0; l < d->model->config.n_layers; l++) {
        const int64_t rows = l * d->cache.n_rows;
        struct cache_layer *layer = &d->cache.layers[l];
        layer->keys = act_at(compute, plan_at(&d->plan, d->at[0]), rows * C);
        layer->values = act_at(compute, plan_at(&d->plan, d->at[1]), rows * C);
        if (d->model->config.shareqk) continue;
        layer->normed = act_at(compute, plan_at(&d->plan, d->at[2]), l * 2 * S * C);
        layer->filter1 = act_at(compute, layer->normed, S * C);
    }
    d->cache.place = plan_at(&d->plan, d->at[3]);
    d->cache.before = d->cache.place + d->batch.capacity;
    d->cache.after = d->cache.before + d->batch.capacity;
    d->wanted = plan_at(&d->plan, d->at[4]);
    d->last = plan_at(&d->plan, d->at[5]);
    d->hidden = plan_at(&d->plan, d->at[6]);
    d->z = plan_at(&d->plan, d->at[7]);
    d->rstd = plan_at(&d->plan, d->at[8]);
}

static err allocate(struct decoder *d) {
    const struct model *m = d->model;
    const size_t S = (size_t)d->options.n_texts;
    int64_t n = d->cache.n_rows < CHUNK_TOKENS ? d->cache.n_rows : CHUNK_TOKENS;
    if (n < d->options.n_texts) n = d->options.n_texts;
    TRY(workspace_plan(&d->workspace, m, &d->plan,
                       &(struct workspace_shape){.n_tokens = n, .stages = STAGES_LAYER}));
    reserve(d, n);
    TRY(batch_init(&d->batch, n));
    d->texts = mem_zalloc(S, sizeof *d->texts);
    d->cache.layers = mem_zalloc((size_t)m->config.n_layers, sizeof *d->cache.layers);
    d->links.place = mem_alloc((size_t)n, 3 * sizeof *d->links.place);
    d->wanted_rows = mem_alloc(S, sizeof *d->wanted_rows);
    d->wanted_texts = mem_alloc(S, sizeof *d->wanted_texts);
    d->logits = mem_zalloc(plan_size(d->options.n_texts, m->config.vocab_size), sizeof *d->logits);
    if (!d->texts || !d->cache.layers || !d->links.place || !d->wanted_rows || !d->wanted_texts ||
        !d->logits)
        return ERR_MEMORY;
    d->links.before = d->links.place + n;
    d->links.after = d->links.before + n;
    TRY(plan_allocate(&d->plan, m->compute));
    place(d);
    return ERR_OK;
}

err decoder_new(struct decoder **out, struct model *m, const struct decoder_options *options) {
    BUG_IF(!m->internal->started || options->n_texts < 1);
    if (options->max_tokens < 1 || options->max_tokens >= INT32_MAX)
        return fail(ERR_RANGE, "a text of %lld tokens", (long long)options->max_tokens);
    if (options->n_texts > (INT32_MAX - 1) / options->max_tokens)
        return fail(ERR_LIMIT, "%lld texts of %lld tokens at a time", (long long)options->n_texts,
                    (long long)options->max_tokens);
    struct decoder *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_MEMORY;
    d->model = m;
    d->options = *options;
    d->cache.n_texts = options->n_texts;
    d->cache.n_rows = options->n_texts * options->max_tokens;
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
    mem_free(d->wanted_rows);
    mem_free(d->wanted_texts);
    mem_free(d->logits);
    mem_free(d);
}

const struct decoder_options *decoder_options(const struct decoder *d) {
    return &d->options;
}

const struct model *decoder_model(const struct decoder *d) {
    return d->model;
}

void decoder_clear(struct decoder *d, int64_t text) {
    BUG_IF(text < 0 || text >= d->options.n_texts);
    d->texts[text] = (struct text){0};
}

const float *decoder_logits(const struct decoder *d, int64_t text) {
    return d->logits + text * d->model->config.vocab_size;
}

static bool starts_document(const struct decoder *d, const struct text *text) {
    return text->place.n > 0 && text->last_id == d->model->config.eod;
}

/* Before anything is changed. */
static err check_part(const struct decoder *d, const struct decoder_part *part) {
    BUG_IF(part->text < 0 || part->text >= d->options.n_texts);
    struct text text = d->texts[part->text];
    if (part->n < 1) return fail(ERR_RANGE, "no tokens to read");
    if (part->n > d->options.max_tokens - text.place.n)
        return fail(ERR_LIMIT, "a text of %lld tokens where there is room for %lld",
                    (long long)(text.place.n + part->n), (long long)d->options.max_tokens);
    for (int64_t i = 0; i < part->n; i++) {
        int32_t position, first;
        uint8_t link;
        const int64_t number = text.place.n;
        row_place_next(&text.place, starts_document(d, &text), d->options.isolate, &position,
                       &first, &link);
        text.last_id = part->ids[i];
        TRY(check_token(d->model, number, part->ids[i], position));
    }
    return ERR_OK;
}

/* Appends n tokens of one text to the pass. */
static void add_tokens(struct decoder *d, int64_t number, const int32_t *ids, int64_t n) {
    struct batch *b = &d->batch;
    struct text *text = &d->texts[number];
    const int64_t base = number * d->options.max_tokens;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = b->n++;
        d->links.place[at] = (int32_t)(base + text->place.n);
        d->links.before[at] = i == 0 ? (int32_t)number : -1;
        d->links.after[at] = i == n - 1 ? (int32_t)number : -1;
        b->row[at] = (int32_t)text->place.n;
        row_place_next(&text->place, starts_document(d, text), d->options.isolate, &b->position[at],
                       &b->first[at], &b->link[at]);
        b->first[at] += (int32_t)base;
        b->ids[at] = text->last_id = ids[i];
    }
}

static err upload(struct decoder *d) {
    struct compute *c = d->model->compute;
    const size_t words = (size_t)d->batch.n * sizeof(int32_t);
    TRY(workspace_load(&d->workspace, c, &d->batch));
    TRY(c->backend->upload(c, d->cache.place, d->links.place, words));
    TRY(c->backend->upload(c, d->cache.before, d->links.before, words));
    TRY(c->backend->upload(c, d->cache.after, d->links.after, words));
    return c->backend->upload(c, d->wanted, d->wanted_rows, (size_t)d->n_wanted * sizeof(int32_t));
}

static err last_logits(struct decoder *d, const struct pass *p) {
    const struct model_internal *in = d->model->internal;
    struct compute *c = p->compute;
    const int64_t C = d->model->config.hidden_size, V = d->model->config.vocab_size;
    TRY(c->backend->embed(c, &(struct embed_args){.n = d->n_wanted,
                                                  .c = C,
                                                  .v = p->n,
                                                  .ids = d->wanted,
                                                  .w = mat_act(c, d->workspace.layers[0].x, C),
                                                  .x = d->last}));
    TRY(norm_forward(p, &in->final_norm, d->n_wanted, d->last, d->hidden, d->rstd));
    TRY(c->backend->product(c, &(struct product_args){.m = d->n_wanted,
                                                      .n = V,
                                                      .k = C,
                                                      .a = mat_act(c, d->hidden, C),
                                                      .b = mat_transposed(in->head),
                                                      .c = d->z,
                                                      .c_stride = V}));
    for (int64_t i = 0; i < d->n_wanted; i++)
        TRY(act_download(c, act_at(c, d->z, i * V), V, d->logits + d->wanted_texts[i] * V));
    return ERR_OK;
}

static err run_pass(struct decoder *d) {
    const struct model *m = d->model;
    struct model_call call = {.batch = &d->batch};
    struct pass p = {.model = m,
                     .compute = m->compute,
                     .call = &call,
                     .workspace = &d->workspace,
                     .n = d->batch.n,
                     .cos = m->internal->cos,
                     .sin = m->internal->sin,
                     .cache = &d->cache};
    void *x = d->workspace.layers[0].x;
    TRY(upload(d));
    TRY(embed_tokens(&p, x));
    TRY(layers_forward(&p, x));
    return d->n_wanted ? last_logits(d, &p) : ERR_OK;
}

err decoder_feed(struct decoder *d, const struct decoder_part *parts, int64_t n_parts) {
    for (int64_t i = 0; i < n_parts; i++) TRY(check_part(d, &parts[i]));
    for (int64_t i = 0, fed = 0; i < n_parts;) {
        batch_clear(&d->batch);
        d->n_wanted = 0;
        while (i < n_parts && d->batch.n < d->batch.capacity) {
            const int64_t room = d->batch.capacity - d->batch.n, left = parts[i].n - fed;
            const int64_t n = left < room ? left : room;
            add_tokens(d, parts[i].text, parts[i].ids + fed, n);
            fed += n;
            if (fed < parts[i].n) break;
            d->wanted_rows[d->n_wanted] = (int32_t)d->batch.n - 1;
            d->wanted_texts[d->n_wanted++] = parts[i++].text;
            fed = 0;
        }
        TRY(run_pass(d));
    }
    return ERR_OK;
}
