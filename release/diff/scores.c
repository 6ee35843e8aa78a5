/* SPDX-License-Identifier: Apache-2.0
 * What both releases' models reached, in pairs where the items are the same (eval/compare.h) and by
 * the scores alone where they are not: two months seldom have the same requests.
 *   {"tasks": [rows of compare_reports, or {"task", "metric", "a", "b", "difference"}]} */
#include "eval/compare.h"
#include "eval/report.h"
#include "release/diff.h"
#include <string.h>

/* What cannot be held side by side differs. */
static err add_apart(json_t *out, const char *task, const char *why) {
    TRY(diff_differs(out));
    return diff_not_compared(out, task, why);
}

static err add_unpaired(const struct diff_side *a, const json_t *task, json_t *tasks) {
    const char *name = json_text_of(task, "task"), *metric = json_text_of(task, "metric");
    double was = 0.0;
    TRY(report_score(a->after, name, metric, &was));
    double is = json_number_value(json_object_get(json_object_get(task, "scores"), metric));
    return json_push(tasks, json_pack("{s:s, s:s, s:f, s:f, s:f}", "task", name, "metric", metric,
                                      "a", was, "b", is, "difference", is - was));
}

static err add_task(const struct diff_side *a, const struct diff_side *b, const json_t *task,
                    json_t *out) {
    const char *name = json_text_of(task, "task"), *metric = json_text_of(task, "metric");
    json_t *tasks = json_object_get(out, "tasks"), *row = NULL;
    const json_t *was = report_find(a->after, name);
    if (was == NULL) return add_apart(out, name, "only b was asked");
    if (strcmp(json_text_of(was, "metric"), metric) != 0)
        return add_apart(out, name, "another metric stands for it");
    err result = compare_score(a->after, b->after, &(struct comparing){name, metric, 0.95}, &row);
    if (result == ERR_OK) {
        bool same = json_number_value(json_object_get(row, "difference")) == 0.0 &&
                    json_int_of(row, "wins") + json_int_of(row, "losses") == 0;
        result = json_push(tasks, row);
        return result == ERR_OK && !same ? diff_differs(out) : result;
    }
    if (result != ERR_MISMATCH) return result;
    err_clear();
    TRY(add_apart(out, name, "its items are others, so only the scores stand side by side"));
    return add_unpaired(a, task, tasks);
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    json_t *tasks = json_array(), *task = NULL;
    size_t i = 0;
    TRY(json_put(out, "tasks", tasks));
    json_array_foreach(json_object_get(b->after, "tasks"), i, task) TRY(add_task(a, b, task, out));
    json_array_foreach(json_object_get(a->after, "tasks"), i, task) {
        const char *name = json_text_of(task, "task");
        if (report_find(b->after, name) == NULL) TRY(add_apart(out, name, "only a was asked"));
    }
    return ERR_OK;
}

static err tell(const json_t *found, struct str *out) {
    const json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(found, "tasks"), i, row) {
        double a = json_number_value(json_object_get(row, "a"));
        double b = json_number_value(json_object_get(row, "b"));
        const json_t *p = json_object_get(row, "p_value");
        TRY(str_printf(out, "  %s %s: %.4f -> %.4f (%+.4f)", json_text_of(row, "task"),
                       json_text_of(row, "metric"), a, b, b - a));
        if (p != NULL)
            TRY(str_printf(out, ", %lld won, %lld lost of %lld, p = %.3g",
                           (long long)json_int_of(row, "wins"),
                           (long long)json_int_of(row, "losses"), (long long)json_int_of(row, "n"),
                           json_number_value(p)));
        if (json_int_of(row, "only_a") + json_int_of(row, "only_b") > 0)
            TRY(str_printf(out, "; %lld only in a, %lld only in b",
                           (long long)json_int_of(row, "only_a"),
                           (long long)json_int_of(row, "only_b")));
        TRY(str_add(out, "\n"));
        const json_t *lost = json_object_get(row, "lost");
        if (json_array_size(lost) == 0) continue;
        TRY(str_add(out, "    lost: "));
        TRY(compare_add_names(lost, 8, out));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

const struct diff_part diff_scores = {find, tell};
