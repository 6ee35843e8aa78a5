/* SPDX-License-Identifier: Apache-2.0
 * How likely a model holds a text behind a prompt.
 *   log_likelihood = sum over the text's tokens t of log softmax(z[t - 1])[id[t]]
 * Logarithms are natural, sums in double in the order of the tokens.
 * Read next: eval/scorers/choices.c. */
#ifndef COTRAIN_EVAL_LIKELIHOOD_H
#define COTRAIN_EVAL_LIKELIHOOD_H

#include "eval/subject.h"
#include "eval/suite.h"

/* Puts "choices": [{"log_likelihood", "n_tokens", "n_characters"}] of an item's options. */
MUST_CHECK err likelihood_weigh(struct eval_subject *s, const struct suite_item *item,
                                enum special_whitespace whitespace, json_t *line);
/* No more tokens than that has the longest of its options with the prompt. */
int64_t likelihood_max_tokens(const struct suite_item *item);
/* The sum over ids[first..n), first >= 1. n is at most the subject's max_tokens. */
MUST_CHECK err likelihood_sum(struct eval_subject *s, const int32_t *ids, int64_t n, int64_t first,
                              double *out);

#endif
