/* SPDX-License-Identifier: Apache-2.0
 * Asking a model the items of a suite and scoring what it answers.
 * What it answered is kept as generations (eval/generations.h), and scored from there, so a later
 * `cotrain eval score` gives the same verdicts.
 * Read next: eval/suite_run.c, eval/tasks/gsm8k_cn.c. */
#ifndef COTRAIN_EVAL_SUITE_RUN_H
#define COTRAIN_EVAL_SUITE_RUN_H

#include "eval/suite.h"
#include "eval/task.h"

/* `need` and `run` of the task of every suite (c->task is its row). */
MUST_CHECK err suite_need(const struct eval_context *c, struct eval_need *need);
MUST_CHECK err suite_run(const struct eval_context *c, json_t **out);

/* What the rows of all suites have in common. */
#define SUITE_TASK(name_, summary_, suite_)                                                        \
    .name = #name_, .summary = summary_, .higher_is_better = true, .has_items = true,              \
    .need = suite_need, .run = suite_run, .suite = suite_

#endif
