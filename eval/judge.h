/* SPDX-License-Identifier: Apache-2.0
 * Self-consistency for programs: the model is asked, once and greedily, for unit tests of a problem
 * too, and of several programs the one that passes most of them is its answer. So nothing decides
 * that the model did not write; whether the answer is right the problem's own tests say, as ever.
 *   passed    how many of the generated tests a program passes
 *   outputs   what its calls gave, test by test
 * The most passed; of those that pass as many, the one whose outputs most programs share; then the
 * first. Without a test that can be used, the first.
 * Source: that Yuan 2.0 chose among programs by unit tests which it generated is in its paper
 * ("Yuan 2.0: a large language model with localized filtering-based attention", 2023); the prompt,
 * what counts as a test and how ties are broken are ours.
 * Read next: eval/samples.h, eval/scorers/python.h. */
#ifndef COTRAIN_EVAL_JUDGE_H
#define COTRAIN_EVAL_JUDGE_H

#include "eval/scorer.h"

enum { JUDGE_MAX_TESTS = 16 };

/* The lines "assert ..." of a text that call `entry_point`, each once and at most JUDGE_MAX_TESTS,
 * as a JSON list. The caller json_decref()s. */
MUST_CHECK err judge_tests(struct span text, const char *entry_point, json_t **out);

struct judged {
    int64_t passed;
    const char *outputs; /* in s->arena; NULL: it was not run */
};
/* Runs a program against tests. A program that hangs or ends keeps what it passed until then. */
MUST_CHECK err judge_run(const struct scoring *s, const char *program, const json_t *tests,
                         struct judged *out);
/* The number of the one of n that is the answer. */
int64_t judge_choose(const struct judged *candidates, int64_t n);

#endif
