/* SPDX-License-Identifier: Apache-2.0
 * How likely a model holds a text behind a prompt.
 *   log_likelihood = sum over the text's tokens t of log softmax(z[t - 1])[id[t]]
 * Logarithms are natural, sums in double in the order of the tokens.
 * Read next: eval/scorers/choices.c. */
#ifndef COTRAIN_EVAL_LIKELIHOOD_H
#define COTRAIN_EVAL_LIKELIHOOD_H

#include "eval/subject.h"
#include "eval/suite.h"

/* Weighs the options of n items, side by side, what their texts share once. lines[i] gets
 * "choices": [{"log_likelihood", "n_tokens", "n_characters"}], and then on_line(ctx, i) is called:
 * as items are done, not in order; one that fails ends all. */
struct likelihood_items {
    const struct suite_item *const *items; /* (n) */
    json_t *const *lines;                  /* (n) */
    int64_t n;
    enum special_whitespace whitespace;
    MUST_CHECK err (*on_line)(void *ctx, int64_t i);
    void *ctx;
};
MUST_CHECK err likelihood_weigh(struct eval_subject *s, const struct likelihood_items *w);
/* The sum over ids[first..n), first >= 1. n is at most the subject's max_tokens. */
MUST_CHECK err likelihood_sum(struct eval_subject *s, const int32_t *ids, int64_t n, int64_t first,
                              double *out);

#endif
