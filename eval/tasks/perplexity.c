/* SPDX-License-Identifier: Apache-2.0
 * Task `perplexity`: how well the model foretells any text (eval.text), a plain UTF-8 file.
 *   perplexity         = exp(-sum of log p(token) / n_tokens)
 *   bits_per_character = -sum of log2 p(token) / n_characters
 * The tokens are taken in windows of at most 1024, each with the <eod> that stands before a
 * document
 * in training, or with the last half of the window before it, as what came first; every token is
 * counted once. Bits per character can be compared between tokenizers, perplexity cannot.
 * Read next: eval/likelihood.h. */
#include "base/file.h"
#include "eval/likelihood.h"
#include "eval/task.h"
#include <math.h>

enum { MAX_BYTES = 64 << 20, WINDOW = 1024 };

static err need(const struct eval_context *c, struct eval_need *need) {
    need->pass_tokens = WINDOW;
    if (c->options->text != NULL) return file_size(c->options->text, &need->asked_most);
    (void)fail(ERR_MISSING, "there is no text to measure");
    return fail_hint(ERR_MISSING, "name a plain text file as eval.text");
}

static err read_tokens(const struct eval_context *c, struct str *text, struct tokens *ids) {
    const struct tokenizer *t = c->subject->tokenizer;
    TRY(file_read(c->options->text, MAX_BYTES, text));
    int64_t bad = utf8_invalid_at(str_text(text), text->len);
    if (bad >= 0)
        return fail(ERR_PARSE, "'%s' is no UTF-8 at byte %lld", c->options->text, (long long)bad);
    TRY(tokens_add(ids, tokenizer_special(t, SPECIAL_EOD)));
    TRY(tokenizer_encode_plain(t, str_text(text), text->len, ids));
    return ids->n > 1 ? ERR_OK : fail(ERR_MISSING, "'%s' is empty", c->options->text);
}

static err sum_windows(struct eval_subject *s, const struct tokens *ids, double *out) {
    int64_t limit = s->model.config.max_positions, window = limit < WINDOW ? limit : WINDOW;
    int64_t begin = 0, first = 1; /* of the window; of what is counted */
    if (window < 2) return fail(ERR_UNSUPPORTED, "a model of %lld positions", (long long)limit);
    *out = 0.0;
    while (first < ids->n) {
        int64_t end = begin + window < ids->n ? begin + window : ids->n;
        double sum = 0.0;
        TRY(likelihood_sum(s, ids->ids + begin, end - begin, first - begin, &sum));
        *out += sum;
        first = end;
        begin = end - window / 2;
    }
    return ERR_OK;
}

static err write_part(double sum, int64_t n_tokens, int64_t n_characters, json_t *part) {
    json_t *scores = json_object();
    TRY(json_put(part, "scores", scores));
    TRY(json_put(part, "task", json_string("perplexity")));
    TRY(json_put(part, "metric", json_string("perplexity")));
    TRY(json_put(scores, "perplexity", json_real(exp(-sum / (double)n_tokens))));
    TRY(json_put(scores, "bits_per_character", json_real(-sum / M_LN2 / (double)n_characters)));
    TRY(json_put(part, "n_tokens", json_integer(n_tokens)));
    return json_put(part, "n_characters", json_integer(n_characters));
}

static err run(const struct eval_context *c, json_t **out) {
    struct str text = {0};
    struct tokens ids = {0};
    double sum = 0.0;
    json_t *part = json_object();
    err result = read_tokens(c, &text, &ids);
    if (result == ERR_OK) result = sum_windows(c->subject, &ids, &sum);
    if (result == ERR_OK)
        result = write_part(sum, ids.n - 1, utf8_count(str_text(&text), text.len), part);
    tokens_release(&ids);
    str_release(&text);
    if (result != ERR_OK) {
        json_decref(part);
        return result;
    }
    *out = part;
    return ERR_OK;
}

const struct eval_task eval_task_perplexity = {
    .name = "perplexity",
    .summary = "perplexity and bits per character of a text (eval.text)",
    .metric = "perplexity",
    .higher_is_better = false,
    .need = need,
    .run = run,
};
