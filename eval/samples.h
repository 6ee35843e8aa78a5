/* SPDX-License-Identifier: Apache-2.0
 * Several answers to each item: what their verdicts come to together.
 *   "pass@k"    k = 1, 2, 4 ... up to the number of answers: chance that one of k is right
 *   "majority"  self-consistency: the share of items whose most frequent answer is right; of
 *   equally
 *               frequent ones the first
 *   "generated_tests"  self-consistency for programs: the share of items whose answer that passes
 *               most of the unit tests which the model wrote is right (eval/judge.h)
 * Source of self-consistency: Wang et al., "Self-consistency improves chain of thought reasoning in
 * language models" (2022).
 * Read next: eval/score.c, eval/metrics.h. */
#ifndef COTRAIN_EVAL_SAMPLES_H
#define COTRAIN_EVAL_SAMPLES_H

#include "base/json.h"
#include "eval/judge.h"
#include <stdbool.h>
#include <stdint.h>

struct sample_verdict {
    int64_t item;
    const char *vote; /* what was answered; NULL: nothing that could be counted */
    bool correct;
    bool is_judged; /* a program that generated unit tests were run against */
    struct judged judged;
};

/* Adds the scores of verdicts in which those of an item stand next to each other. Items with
 * different numbers of answers are ERR_MISMATCH. *out_n_items: how many items there are. */
MUST_CHECK err samples_put(const struct sample_verdict *v, int64_t n, json_t *scores,
                           int64_t *out_n_items);

#endif
