/* SPDX-License-Identifier: Apache-2.0
 * Task `validation`: loss per trained token over the dataset's validation rows, under the recipe's
 * loss mask and isolation. Rows pass one at a time in the order they are stored, so the sum has one
 * order.   loss = sum of token losses / n_tokens   (natural logarithm)
 *   "n_rows", "n_tokens", "loss_sum"
 * A dataset without validation rows has no loss: "scores" is empty and the counts are 0. */
#include "data/dataset.h"
#include "eval/task.h"

static bool has_rows(const struct eval_context *c) {
    return c->dataset != NULL && dataset_n_rows(c->dataset, SPLIT_VALID) > 0;
}

static err open_rows(const struct eval_context *c, struct loader **out) {
    struct loader_options how = c->loader;
    how.rows_per_step = 1;
    how.epochs = 1;
    how.max_steps = 0;
    how.packing = false;
    how.in_order = true;
    return loader_open(out, c->dataset, SPLIT_VALID, &how);
}

static err need(const struct eval_context *c, int64_t *out_max_tokens) {
    struct loader *rows = NULL;
    *out_max_tokens = 0;
    if (!has_rows(c)) return ERR_OK;
    TRY(open_rows(c, &rows));
    *out_max_tokens = loader_max_row_tokens(rows);
    loader_close(rows);
    return ERR_OK;
}

struct totals {
    double loss_sum;
    int64_t n_rows, n_tokens;
};

static err add_row(const struct eval_context *c, const struct loader_row *row, struct totals *t) {
    struct eval_subject *s = c->subject;
    double sum = 0.0;
    int64_t trained = 0;
    batch_clear(&s->batch);
    TRY(batch_add_row(&s->batch, row->n, row->ids, row->targets, row->doc_start,
                      s->model.config.eod, c->isolate));
    struct model_call call = {.batch = &s->batch};
    TRY(model_forward(&s->model, &call));
    TRY(model_loss(&s->model, &call, 0.0, &sum, &trained, NULL));
    t->loss_sum += sum;
    t->n_tokens += trained;
    t->n_rows++;
    return ERR_OK;
}

static err add_rows(const struct eval_context *c, struct totals *t) {
    struct loader *rows = NULL;
    TRY(open_rows(c, &rows));
    err result = ERR_OK;
    int64_t n_steps = loader_n_steps(rows);
    for (int64_t step = 0; step < n_steps && result == ERR_OK; step++) {
        const struct loader_row *row = NULL;
        int64_t n = 0;
        result = loader_rows(rows, step, &row, &n);
        for (int64_t i = 0; i < n && result == ERR_OK; i++) result = add_row(c, &row[i], t);
        if (result != ERR_OK)
            result = fail_in(result, "validation row %lld", (long long)(step + 1));
    }
    loader_close(rows);
    return result;
}

static err write_part(const struct totals *t, json_t *part) {
    json_t *scores = json_object();
    TRY(json_put(part, "task", json_string("validation")));
    TRY(json_put(part, "metric", json_string("loss")));
    TRY(json_put(part, "scores", scores));
    if (t->n_tokens > 0)
        TRY(json_put(scores, "loss", json_real(t->loss_sum / (double)t->n_tokens)));
    TRY(json_put(part, "n_rows", json_integer(t->n_rows)));
    TRY(json_put(part, "n_tokens", json_integer(t->n_tokens)));
    return json_put(part, "loss_sum", json_real(t->loss_sum));
}

static err run(const struct eval_context *c, json_t **out) {
    struct totals t = {0};
    if (has_rows(c)) TRY(add_rows(c, &t));
    json_t *part = json_object();
    err result = write_part(&t, part);
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
