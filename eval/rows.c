/* SPDX-License-Identifier: Apache-2.0
 * Rows of reports (eval/rows.h). Pairs are counted by what the items are (eval/pairs.h); several
 * answers to an item are not independent, so there is no test of them.
 * Read next: eval/held_out.h and eval/score.h, whose parts are read here. */
#include "eval/rows.h"

#include "base/mem.h"
#include "eval/confidence.h"
#include "eval/pairs.h"
#include "eval/task.h"
#include <string.h>

/* One part of a report, or one request's within it, against the same of the other report. */
struct part {
    const json_t *was, *is;               /* where "n" and "interval" stand; `was` may be NULL */
    const json_t *scores_was, *scores_is; /* and the scores */
    const json_t *items_was, *items_is;
    const char *task, *metric, *request, *scenario;
};

static bool higher_is_better(const char *task) {
    for (int i = 0; i < n_eval_tasks; i++)
        if (strcmp(eval_tasks[i]->name, task) == 0) return eval_tasks[i]->higher_is_better;
    return true; /* a user's own task is a share of right answers */
}

static struct interval interval_of(const json_t *part) {
    const json_t *pair = json_object_get(part, "interval");
    return (struct interval){json_number_value(json_array_get(pair, 0)),
                             json_number_value(json_array_get(pair, 1))};
}

static err add_pairs(const struct part *p, struct report_row *row) {
    struct item_pairs pairs;
    if (json_array_size(p->items_was) == 0 || json_array_size(p->items_is) == 0) return ERR_OK;
    if (json_object_get(json_array_get(p->items_is, 0), "sample") != NULL) return ERR_OK;
    err result = item_pairs_count(p->items_was, p->items_is, p->request, &pairs);
    if (result == ERR_OK && pairs.n == row->n && pairs.only_a == 0) {
        row->is_paired = true;
        row->won = pairs.won;
        row->lost = pairs.lost;
        row->p_value = mcnemar_exact(pairs.won, pairs.lost);
    }
    return result;
}

static err add_row(struct report_rows *to, const struct part *p, const char *score) {
    struct report_row row = {.task = p->task,
                             .score = score,
                             .request = p->request,
                             .scenario = p->scenario,
                             .is_metric = strcmp(score, p->metric) == 0,
                             .higher_is_better = higher_is_better(p->task),
                             .n = json_int_of(p->is, "n")};
    const json_t *was = json_object_get(p->scores_was, score);
    row.after = json_number_value(json_object_get(p->scores_is, score));
    row.has_before = json_is_number(was);
    row.before = json_number_value(was);
    if (p->was != NULL && json_int_of(p->was, "n") != row.n)
        return fail(ERR_MISMATCH, "'%s' has %lld cases before and %lld after",
                    p->scenario != NULL ? p->scenario : p->task,
                    (long long)json_int_of(p->was, "n"), (long long)row.n);
    row.has_interval = row.is_metric && json_is_array(json_object_get(p->is, "interval"));
    if (row.has_interval) {
        row.before_interval = interval_of(p->was);
        row.after_interval = interval_of(p->is);
    }
    if (row.is_metric && row.has_before) TRY(add_pairs(p, &row));
    TRY(mem_grow(&to->rows, &to->capacity, to->n, sizeof *to->rows));
    to->rows[to->n++] = row;
    return ERR_OK;
}

/* The task's own score first. */
static err add_scores(struct report_rows *to, const struct part *p) {
    const char *score = NULL;
    json_t *value = NULL;
    if (json_is_number(json_object_get(p->scores_is, p->metric))) TRY(add_row(to, p, p->metric));
    json_object_foreach((json_t *)p->scores_is, score, value) {
        if (strcmp(score, p->metric) == 0 || !json_is_number(value)) continue;
        TRY(add_row(to, p, score));
    }
    return ERR_OK;
}

/* Members that a request's row has its scores in, beside its counts. */
static err add_request(struct report_rows *to, struct part p, const json_t *was, const json_t *is) {
    static const char *const scores[] = {"exact_match", "rouge_l"};
    const char *id_was = NULL;
    double value = 0.0;
    TRY(json_need_string(is, "request", &p.request));
    TRY(json_need_string(is, "scenario", &p.scenario));
    if (was != NULL) TRY(json_need_string(was, "request", &id_was));
    if (was != NULL && strcmp(id_was, p.request) != 0)
        return fail(ERR_MISMATCH, "request '%s' before stands where '%s' does after", id_was,
                    p.request);
    p.was = p.scores_was = was;
    p.is = p.scores_is = is;
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        TRY(json_need_number(is, scores[i], &value));
        TRY(add_row(to, &p, scores[i]));
    }
    return ERR_OK;
}

