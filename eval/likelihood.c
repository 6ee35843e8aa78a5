/* SPDX-License-Identifier: Apache-2.0
 * Likelihoods of texts (eval/likelihood.h): a long text by one pass without a cache, the options of
 * items out of a decoder, where those of an item share its prompt.
 * Read next: eval/subject.h, model/model.h. */
#include "eval/likelihood.h"

#include "base/mem.h"
#include "model/generate.h"
#include <string.h>

enum { ROWS_AT_ONCE = 32 }; /* logits of a whole text would be too many */

err likelihood_sum(struct eval_subject *s, const int32_t *ids, int64_t n, int64_t first,
                   double *out) {
    int64_t V = s->model.config.vocab_size;
    *out = 0.0;
    TRY(eval_subject_pass(s, ids, n));
    float *logits = mem_alloc(ROWS_AT_ONCE, (size_t)V * sizeof *logits);
    if (logits == NULL) return ERR_MEMORY;
    err result = ERR_OK;
    for (int64_t t = first; t < n && result == ERR_OK; t += ROWS_AT_ONCE) {
        int64_t end = t + ROWS_AT_ONCE < n ? t + ROWS_AT_ONCE : n;
        result = model_logits(&s->model, t - 1, end - 1, logits);
        for (int64_t k = t; k < end && result == ERR_OK; k++)
            *out += log_probability(logits + (k - t) * V, V, ids[k]);
    }
    mem_free(logits);
    return result;
}

/* ---- options of items ---- */

/* One option behind its item's prompt. */
struct option {
    int64_t item, n_prompt;
    const char *text;
    struct tokens ids;
    double *log_p; /* of each token behind the prompt */
};
struct weighing {
    struct eval_subject *subject;
    const struct likelihood_items *asked;
    int64_t *n_left;             /* (n) options of each item that are not weighed yet */
    struct option *options;      /* those of an item follow each other */
    struct generate_text *texts; /* of each option */
    int64_t n_options, capacity, max_tokens;
};

static err add_option(struct weighing *w, int64_t item, const struct tokens *prompt,
                      const char *text) {
    TRY(mem_grow(&w->options, &w->capacity, w->n_options, sizeof *w->options));
    struct option *o = &w->options[w->n_options++];
    *o = (struct option){.item = item, .n_prompt = prompt->n, .text = text};
    TRY(tokens_append(&o->ids, prompt->ids, prompt->n));
    TRY(tokenizer_encode_plain(w->subject->tokenizer, text, strlen(text), &o->ids));
    if (o->ids.n == prompt->n) return fail(ERR_PARSE, "an empty option");
    o->log_p = mem_alloc((size_t)(o->ids.n - prompt->n), sizeof *o->log_p);
    if (o->log_p == NULL) return ERR_MEMORY;
    if (o->ids.n > w->max_tokens) w->max_tokens = o->ids.n;
    w->n_left[item]++;
    return ERR_OK;
}

static err add_item(struct weighing *w, int64_t i) {
    const struct suite_item *item = w->asked->items[i];
    struct tokens prompt = {0};
    err result = tokenizer_encode(w->subject->tokenizer, item->prompt, strlen(item->prompt),
                                  w->asked->whitespace, &prompt);
    if (result == ERR_OK && prompt.n == 0) result = fail(ERR_PARSE, "an empty prompt");
    for (int64_t k = 0; item->choices[k] != NULL && result == ERR_OK; k++)
        result = add_option(w, i, &prompt, item->choices[k]);
    tokens_release(&prompt);
    return fail_in(result, "item %lld", (long long)item->number + 1);
}

static err put_option(const struct option *o, json_t *choices) {
    double sum = 0.0;
    for (int64_t t = 0; t < o->ids.n - o->n_prompt; t++) sum += o->log_p[t];
    json_t *one = json_object();
    TRY(json_push(choices, one));
    TRY(json_put(one, "log_likelihood", json_real(sum)));
    TRY(json_put(one, "n_tokens", json_integer(o->ids.n - o->n_prompt)));
    return json_put(one, "n_characters", json_integer(utf8_count(o->text, strlen(o->text))));
}

/* The last option of an item is weighed: its line is whole. */
static err on_end(void *ctx, int64_t number) {
    struct weighing *w = ctx;
    const int64_t item = w->options[number].item;
    if (--w->n_left[item] > 0) return ERR_OK;
    json_t *choices = json_array();
    TRY(json_put(w->asked->lines[item], "choices", choices));
    while (number > 0 && w->options[number - 1].item == item) number--;
    for (; number < w->n_options && w->options[number].item == item; number++)
        TRY(put_option(&w->options[number], choices));
    return w->asked->on_line(w->asked->ctx, item);
}

static err weigh_all(struct weighing *w) {
    const struct generate_options how = {.listener = {.on_end = on_end, .ctx = w}};
    struct decoder *decoder = NULL;
    for (int64_t i = 0; i < w->asked->n; i++) TRY(add_item(w, i));
    w->texts = mem_zalloc((size_t)w->n_options, sizeof *w->texts);
    if (w->texts == NULL) return ERR_MEMORY;
    for (int64_t k = 0; k < w->n_options; k++) {
        const struct option *o = &w->options[k];
        w->texts[k] = (struct generate_text){.prompt = o->ids.ids,
                                             .n_prompt = o->ids.n,
                                             .n_scored = o->ids.n - o->n_prompt,
                                             .log_p = o->log_p};
    }
    TRY(eval_subject_decoder(w->subject, w->n_options, w->max_tokens, &decoder));
    err result = generate(decoder, w->texts, w->n_options, &how);
    eval_subject_decoder_free(w->subject, decoder);
    return result;
}

err likelihood_weigh(struct eval_subject *s, const struct likelihood_items *asked) {
    struct weighing w = {.subject = s, .asked = asked};
    if (asked->n == 0) return ERR_OK;
    w.n_left = mem_zalloc((size_t)asked->n, sizeof *w.n_left);
    err result = w.n_left == NULL ? ERR_MEMORY : weigh_all(&w);
    for (int64_t k = 0; k < w.n_options; k++) {
        tokens_release(&w.options[k].ids);
        mem_free(w.options[k].log_p);
    }
    mem_free(w.options);
    mem_free(w.texts);
    mem_free(w.n_left);
    return result;
}
