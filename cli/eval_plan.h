/* SPDX-License-Identifier: Apache-2.0
 * A recipe's evaluation planned and not run, as cli/planning.h plans its training: the same bytes
 * that `cotrain eval run` keeps to. What a run takes is the larger of the two.
 * Read next: eval/memory.h. */
#ifndef COTRAIN_CLI_EVAL_PLAN_H
#define COTRAIN_CLI_EVAL_PLAN_H

#include "base/json.h"
#include "cli/memory.h"
#include "cli/planning.h"
#include "eval/memory.h"

struct eval_plan {
    struct eval_memory memory;
    bool any;     /* whether anything is evaluated */
    bool guessed; /* the texts are not there yet: of train.sequence_len and eval.max_new_tokens */
    bool fits;    /* else the bytes are those of one text at a time */
    int64_t program_bytes;
};
MUST_CHECK err eval_plan_find(const struct chain *chain, const struct planned_for *o,
                              const struct memory_limit *limit, struct eval_plan *out);
int64_t eval_plan_resident_bytes(const struct eval_plan *p);
/* What the heap holds at most while a task of train.eval_tasks is asked; 0 without them. */
MUST_CHECK err eval_plan_during(const struct chain *chain, int64_t *out_text_bytes);

/* Appends its line, or its members to an object; nothing where nothing is evaluated. */
MUST_CHECK err eval_plan_text(const struct eval_plan *p, struct str *out);
MUST_CHECK err eval_plan_json(const struct eval_plan *p, json_t *out);
/* What of a limit is left for what evaluation plans; mapped weights are not counted, given or not
 * (eval/memory.h). */
int64_t eval_plan_limit(const struct memory_limit *limit);

#endif
