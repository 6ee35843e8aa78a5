/* SPDX-License-Identifier: Apache-2.0
 * The loop of generation: a step feeds every place of the decoder its text's newest token, or a
 * whole prompt where a text begins, and chooses each text's next token from the logits.
 * Read next: model/generate.h, the contract. */
#include "model/generate.h"
#include "base/mem.h"
#include "model/model_int.h"

struct generation {
    struct decoder *decoder;
    struct generate_text *texts;
    int64_t n_texts, next; /* texts that have begun */
    const struct generate_options *options;
    struct sampler *sampler;
    int32_t eod;
    int64_t *running; /* text in each of the decoder's places; -1: none */
    struct decoder_part *parts;
};

/* What each place feeds in the next step. */
static int64_t next_parts(struct generation *g) {
    int64_t n = 0;
    for (int64_t place = 0; place < decoder_options(g->decoder)->n_texts; place++) {
        const struct generate_text *text;
        if (g->running[place] < 0) {
            if (g->next == g->n_texts) continue;
            text = &g->texts[g->running[place] = g->next++];
            decoder_clear(g->decoder, place);
            g->parts[n++] = (struct decoder_part){place, text->prompt, text->n_prompt};
        } else {
            text = &g->texts[g->running[place]];
            g->parts[n++] = (struct decoder_part){place, &text->out[text->n_out - 1], 1};
        }
    }
    return n;
}

static err choose(struct generation *g, int64_t place) {
    const struct generate_listener *l = &g->options->listener;
    const int64_t number = g->running[place];
    struct generate_text *text = &g->texts[number];
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
        if (l->on_token) l->on_token(l->ctx, number, id);
    }
    if (!text->ended && text->n_out < text->max_new_tokens) return ERR_OK;
    g->running[place] = -1;
    if (l->on_end) l->on_end(l->ctx, number);
    return ERR_OK;
}

static void tell_step(const struct generation *g, int64_t n_parts) {
    const struct generate_listener *l = &g->options->listener;
    int64_t n_prompt = 0, n_answer = 0;
    for (int64_t i = 0; i < n_parts; i++) {
        const bool begins = g->texts[g->running[g->parts[i].text]].n_out == 0;
        *(begins ? &n_prompt : &n_answer) += g->parts[i].n;
    }
    if (l->on_step) l->on_step(l->ctx, n_prompt, n_answer);
}

static err run(struct generation *g) {
    for (int64_t n; (n = next_parts(g)) > 0;) {
        TRY(decoder_feed(g->decoder, g->parts, n));
        tell_step(g, n);
        for (int64_t i = 0; i < n; i++) TRY(choose(g, g->parts[i].text));
    }
    return ERR_OK;
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
        BUG_IF(texts[i].n_prompt < 1 || texts[i].max_new_tokens < 1);
        texts[i].n_out = 0;
        texts[i].ended = false;
    }
    g.running = mem_alloc((size_t)o->n_texts, sizeof *g.running);
    g.parts = mem_alloc((size_t)o->n_texts, sizeof *g.parts);
    err e = g.running && g.parts ? sampler_new(&g.sampler, c->vocab_size) : ERR_MEMORY;
    for (int64_t i = 0; g.running && i < o->n_texts; i++) g.running[i] = -1;
    if (!e) e = run(&g);
    sampler_free(g.sampler);
    mem_free(g.running);
    mem_free(g.parts);
    return e;
}
