/* SPDX-License-Identifier: Apache-2.0
 * Filter `length`: prompts and answers by their characters, whole samples by their tokens. What a
 * training step may hold is another matter: train.sequence_len and train.overlong decide it when
 * rows are packed. */
#include "data/filters/filter.h"

#include <stdio.h>

enum { MIN_CHARS = 1, MAX_CHARS = 32768 };

struct bounds {
    int64_t min, max; /* max 0: none */
};

static struct bounds bounds(int64_t min, int64_t max) {
    return (struct bounds){min > 0 ? min : MIN_CHARS, max > 0 ? max : MAX_CHARS};
}

static struct bounds prompt_bounds(const struct filter_options *o) {
    return bounds(o->min_prompt_chars, o->max_prompt_chars);
}

static struct bounds answer_bounds(const struct filter_options *o) {
    return bounds(o->min_answer_chars, o->max_answer_chars);
}

static err check_bounds(struct bounds b, const char *min, const char *max) {
    if (b.max == 0 || b.min <= b.max) return ERR_OK;
    return fail(ERR_RANGE, "data.filter.%s is %lld and data.filter.%s is %lld: nothing fits", min,
                (long long)b.min, max, (long long)b.max);
}

static err check(const struct filter_options *o) {
    TRY(check_bounds(prompt_bounds(o), "min_prompt_chars", "max_prompt_chars"));
    TRY(check_bounds(answer_bounds(o), "min_answer_chars", "max_answer_chars"));
    return check_bounds((struct bounds){o->min_tokens, o->max_tokens}, "min_tokens", "max_tokens");
}

static bool fits(int64_t n, struct bounds b, const char *what, const char *unit,
                 struct filter_verdict *out) {
    bool low = n<b.min, high = b.max> 0 && n > b.max;
    if (!low && !high) return true;
    out->drop = true;
    snprintf(out->reason, sizeof out->reason, "the %s has %lld %s (at %s %lld)", what, (long long)n,
             unit, low ? "least" : "most", (long long)(low ? b.min : b.max));
    return false;
}

static err count_tokens(const struct tokenizer *t, const struct sample *s, int64_t *out) {
    struct tokens ids = {0};
    struct str text = {0};
    if (s->kind == SAMPLE_IDS) {
        *out = s->ids->n;
        return ERR_OK;
    }
    err e = sample_text(s, &text);
    if (e == ERR_OK) e = tokenizer_encode_plain(t, str_text(&text), text.len, &ids);
    *out = ids.n;
    tokens_release(&ids);
    str_release(&text);
    return e;
}

static int64_t characters(struct span s) {
    return utf8_count(s.text, s.n);
}

static bool turns_fit(const struct sample *s, const struct filter_options *o,
                      struct filter_verdict *out) {
    for (int64_t i = 0; i < s->n; i++) {
        const struct turn *turn = &s->turns[i];
        if (!fits(characters(turn->prompt), prompt_bounds(o), "prompt", "characters", out) ||
            !fits(characters(turn->answer), answer_bounds(o), "answer", "characters", out))
            return false;
    }
    return true;
}

/* Of segments, what is trained is the answer and the rest the prompt; where one of them is empty
 * the other is a text by itself. */
static err segments_fit(const struct sample *s, const struct filter_options *o,
                        struct filter_verdict *out) {
    struct str context = {0}, trained = {0};
    err e = sample_context_text(s, &context);
    if (e == ERR_OK) e = sample_trained_text(s, &trained);
    if (e == ERR_OK) {
        struct span prompt = {str_text(&context), context.len};
        struct span answer = {str_text(&trained), trained.len};
        bool good = prompt.n == 0 || fits(characters(prompt), prompt_bounds(o),
                                          answer.n > 0 ? "prompt" : "text", "characters", out);
        if (good && answer.n > 0)
            (void)fits(characters(answer), answer_bounds(o), prompt.n > 0 ? "answer" : "text",
                       "characters", out);
    }
    str_release(&context);
    str_release(&trained);
    return e;
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    const struct filter_options *o = filter_options(p);
    const struct sample *s = filter_sample(p, number);
    (void)ctx;
    if (s->kind != SAMPLE_TURNS)
        TRY(segments_fit(s, o, out));
    else
        (void)turns_fit(s, o, out);
    if (out->drop || (o->min_tokens == 0 && o->max_tokens == 0)) return ERR_OK;
    int64_t n = 0;
    TRY(count_tokens(filter_tokenizer(p), s, &n));
    (void)fits(n, (struct bounds){o->min_tokens, o->max_tokens}, "sample", "tokens", out);
    return ERR_OK;
}

static err run(struct filter_pass *p) {
    return filter_each(p, look, NULL, NULL);
}

const struct filter filter_length = {
    .name = "length",
    .summary = "prompts and answers that are too short or too long, in characters or tokens",
    .check = check,
    .run = run,
};
