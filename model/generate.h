/* SPDX-License-Identifier: Apache-2.0
 * Continuing prompts, or weighing them: any number of texts through a decoder that holds some of
 * them at a time; where one has ended, the next takes its place. What prompts have in common at
 * their beginning is computed once. What a text becomes depends on its prompt, its number and the
 * options alone, not on the texts beside it.
 * Read next: model/sample.h for how a token is chosen, model/prefixes.h for the order in which
 * texts are begun, model/decoder.h. */
#ifndef COTRAIN_MODEL_GENERATE_H
#define COTRAIN_MODEL_GENERATE_H

#include "model/decoder.h"
#include "model/sample.h"

struct generate_text {
    const int32_t *prompt;
    int64_t n_prompt;       /* at least 1; with max_new_tokens at most the decoder's max_tokens */
    int64_t max_new_tokens; /* 0: nothing is generated */
    uint64_t number;        /* keys its random numbers */
    int32_t *out;           /* (max_new_tokens) filled; may be set when the text begins */
    int64_t n_out;          /* without the <eod> that ended it */
    bool ended;             /* by <eod>, not by max_new_tokens */
    int64_t n_scored;       /* of the prompt's last tokens, below n_prompt: how likely each was */
    double *log_p;          /* (n_scored) filled: log p(token | all tokens before it) */
};

/* Told what happens; `text` is an index in texts. A function may be NULL: nobody listens. One that
 * fails ends all. */
struct generate_listener {
    MUST_CHECK err (*on_begin)(void *ctx, int64_t text);   /* it takes a place now */
    void (*on_token)(void *ctx, int64_t text, int32_t id); /* a token was chosen */
    MUST_CHECK err (*on_end)(void *ctx, int64_t text);     /* no more will be */
    /* A step has fed so many tokens of prompts and of answers. */
    void (*on_step)(void *ctx, int64_t n_prompt, int64_t n_answer);
    void *ctx;
};

struct generate_options {
    struct sampling sampling; /* zeroed: greedy */
    bool ignore_eod;          /* go on after <eod>, which is then kept */
    struct generate_listener listener;
};
/* Of several texts an error names the one that it is about, by its place in `texts` from 1 on. */
MUST_CHECK err generate(struct decoder *d, struct generate_text *texts, int64_t n_texts,
                        const struct generate_options *options);

#endif
