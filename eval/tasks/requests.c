/* SPDX-License-Identifier: Apache-2.0
 * Task `requests`: each request's held-out cases, answered greedily and compared with what was
 * expected. This is a request's acceptance test: the cases are fixed before anything is trained.
 * Read next: eval/held_out.h for what is reported. */
#include "eval/held_out.h"

static err need(const struct eval_context *c, struct eval_need *need) {
    if (c->cases != NULL && eval_cases_count(c->cases) > 0) return held_out_need(c, c->cases, need);
    fail(ERR_MISSING, "no held-out case of any request");
    return fail_hint(ERR_MISSING,
                     "give a request a file of cases (`cases: FILE`), or keep rows back "
                     "with data.holdout.per_request");
}

static err run(const struct eval_context *c, json_t **out) {
    return held_out_run(c, "requests", c->cases, out);
}

const struct eval_task eval_task_requests = {
    .name = "requests",
    .summary = "held-out cases of each request: exact match and ROUGE-L on characters",
    .metric = "exact_match",
    .higher_is_better = true,
    .has_items = true,
    .need = need,
    .run = run,
};