static err add_requests(struct report_rows *to, const struct part *p) {
    const json_t *was = json_object_get(p->was, "requests");
    const json_t *is = json_object_get(p->is, "requests");
    if (p->was != NULL && json_array_size(was) != json_array_size(is))
        return fail(ERR_MISMATCH, "the reports before and after have different requests");
    for (size_t i = 0; i < json_array_size(is); i++)
        TRY(add_request(to, *p, json_array_get(was, i), json_array_get(is, i)));
    return ERR_OK;
}

static const json_t *find(const json_t *report, const char *task) {
    json_t *tasks = json_object_get(report, "tasks"), *part = NULL;
    size_t i = 0;
    json_array_foreach(tasks, i, part) {
        if (strcmp(json_text_of(part, "task"), task) == 0) return part;
    }
    return NULL;
}

static err add_task(struct report_rows *to, const json_t *before, const json_t *is) {
    struct part p = {.is = is};
    json_t *scores = NULL;
    TRY(json_need_string(is, "task", &p.task));
    TRY(json_need_string(is, "metric", &p.metric));
    TRY(json_need_object(is, "scores", &scores));
    p.was = find(before, p.task);
    if (p.was != NULL && strcmp(json_text_of(p.was, "metric"), p.metric) != 0)
        return fail(ERR_MISMATCH, "metric '%s' before, '%s' after", json_text_of(p.was, "metric"),
                    p.metric);
    p.scores_was = json_object_get(p.was, "scores");
    p.scores_is = scores;
    p.items_was = json_object_get(p.was, "items");
    p.items_is = json_object_get(is, "items");
    TRY(add_requests(to, &p));
    return add_scores(to, &p);
}

err report_rows(const json_t *before, const json_t *after, struct report_rows *out) {
    json_t *tasks = NULL;
    *out = (struct report_rows){.n = 0};
    TRY(json_need_array(after, "tasks", &tasks));
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *is = json_array_get(tasks, i);
        err result = add_task(out, before, is);
        if (result != ERR_OK) return fail_in(result, "task '%s'", json_text_of(is, "task"));
    }
    return ERR_OK;
}

void report_rows_release(struct report_rows *r) {
    mem_free(r->rows);
    *r = (struct report_rows){.n = 0};
}

static err put_interval(json_t *to, const char *key, struct interval i) {
    return json_put(to, key, json_pack("[f,f]", i.low, i.high));
}

static err put_row(const struct report_row *row, json_t *to) {
    TRY(json_put(to, "task", json_string(row->task)));
    TRY(json_put(to, "score", json_string(row->score)));
    if (row->request != NULL) {
        TRY(json_put(to, "request", json_string(row->request)));
        TRY(json_put(to, "scenario", json_string(row->scenario)));
    }
    if (row->n > 0) TRY(json_put(to, "n", json_integer(row->n)));
    if (row->has_before) TRY(json_put(to, "before", json_real(row->before)));
    TRY(json_put(to, "after", json_real(row->after)));
    if (row->has_interval) TRY(put_interval(to, "interval", row->after_interval));
    if (row->has_interval && row->has_before)
        TRY(put_interval(to, "interval_before", row->before_interval));
    if (!row->is_paired) return ERR_OK;
    TRY(json_put(to, "won", json_integer(row->won)));
    TRY(json_put(to, "lost", json_integer(row->lost)));
    return json_put(to, "p_value", json_real(row->p_value));
}

err report_rows_json(const json_t *before, const json_t *after, json_t **out) {
    struct report_rows rows;
    json_t *list = json_array(), *value = json_object();
    err result = report_rows(before, after, &rows);
    if (result == ERR_OK)
        result = json_put(value, "rows", list);
    else
        json_decref(list);
    for (int64_t i = 0; i < rows.n && result == ERR_OK; i++) {
        json_t *row = json_object();
        result = json_push(list, row);
        if (result == ERR_OK) result = put_row(&rows.rows[i], row);
    }
    report_rows_release(&rows);
    if (result == ERR_OK)
        *out = value;
    else
        json_decref(value);
    return result;
}

double report_row_gain(const struct report_row *row) {
    double change = row->after - row->before;
    return row->higher_is_better ? change : -change;
}
