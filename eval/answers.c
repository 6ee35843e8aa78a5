/* SPDX-License-Identifier: Apache-2.0
 * Answers, a decoder per thread (eval/answers.h). Errors are kept per thread by base/err.h,
 * so a worker copies its message into its answer, and the first failed answer in order is reported:
 * which one that is does not depend on threads either. */
#include "eval/answers.h"
#include "base/mem.h"
#include "base/par.h"
#include "model/generate.h"
#include <string.h>

struct worker {
    struct decoder *decoder;
    int32_t *out;
};
struct decoding {
    struct eval_subject *subject;
    struct answer *answers;
    struct tokens *prompts; /* encoded */
    struct worker *workers; /* one per thread, opened when first used */
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

static err answer_one(struct decoding *d, struct worker *w, int64_t i) {
    struct answer *a = &d->answers[i];
    const struct tokens *prompt = &d->prompts[i];
    a->n_prompt_tokens = prompt->n;
    if (prompt->n >= d->max_tokens) return keep_whole(d, a, prompt, NULL);
    if (w->decoder == NULL) {
        const struct decoder_options shape = {
            .n_texts = 1, .max_tokens = d->max_tokens, .isolate = ISOLATE_NONE};
        TRY(decoder_new(&w->decoder, &d->subject->model, &shape));
        w->out = mem_alloc((size_t)d->options->max_new_tokens, sizeof *w->out);
        if (w->out == NULL) return ERR_MEMORY;
    }
    int64_t room = d->max_tokens - prompt->n, most = d->options->max_new_tokens;
    struct generate_text text = {.prompt = prompt->ids,
                                 .n_prompt = prompt->n,
                                 .max_new_tokens = most < room ? most : room,
                                 .number = a->number,
                                 .out = w->out};
    const struct generate_options how = {.sampling = d->options->sampling};
    TRY(generate(w->decoder, &text, 1, &how));
    a->n_tokens = text.n_out;
    a->ended = text.ended;
    return d->options->whole ? keep_whole(d, a, prompt, w->out)
                             : decode_text(d, a, w->out, a->n_tokens);
}

static void answer_range(void *ctx, int64_t begin, int64_t end, int thread) {
    struct decoding *d = ctx;
    for (int64_t i = begin; i < end; i++) {
        struct answer *a = &d->answers[i];
        a->failed = answer_one(d, &d->workers[thread], i);
        if (a->failed != ERR_OK) a->text = mem_strdup(err_message());
    }
}

static err encode(const struct decoding *d, const char *prompt, struct tokens *out) {
    return (d->options->whole ? tokenizer_encode : tokenizer_encode_prompt)(
        d->subject->tokenizer, prompt, strlen(prompt), d->options->whitespace, out);
}

static err encode_prompts(struct decoding *d, int64_t n) {
    int64_t longest = 0;
    for (int64_t i = 0; i < n; i++) {
        TRY(encode(d, d->answers[i].prompt, &d->prompts[i]));
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

static err first_failure(const struct answer *answers, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (answers[i].failed != ERR_OK)
            return fail(answers[i].failed, "prompt %lld: %s", (long long)(i + 1),
                        answers[i].text != NULL ? answers[i].text : "out of memory");
    }
    return ERR_OK;
}

err answers_decode(struct eval_subject *s, struct answer *answers, int64_t n,
                   const struct answer_options *options) {
    int threads = par_threads();
    struct decoding d = {.subject = s, .answers = answers, .options = options};
    if (n == 0) return ERR_OK;
    d.prompts = mem_zalloc((size_t)n, sizeof *d.prompts);
    d.workers = mem_zalloc((size_t)threads, sizeof *d.workers);
    err result = d.prompts == NULL || d.workers == NULL ? ERR_MEMORY : encode_prompts(&d, n);
    if (result == ERR_OK) {
        if (s->compute.backend->host_memory)
            par_for(n, 1, answer_range, &d);
        else
            answer_range(&d, 0, n, 0); /* a device is one thread's */
        result = first_failure(answers, n);
    }
    for (int i = 0; d.workers != NULL && i < threads; i++) {
        decoder_free(d.workers[i].decoder);
        mem_free(d.workers[i].out);
    }
    for (int64_t i = 0; d.prompts != NULL && i < n; i++) tokens_release(&d.prompts[i]);
    mem_free(d.workers);
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
