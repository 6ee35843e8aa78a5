/* SPDX-License-Identifier: Apache-2.0
 * Answers out of one decoder (eval/answers.h): prompts are encoded, generation goes through them in
 * its own order, and each answer becomes text as it ends; until then a text has memory for its
 * tokens only while it is in the decoder.
 * Read next: eval/subject.h, model/generate.c. */
#include "eval/answers.h"
#include "base/mem.h"
#include "model/generate.h"
#include <string.h>

struct decoding {
    struct eval_subject *subject;
    struct answer *answers;
    struct tokens *prompts; /* encoded */
    struct generate_text *texts;
    int64_t *asked; /* of each text: the answer that it becomes */
    int64_t max_tokens;
    const struct answer_options *options;
};

/* The text of an answer: its own tokens, or all of them. */
static err decode_text(const struct decoding *d, struct answer *a, const int32_t *ids, int64_t n) {
    const struct tokenizer *t = d->subject->tokenizer;
    struct str words = {0};
    /* The model may answer with a padding row of the embedding, which no text stands for. */
    int64_t n_ids = tokenizer_n_ids(t), n_known = 0;
    while (n_known < n && ids[n_known] < n_ids) n_known++;
    bool skip_special = !d->options->whole || d->options->alone;
    err result = tokenizer_decode(t, ids, n_known, skip_special, &words);
    if (result == ERR_OK) {
        a->text = mem_strdup(str_text(&words));
        if (a->text == NULL) result = ERR_MEMORY;
    }
    str_release(&words);
    return result;
}

static err keep_whole(const struct decoding *d, struct answer *a, const struct tokens *prompt,
                      const int32_t *answer) {
    TRY(tokens_append(&a->tokens, prompt->ids, prompt->n));
    if (a->n_tokens > 0) TRY(tokens_append(&a->tokens, answer, a->n_tokens));
    if (a->ended)
        TRY(tokens_add(&a->tokens, tokenizer_special(d->subject->tokenizer, SPECIAL_EOD)));
    int64_t from = d->options->alone ? prompt->n : 0;
    return decode_text(d, a, a->tokens.ids + from, a->tokens.n - from);
}

/* What `out` holds becomes the answer. */
static err keep(struct decoding *d, int64_t i, const int32_t *out) {
    struct answer *a = &d->answers[i];
    a->n_prompt_tokens = d->prompts[i].n;
    TRY(d->options->whole ? keep_whole(d, a, &d->prompts[i], out)
                          : decode_text(d, a, out, a->n_tokens));
    const bool asked = d->options->whole && !d->options->alone; /* the text begins with it */
    const struct span text = {a->text, strlen(a->text)};
    TRY(eval_subject_hold(d->subject, text, asked ? (int64_t)strlen(a->prompt) : 0));
    return d->options->on_answer ? d->options->on_answer(d->options->ctx, i) : ERR_OK;
}

static err on_begin(void *ctx, int64_t i) {
    struct generate_text *text = &((struct decoding *)ctx)->texts[i];
    text->out = mem_alloc((size_t)text->max_new_tokens, sizeof *text->out);
    return text->out == NULL ? ERR_MEMORY : ERR_OK;
}

static err on_end(void *ctx, int64_t i) {
    struct decoding *d = ctx;
    struct generate_text *text = &d->texts[i];
    struct answer *a = &d->answers[d->asked[i]];
    a->n_tokens = text->n_out;
    a->ended = text->ended;
    err result = keep(d, d->asked[i], text->out);
    mem_free(text->out);
    text->out = NULL;
    return result;
}

static err encode(const struct decoding *d, const char *prompt, struct tokens *out) {
    return (d->options->whole ? tokenizer_encode : tokenizer_encode_prompt)(
        d->subject->tokenizer, prompt, strlen(prompt), d->options->whitespace, out);
}

static err encode_prompts(struct decoding *d, int64_t n) {
    int64_t longest = 0;
    for (int64_t i = 0; i < n; i++) {
        TRY(encode(d, d->answers[i].prompt, &d->prompts[i]));
        if (d->prompts[i].n == 0) return fail(ERR_PARSE, "prompt %lld is empty", (long long)i + 1);
        if (d->prompts[i].n > longest) longest = d->prompts[i].n;
    }
    d->max_tokens = longest + d->options->max_new_tokens;
    int64_t limit = d->subject->model.config.max_positions;
    if (longest >= limit && !d->options->whole)
        return fail(ERR_LIMIT, "a prompt of %lld tokens (the model has %lld positions)",
                    (long long)longest, (long long)limit);
    if (d->max_tokens > limit) d->max_tokens = limit;
    return ERR_OK;
}

/* Texts for the prompts that leave room for an answer; the others have none. */
static err make_texts(struct decoding *d, int64_t n, int64_t *out_n) {
    *out_n = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct tokens *prompt = &d->prompts[i];
        int64_t room = d->max_tokens - prompt->n, most = d->options->max_new_tokens;
        if (room < 1) {
            TRY(keep(d, i, NULL));
            continue;
        }
        d->asked[*out_n] = i;
        d->texts[(*out_n)++] = (struct generate_text){.prompt = prompt->ids,
                                                      .n_prompt = prompt->n,
                                                      .max_new_tokens = most < room ? most : room,
                                                      .number = d->answers[i].number};
    }
    return ERR_OK;
}

static err answer_all(struct decoding *d, int64_t n) {
    const struct generate_options how = {
        .sampling = d->options->sampling,
        .listener = {.on_begin = on_begin, .on_end = on_end, .ctx = d}};
    struct decoder *decoder = NULL;
    int64_t n_texts = 0;
    TRY(encode_prompts(d, n));
    TRY(make_texts(d, n, &n_texts));
    if (n_texts == 0) return ERR_OK;
    TRY(eval_subject_decoder(d->subject, n_texts, d->max_tokens, &decoder));
    err result = generate(decoder, d->texts, n_texts, &how);
    eval_subject_decoder_free(d->subject, decoder);
    return result;
}

err answers_decode(struct eval_subject *s, struct answer *answers, int64_t n,
                   const struct answer_options *options) {
    struct decoding d = {.subject = s, .answers = answers, .options = options};
    if (n == 0) return ERR_OK;
    d.prompts = mem_zalloc((size_t)n, sizeof *d.prompts);
    d.texts = mem_zalloc((size_t)n, sizeof *d.texts);
    d.asked = mem_alloc((size_t)n, sizeof *d.asked);
    err result =
        d.prompts == NULL || d.texts == NULL || d.asked == NULL ? ERR_MEMORY : answer_all(&d, n);
    for (int64_t i = 0; d.texts != NULL && i < n; i++) mem_free(d.texts[i].out);
    for (int64_t i = 0; d.prompts != NULL && i < n; i++) tokens_release(&d.prompts[i]);
    mem_free(d.asked);
    mem_free(d.texts);
    mem_free(d.prompts);
    return result;
}

void answers_clear(struct answer *answers, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        mem_free(answers[i].text);
        answers[i].text = NULL;
        tokens_release(&answers[i].tokens);
    }
}
