/* SPDX-License-Identifier: Apache-2.0
 * Likelihoods of texts (eval/likelihood.h): one pass
 * over prompt and text, no key/value cache.
 * Read next: eval/subject.h, model/model.h. */
#include "eval/likelihood.h"

#include "base/mem.h"
#include "model/sample.h"
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

static err weigh_one(struct eval_subject *s, const struct tokens *prompt, const char *text,
                     json_t *choices) {
    struct tokens all = {0};
    double sum = 0.0;
    err result = tokens_append(&all, prompt->ids, prompt->n);
    if (result == ERR_OK) result = tokenizer_encode_plain(s->tokenizer, text, strlen(text), &all);
    if (result == ERR_OK && all.n == prompt->n) result = fail(ERR_PARSE, "an empty option");
    if (result == ERR_OK) result = likelihood_sum(s, all.ids, all.n, prompt->n, &sum);
    if (result == ERR_OK) {
        json_t *one = json_object();
        result = json_push(choices, one);
        if (result == ERR_OK) result = json_put(one, "log_likelihood", json_real(sum));
        if (result == ERR_OK) result = json_put(one, "n_tokens", json_integer(all.n - prompt->n));
        if (result == ERR_OK)
            result = json_put(one, "n_characters", json_integer(utf8_count(text, strlen(text))));
    }
    tokens_release(&all);
    return result;
}

err likelihood_weigh(struct eval_subject *s, const struct suite_item *item,
                     enum special_whitespace whitespace, json_t *line) {
    struct tokens prompt = {0};
    json_t *choices = json_array();
    TRY(json_put(line, "choices", choices));
    err result =
        tokenizer_encode(s->tokenizer, item->prompt, strlen(item->prompt), whitespace, &prompt);
    for (int64_t i = 0; item->choices[i] != NULL && result == ERR_OK; i++)
        result = weigh_one(s, &prompt, item->choices[i], choices);
    tokens_release(&prompt);
    return result;
}

/* A token stands for a byte at least, or is the space put before a stretch of text. */
int64_t likelihood_max_tokens(const struct suite_item *item) {
    size_t longest = 0;
    for (int64_t i = 0; item->choices[i] != NULL; i++)
        if (strlen(item->choices[i]) > longest) longest = strlen(item->choices[i]);
    return (int64_t)(strlen(item->prompt) + longest) + 4;
}
