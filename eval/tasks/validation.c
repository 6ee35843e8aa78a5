/* SPDX-License-Identifier: Apache-2.0
 * Task `validation`: loss per trained token over the dataset's validation rows, under the recipe's
 * loss mask and isolation (eval/validation.h).
 *   loss = sum of token losses / n_tokens   (natural logarithm)
 *   "n_rows", "n_tokens", "loss_sum"
 * A dataset without validation rows has no loss: "scores" is empty and the counts are 0. */
#include "eval/validation.h"
#include "eval/task.h"

static err need(const struct eval_context *c, struct eval_need *need) {
    struct validation v;
    TRY(validation_open(&v, c->dataset, &c->loader, c->isolate));
    need->pass_tokens = validation_max_tokens(&v);
    validation_close(&v);
    return ERR_OK;
}

static err write_part(const struct validation_sums *sums, json_t *part) {
    TRY(json_put(part, "task", json_string("validation")));
    TRY(json_put(part, "metric", json_string("loss")));
    json_t *scores = json_object();
    TRY(json_put(part, "scores", scores));
    if (sums->n_tokens > 0)
        TRY(json_put(scores, "loss", json_real(sums->loss / (double)sums->n_tokens)));
    TRY(json_put(part, "n_rows", json_integer(sums->n_rows)));
    TRY(json_put(part, "n_tokens", json_integer(sums->n_tokens)));
    return json_put(part, "loss_sum", json_real(sums->loss));
}

static err run(const struct eval_context *c, json_t **out) {
    struct validation v;
    struct validation_sums sums;
    TRY(validation_open(&v, c->dataset, &c->loader, c->isolate));
    err result = validation_run(&v, &c->subject->model, &sums);
    validation_close(&v);
    TRY(result);
    json_t *part = json_object();
    result = write_part(&sums, part);
    if (result != ERR_OK) {
        json_decref(part);
        return result;
    }
    *out = part;
    return ERR_OK;
}

const struct eval_task eval_task_validation = {
    .name = "validation",
    .summary = "loss per trained token over the dataset's validation rows",
    .metric = "loss",
    .higher_is_better = false,
    .need = need,
    .run = run,
};
