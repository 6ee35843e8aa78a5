/* SPDX-License-Identifier: Apache-2.0
 * A decoder is a pass over the model's blocks with a cache: the blocks are the ones that training
 * uses, no sum knows which other rows are in the pass, and attention counts its keys from the
 * document's start in both, so a decoded token has the same bits as in a full recomputation, in any
 * company. Keys and values of text i are rows i * text_rows on of the cache.
 * The localized filter remembers, per text and layer, the last token's normed row and first
 * convolution's row; at a text's start there is none, and both convolutions see a true zero. A mark
 * is another such state, behind those of the texts: rows of the cache never change once written, so
 * whoever has a mark's state and its keys and values goes on from there.
 * Read next: model/decoder_memory.c. */
#include "model/decoder.h"
#include "base/par.h"
#include "compute/ops/embed.h"
#include "compute/ops/product.h"
#include "compute/ops/put.h"
#include "model/decoder_int.h"
#include "model/sample.h"

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

/* ---- marks ---- */

/* Rows of a range: n of them from number `at` on, all of the same width. */
struct copied {
    int64_t at, n, n_rows, columns;
};

/* They become the rows of the same range that the cache's `place` names. */
static err copy_rows(struct decoder *d, void *range, const struct copied *rows) {
    struct compute *c = d->model->compute;
    return c->backend->put(c, &(struct put_args){.n = rows->n,
                                                 .n_to = rows->n_rows,
                                                 .h = 1,
                                                 .d = rows->columns,
                                                 .from = act_at(c, range, rows->at * rows->columns),
                                                 .to = range,
                                                 .from_row = rows->columns,
                                                 .to_row = rows->columns,
                                                 .index = d->cache.place});
}

/* Rows `first` on, n of them, for the next copy_rows. */
static err name_rows(struct decoder *d, int64_t first, int64_t n) {
    struct compute *c = d->model->compute;
    for (int64_t i = 0; i < n; i++) d->links.place[i] = (int32_t)(first + i);
    return c->backend->upload(c, d->cache.place, d->links.place, (size_t)n * sizeof(int32_t));
}

static err copy_state(struct decoder *d, int64_t from, int64_t to) {
    const int64_t C = d->model->config.hidden_size, n_states = d->cache.n_states;
    const struct copied normed = {from, 1, n_states, C}, filter1 = {from, 1, n_states, C / 2};
    d->texts[to] = d->texts[from];
    if (d->model->config.shareqk) return ERR_OK;
    TRY(name_rows(d, to, 1));
    for (int64_t l = 0; l < d->model->config.n_layers; l++) {
        TRY(copy_rows(d, d->cache.layers[l].normed, &normed));
        TRY(copy_rows(d, d->cache.layers[l].filter1, &filter1));
    }
    return ERR_OK;
}

static err copy_tokens(struct decoder *d, int64_t from, int64_t to, int64_t n) {
    /* Keys that are turned over together are one row, those behind the last token among them. */
    const int64_t unit = decoder_key_unit(d->model), T = d->text_rows / unit;
    struct copied rows = {.n_rows = d->cache.n_rows / unit,
                          .columns = unit * d->model->config.hidden_size};
    n = (n + unit - 1) / unit;
    for (int64_t i = 0; i < n; i += rows.n) {
        rows.at = from * T + i;
        rows.n = n - i < d->batch.capacity ? n - i : d->batch.capacity;
        TRY(name_rows(d, to * T + i, rows.n));
        for (int64_t l = 0; l < d->model->config.n_layers; l++) {
            TRY(copy_rows(d, d->cache.layers[l].keys, &rows));
            TRY(copy_rows(d, d->cache.layers[l].values, &rows));
        }
    }
    return ERR_OK;
}

err decoder_mark(struct decoder *d, int64_t text, int mark) {
    BUG_IF(text < 0 || text >= d->options.n_texts || mark < 0 || mark >= DECODER_MARKS);
    return copy_state(d, text, d->options.n_texts + mark);
}

err decoder_begin(struct decoder *d, int64_t text, int mark, int64_t from) {
    const int64_t S = d->options.n_texts;
    BUG_IF(text < 0 || text >= S || from < 0 || from >= S || mark < 0 || mark >= DECODER_MARKS);
    const int64_t n = d->texts[S + mark].place.n;
    BUG_IF(d->texts[from].place.n < n);
    if (from != text) TRY(copy_tokens(d, from, text, n));
    return copy_state(d, S + mark, text);
}

/* ---- passes ---- */

static bool starts_document(const struct decoder *d, const struct text *text) {
    return text->place.n > 0 && text->last_id == d->model->config.eod;
}

