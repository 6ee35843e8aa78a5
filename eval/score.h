/* SPDX-License-Identifier: Apache-2.0
 * Scoring answers to a suite and what is reported of it:
 *   "n", "correct", "interval": [low, high], "n_errors",
 *   "items": [{"item", "task_id", "correct", "error", "extracted", "gold", "completion",
 *              "n_prompt_tokens", "n_tokens": of the answer, and each metric of our own by name}]
 * A measured metric has in each item its value under its name instead of "correct", the mean as its
 * score, and no "correct" of the whole; its interval is by resampling.
 * Of several programs to an item, each has "tests_passed" of the unit tests that the model wrote
 * for the item (eval/judge.h), where the answers hold a line of these ("judge": "tests").
 * "error" is what the official program ends on at that item, which counts as incorrect. "correct"
 * is null where a program was not run (then there is no score either).
 * Read next: eval/scorer.h, cli/cmd_eval_score.c. */
#ifndef COTRAIN_EVAL_SCORE_H
#define COTRAIN_EVAL_SCORE_H

#include "eval/suite.h"
#include "eval/task.h"

/* The part of the report of the answers, a JSON array of lines; the caller json_decref()s.
 * `unsafe`: programs of a model are run even where nothing can hold them (base/sandbox.h). */
MUST_CHECK err score_answers(const struct eval_task *task, const struct suite_items *items,
                             const json_t *answers, bool unsafe, json_t **out);
/* Reads answers or generations of a task from JSON Lines; lines of another "task" are passed over.
 * ERR_PARSE names file and line. The caller json_decref()s. */
MUST_CHECK err score_read(const char *path, const char *task, json_t **out);
/* Reads generations of whatever tasks: {TASK: [lines]}, in the order of their first lines. A line
 * without "task" is ERR_PARSE. */
MUST_CHECK err score_read_all(const char *path, json_t **out);

#endif
