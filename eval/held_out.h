/* SPDX-License-Identifier: Apache-2.0
 * Held-out cases as a task: answered greedily and compared with what was expected.
 * Scores: exact_match, and rouge_l as the mean of the cases' F1 (eval/metrics.h); for all cases
 * together and for each group, the shares with Wilson's interval.
 *   "n", "correct", "interval": [low, high],
 *   "requests": [{"request", "scenario", "n", "correct", "interval", "exact_match", "rouge_l"}],
 *   "items": [{"request", "prompt", "expected", "got", "exact", "rouge_l", "ended",
 *              "n_prompt_tokens", "n_tokens": of the answer}]
 * Of sealed cases the texts are given as "prompt_sha256" and so on.
 * Read next: eval/tasks/requests.c, eval/tasks/retention.c. */
#ifndef COTRAIN_EVAL_HELD_OUT_H
#define COTRAIN_EVAL_HELD_OUT_H

#include "eval/task.h"

/* What asking them needs. */
MUST_CHECK err held_out_need(const struct eval_context *c, const struct eval_cases *cases,
                             struct eval_need *need);
/* The part of the report of the task of that name; the caller json_decref()s. */
MUST_CHECK err held_out_run(const struct eval_context *c, const char *task,
                            const struct eval_cases *cases, json_t **out);

#endif