/* Before anything is changed. */
static err check_part(const struct decoder *d, const struct decoder_part *part) {
    BUG_IF(part->text < 0 || part->text >= d->options.n_texts);
    struct text text = d->texts[part->text];
    if (part->n < 1) return fail(ERR_RANGE, "no tokens to read");
    BUG_IF(part->n_scored < 0 || part->n_scored >= part->n);
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

static void want(struct decoder *d, int64_t row, struct wanted what) {
    d->wanted_rows[d->n_wanted] = (int32_t)row;
    d->wanted[d->n_wanted++] = what;
}

/* Appends tokens [begin, end) of a part to the pass. */
static void add_tokens(struct decoder *d, const struct decoder_part *part, int64_t begin,
                       int64_t end) {
    struct batch *b = &d->batch;
    struct text *text = &d->texts[part->text];
    const int64_t base = part->text * d->text_rows, scored = part->n - part->n_scored;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = b->n++;
        d->links.place[at] = (int32_t)(base + text->place.n);
        d->links.before[at] = i == begin ? (int32_t)part->text : -1;
        d->links.after[at] = i == end - 1 ? (int32_t)part->text : -1;
        b->row[at] = (int32_t)text->place.n;
        row_place_next(&text->place, starts_document(d, text), d->options.isolate, &b->position[at],
                       &b->first[at], &b->link[at]);
        b->first[at] += (int32_t)base;
        b->ids[at] = text->last_id = part->ids[i];
        if (i + 1 < part->n && i + 1 >= scored)
            want(d, at,
                 (struct wanted){part->text, &part->log_p[i + 1 - scored], part->ids[i + 1]});
        else if (i + 1 == part->n && !part->silent)
            want(d, at, (struct wanted){.text = part->text});
    }
}

static err upload(struct decoder *d) {
    struct compute *c = d->model->compute;
    const size_t words = (size_t)d->batch.n * sizeof(int32_t);
    TRY(workspace_load(&d->workspace, c, &d->batch));
    TRY(c->backend->upload(c, d->cache.place, d->links.place, words));
    TRY(c->backend->upload(c, d->cache.before, d->links.before, words));
    TRY(c->backend->upload(c, d->cache.after, d->links.after, words));
    return c->backend->upload(c, d->wanted_at, d->wanted_rows,
                              (size_t)d->n_wanted * sizeof(int32_t));
}

/* Wanted rows [begin, begin + n) out of z, kept or scored. */
struct taking {
    struct decoder *d;
    int64_t begin;
};

static void score_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct taking *t = ctx;
    const int64_t V = t->d->model->config.vocab_size;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const struct wanted *w = &t->d->wanted[t->begin + i];
        if (w->log_p) *w->log_p = log_probability((const float *)t->d->z + i * V, V, w->next);
    }
}

static err take_rows(struct decoder *d, int64_t begin, int64_t n) {
    struct compute *c = d->model->compute;
    const bool host = c->backend->host_memory;
    const int64_t V = d->model->config.vocab_size;
    for (int64_t i = 0; i < n; i++) {
        const struct wanted *w = &d->wanted[begin + i];
        const void *from = act_at(c, d->z, i * V);
        if (!w->log_p) TRY(act_download(c, from, V, d->logits + w->text * V));
        if (!w->log_p || host) continue;
        TRY(act_download(c, from, V, d->row));
        *w->log_p = log_probability(d->row, V, w->next);
    }
    if (host) par_for(n, 1, score_rows, &(struct taking){d, begin});
    return ERR_OK;
}

static err make_logits(struct decoder *d, const struct pass *p) {
    const struct model_internal *in = d->model->internal;
    struct compute *c = p->compute;
    const int64_t C = d->model->config.hidden_size, V = d->model->config.vocab_size;
    for (int64_t begin = 0, n; begin < d->n_wanted; begin += n) {
        n = d->n_wanted - begin < d->z_rows ? d->n_wanted - begin : d->z_rows;
        TRY(c->backend->embed(c, &(struct embed_args){.n = n,
                                                      .c = C,
                                                      .v = p->n,
                                                      .ids = d->wanted_at + begin,
                                                      .w = mat_act(c, d->workspace.layers[0].x, C),
                                                      .x = d->last}));
        TRY(norm_forward(p, &in->final_norm, n, d->last, d->hidden, d->rstd));
        TRY(c->backend->product(c, &(struct product_args){.m = n,
                                                          .n = V,
                                                          .k = C,
                                                          .a = mat_act(c, d->hidden, C),
                                                          .b = mat_transposed(in->head),
                                                          .c = d->z,
                                                          .c_stride = V}));
        TRY(take_rows(d, begin, n));
    }
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
    return make_logits(d, &p);
}

err decoder_feed(struct decoder *d, const struct decoder_part *parts, int64_t n_parts) {
    for (int64_t i = 0; i < n_parts; i++) TRY(check_part(d, &parts[i]));
    for (int64_t i = 0, fed = 0; i < n_parts;) {
        batch_clear(&d->batch);
        d->n_wanted = 0;
        while (i < n_parts && d->batch.n < d->batch.capacity) {
            const int64_t room = d->batch.capacity - d->batch.n, left = parts[i].n - fed;
            const int64_t n = left < room ? left : room;
            add_tokens(d, &parts[i], fed, fed + n);
            fed += n;
            if (fed < parts[i].n) break;
            fed = 0;
            i++;
        }
        TRY(run_pass(d));
    }
    return ERR_OK;
}
