/* SPDX-License-Identifier: Apache-2.0
 * An evaluation report: one JSON object, the same bytes for the same model, tasks and settings; no
 * dates, no timings, no paths. Scores are ratios beside their counts, and every item's prompt,
 * expected and given answer stands in it, so that another person can score it again.
 *
 *   {"cotrain_eval": 1,
 *    "subject": {"model": DIGEST, "adapter": DIGEST or null}, (eval/digest.h)
 *    "settings": {"decoding": "greedy", "max_new_tokens": 64, "limit": 0},
 *    "tasks": [{"task": "requests", "metric": "exact_match", "scores": {"exact_match": 0.94, ...},
 *               ... what the task itself adds (eval/tasks/<name>.c) ...}]} */
#ifndef COTRAIN_EVAL_REPORT_H
#define COTRAIN_EVAL_REPORT_H

#include "base/json.h"
#include "base/str.h"
#include "eval/options.h"

enum { EVAL_REPORT_VERSION = 1 };

/* A report without tasks. `adapter_digest` may be NULL. The caller json_decref()s. */
MUST_CHECK err report_new(const char *model_digest, const char *adapter_digest,
                          const struct eval_options *options, json_t **out);
/* Adds a task's part, taking over the reference. */
MUST_CHECK err report_add_task(json_t *report, json_t *task);
/* Reads a report file and checks its version and outline. */
MUST_CHECK err report_read(const char *path, json_t **out);

/* The part of a task, or NULL. */
const json_t *report_find(const json_t *report, const char *task);
/* The same: ERR_MISSING naming it and what there is. */
MUST_CHECK err report_task(const json_t *report, const char *task, const json_t **out);
/* One score of a task; `score` "" is the task's own metric. */
MUST_CHECK err report_score(const json_t *report, const char *task, const char *score, double *out);

/* One report alone, for people; and a task's part of one. */
MUST_CHECK err report_task_text(const json_t *part, struct str *out);
MUST_CHECK err report_text(const json_t *report, struct str *out);

#endif
