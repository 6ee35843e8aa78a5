/* SPDX-License-Identifier: Apache-2.0
 * The loop of generation: a step feeds every place of the decoder its text's newest token, or a
 * prompt where a text begins, and chooses each text's next token from the logits. What a beginning
 * text shares with those behind it is fed before the step and marked.
 * Read next: model/generate.h, the contract. */
#include "model/generate.h"
#include "base/mem.h"
#include "model/model_int.h"
#include "model/prefixes.h"

struct generation {
    struct decoder *decoder;
    struct generate_text *texts;
    int64_t n_texts, next; /* texts of the order that have begun */
    struct prefixes prefixes;
    int64_t n_prefix; /* tokens that were fed before the step */
    const struct generate_options *options;
    struct sampler *sampler;
    int32_t eod;
    int64_t *running; /* text in each of the decoder's places; -1: none */
    struct decoder_part *parts;
};

/* Feeds and marks, for the groups around `number` from the outermost on, what no text before has;
 * *have: tokens of `text` that its place holds. */
static err begin_group(struct generation *g, int64_t number, int64_t place,
                       const struct generate_text *text, int64_t *have) {
    struct prefix_group *group = &g->prefixes.groups[number];
    if (group->place >= 0) {
        TRY(decoder_begin(g->decoder, place, group->mark, group->place));
    } else {
        if (group->parent >= 0)
            TRY(begin_group(g, group->parent, place, text, have));
        else
            decoder_clear(g->decoder, place);
        const struct decoder_part part = {.text = place,
                                          .ids = text->prompt + *have,
                                          .n = group->n_tokens - *have,
                                          .silent = true};
        TRY(decoder_feed(g->decoder, &part, 1));
        TRY(decoder_mark(g->decoder, place, group->mark));
        g->n_prefix += part.n;
    }
    *have = group->n_tokens;
    return ERR_OK;
}

/* The next text takes the place. */
static err begin(struct generation *g, int64_t place, struct decoder_part *part) {
    const struct generate_listener *l = &g->options->listener;
    const int64_t number = g->prefixes.order[g->next];
    int64_t group = g->prefixes.innermost[g->next++], have = 0;
    const struct generate_text *text = &g->texts[g->running[place] = number];
    if (l->on_begin) TRY(l->on_begin(l->ctx, number));
    if (group >= 0)
        TRY(begin_group(g, group, place, text, &have));
    else
        decoder_clear(g->decoder, place);
    for (; group >= 0; group = g->prefixes.groups[group].parent)
        g->prefixes.groups[group].place = place;
    *part = (struct decoder_part){.text = place,
                                  .ids = text->prompt + have,
                                  .n = text->n_prompt - have,
                                  .silent = text->max_new_tokens == 0,
                                  .n_scored = text->n_scored,
                                  .log_p = text->log_p};
    return ERR_OK;
}

static err in_text(const struct generation *g, int64_t number, err e) {
    return g->n_texts > 1 ? fail_in(e, "text %lld", (long long)number + 1) : e;
}

/* What each place feeds in the next step. */
static err next_parts(struct generation *g, int64_t *out_n) {
    *out_n = 0;
    for (int64_t place = 0; place < decoder_options(g->decoder)->n_texts; place++) {
        struct decoder_part *part = &g->parts[*out_n];
        if (g->running[place] >= 0) {
            const struct generate_text *text = &g->texts[g->running[place]];
            *part =
                (struct decoder_part){.text = place, .ids = &text->out[text->n_out - 1], .n = 1};
        } else if (g->next < g->n_texts) {
            const int64_t number = g->prefixes.order[g->next]; /* begin() moves on */
            TRY(in_text(g, number, begin(g, place, part)));
        } else {
            continue;
        }
        ++*out_n;
    }
    return ERR_OK;
}

/* A token for the text in this place; `more`: another one will follow. */
static err choose(struct generation *g, int64_t place, struct generate_text *text, bool *more) {
    const struct generate_listener *l = &g->options->listener;
    const struct sample_call call = {.sampling = &g->options->sampling,
                                     .logits = decoder_logits(g->decoder, place),
                                     .prompt = text->prompt,
                                     .n_prompt = text->n_prompt,
                                     .answer = text->out,
                                     .n_answer = text->n_out,
                                     .text = text->number};
    int32_t id;
    TRY(sampler_next(g->sampler, &call, &id));
    text->ended = id == g->eod && !g->options->ignore_eod;
    if (!text->ended) {
        text->out[text->n_out++] = id;
        if (l->on_token) l->on_token(l->ctx, g->running[place], id);
    }
    *more = !text->ended && text->n_out < text->max_new_tokens;
    return ERR_OK;
}

static err go_on(struct generation *g, int64_t place) {
    const struct generate_listener *l = &g->options->listener;
    const int64_t number = g->running[place];
    struct generate_text *text = &g->texts[number];
    bool more = false;
    if (text->max_new_tokens > 0) TRY(choose(g, place, text, &more));
    if (more) return ERR_OK;
    g->running[place] = -1;
    return l->on_end ? l->on_end(l->ctx, number) : ERR_OK;
}

static void tell_step(struct generation *g, int64_t n_parts) {
    const struct generate_listener *l = &g->options->listener;
    int64_t n_prompt = g->n_prefix, n_answer = 0;
    g->n_prefix = 0;
    for (int64_t i = 0; i < n_parts; i++) {
        const bool begins = g->texts[g->running[g->parts[i].text]].n_out == 0;
        *(begins ? &n_prompt : &n_answer) += g->parts[i].n;
    }
    if (l->on_step) l->on_step(l->ctx, n_prompt, n_answer);
}

static err run(struct generation *g) {
    for (int64_t n;;) {
        TRY(next_parts(g, &n));
        if (n == 0) return ERR_OK;
        TRY(decoder_feed(g->decoder, g->parts, n));
        tell_step(g, n);
        for (int64_t i = 0; i < n; i++) {
            const int64_t place = g->parts[i].text, number = g->running[place];
            TRY(in_text(g, number, go_on(g, place)));
        }
    }
}

err generate(struct decoder *d, struct generate_text *texts, int64_t n_texts,
             const struct generate_options *options) {
    const struct decoder_options *o = decoder_options(d);
    const struct model_config *c = &decoder_model(d)->config;
    struct generation g = {.decoder = d,
                           .texts = texts,
                           .n_texts = n_texts,
                           .options = options,
                           .eod = (int32_t)c->eod};
    for (int64_t i = 0; i < n_texts; i++) {
        BUG_IF(texts[i].n_prompt < 1 || texts[i].max_new_tokens < 0);
        BUG_IF(texts[i].n_scored < 0 || texts[i].n_scored >= texts[i].n_prompt);
        texts[i].n_out = 0;
        texts[i].ended = false;
    }
    TRY(prefixes_find(&g.prefixes, texts, n_texts));
    g.running = mem_alloc((size_t)o->n_texts, sizeof *g.running);
    g.parts = mem_alloc((size_t)o->n_texts, sizeof *g.parts);
    err e = g.running && g.parts ? sampler_new(&g.sampler, c->vocab_size) : ERR_MEMORY;
    for (int64_t i = 0; g.running && i < o->n_texts; i++) g.running[i] = -1;
    if (!e) e = run(&g);
    prefixes_release(&g.prefixes);
    sampler_free(g.sampler);
    mem_free(g.running);
    mem_free(g.parts);
    return e;
}
