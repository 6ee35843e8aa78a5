/* SPDX-License-Identifier: Apache-2.0
 * Continuing prompts: any number of texts through a decoder that holds some of them at a time;
 * where one has ended, the next takes its place. What a text becomes depends on its prompt, its
 * number and the options alone, not on the texts beside it.
 * Read next: model/sample.h for how a token is chosen, model/decoder.h. */
#ifndef COTRAIN_MODEL_GENERATE_H
#define COTRAIN_MODEL_GENERATE_H

#include "model/decoder.h"
#include "model/sample.h"

struct generate_text {
    const int32_t *prompt;
    int64_t n_prompt;       /* at least 1; with max_new_tokens at most the decoder's max_tokens */
    int64_t max_new_tokens; /* at least 1 */
    uint64_t number;        /* keys its random numbers */
    int32_t *out;           /* (max_new_tokens) filled */
    int64_t n_out;          /* without the <eod> that ended it */
    bool ended;             /* by <eod>, not by max_new_tokens */
};

/* Told what happens; `text` is an index in texts. A function may be NULL: nobody listens. */
struct generate_listener {
    void (*on_token)(void *ctx, int64_t text, int32_t id); /* a token was chosen */
    void (*on_end)(void *ctx, int64_t text);               /* no more will be */
    /* A step has fed so many tokens of prompts and of answers. */
    void (*on_step)(void *ctx, int64_t n_prompt, int64_t n_answer);
    void *ctx;
};

struct generate_options {
    struct sampling sampling; /* zeroed: greedy */
    bool ignore_eod;          /* go on after <eod>, which is then kept */
    struct generate_listener listener;
};
MUST_CHECK err generate(struct decoder *d, struct generate_text *texts, int64_t n_texts,
                        const struct generate_options *options);

#endif
