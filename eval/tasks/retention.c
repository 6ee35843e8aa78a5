/* SPDX-License-Identifier: Apache-2.0
 * Task `retention`: general cases that have nothing to do with the requests (eval.retention),
 * answered before and after training. A request that asks for the model's general ability to be
 * kept is held to it by a gate on the change, `retention: "not < -0 at 95%"`.
 * Read next: eval/held_out.h for what is reported. */
#include "eval/held_out.h"

static err load(const struct eval_context *c, struct eval_cases *out) {
    struct request general = {
        .id = "retention", .scenario = "retention", .cases = c->options->retention};
    const struct request_list requests = {&general, 1};
    return eval_cases_load(out, &requests, NULL, c->options->limit);
}

static err need(const struct eval_context *c, struct eval_need *need) {
    if (c->options->retention) {
        struct eval_cases cases;
        err result = load(c, &cases);
        if (result == ERR_OK) result = held_out_need(c, &cases, need);
        eval_cases_release(&cases);
        return result;
    }
    (void)fail(ERR_MISSING, "there are no cases");
    return fail_hint(ERR_MISSING,
                     "name a file of general cases, JSON Lines of prompt and response, "
                     "as eval.retention");
}

static err run(const struct eval_context *c, json_t **out) {
    struct eval_cases cases;
    err result = load(c, &cases);
    if (result == ERR_OK) result = held_out_run(c, "retention", &cases, out);
    eval_cases_release(&cases);
    return result;
}

const struct eval_task eval_task_retention = {
    .name = "retention",
    .summary = "general cases that training must not spoil: exact match and ROUGE-L on characters",
    .metric = "exact_match",
    .higher_is_better = true,
    .has_items = true,
    .need = need,
    .run = run,
};
