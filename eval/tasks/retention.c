/* SPDX-License-Identifier: Apache-2.0
 * Task `retention`: general cases that have nothing to do with the requests (eval.retention),
 * answered before and after training. A request that asks for the model's general ability to be
 * kept is held to it by a gate on the change, `retention: ">= -0.02"`.
 * Read next: eval/held_out.h for what is reported. */
#include "eval/held_out.h"

static err need(const struct eval_context *c, int64_t *out_max_tokens) {
    *out_max_tokens = 0; /* decoders bring their own memory */
    if (c->options->retention) return ERR_OK;
    (void)fail(ERR_MISSING, "no cases for the task 'retention'");
    return fail_hint(ERR_MISSING,
                     "name a file of general cases, JSON Lines of prompt and response, "
                     "as eval.retention");
}

static err run(const struct eval_context *c, json_t **out) {
    struct request general = {
        .id = "retention", .scenario = "retention", .cases = c->options->retention};
    const struct request_list requests = {&general, 1};
    struct eval_cases cases;
    err result = eval_cases_load(&cases, &requests, NULL, c->options->limit);
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
