/* SPDX-License-Identifier: Apache-2.0
 * One evaluation report for people, in lines: what `eval run` and `eval score` end with.
 * Before against after is eval/markdown.c.
 * Read next: eval/report.h for what is in a report. */
#include "eval/report.h"
#include <string.h>

struct row {
    int64_t n;
    double exact, rouge, low, high;
};

static err read_row(const json_t *from, const json_t *scores, struct row *out) {
    json_t *interval = NULL;
    TRY(json_need_int(from, "n", &out->n));
    TRY(json_need_number(scores, "exact_match", &out->exact));
    TRY(json_need_number(scores, "rouge_l", &out->rouge));
    TRY(json_need_array(from, "interval", &interval));
    out->low = json_number_value(json_array_get(interval, 0));
    out->high = json_number_value(json_array_get(interval, 1));
    return ERR_OK;
}

static err request_text(const char *name, const json_t *part, const json_t *scores,
                        struct str *out) {
    struct row row;
    TRY(read_row(part, scores, &row));
    return str_printf(out, "%s: exact match %.3f (%.3f to %.3f), ROUGE-L %.3f, %lld cases\n", name,
                      row.exact, row.low, row.high, row.rouge, (long long)row.n);
}

static err requests_text(const json_t *part, struct str *out) {
    json_t *rows = NULL, *scores = NULL;
    TRY(json_need_array(part, "requests", &rows));
    TRY(json_need_object(part, "scores", &scores));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *one = json_array_get(rows, i);
        const char *name = NULL;
        TRY(json_need_string(one, "scenario", &name));
        TRY(request_text(name, one, one, out));
    }
    return request_text("all requests", part, scores, out);
}

/* "gsm8k_cn accuracy: 0.7771 (0.754 to 0.799), 1025 of 1319", then the other scores. */
static err counted_text(const json_t *part, struct str *out) {
    const char *task = NULL, *metric = NULL, *score = NULL;
    json_t *scores = NULL, *value = NULL, *interval = json_object_get(part, "interval");
    int64_t n = 0, n_errors = 0;
    TRY(json_need_string(part, "task", &task));
    TRY(json_need_string(part, "metric", &metric));
    TRY(json_need_object(part, "scores", &scores));
    TRY(json_need_int(part, "n", &n));
    TRY(json_need_int(part, "n_errors", &n_errors));
    TRY(str_printf(out, "%s %s: %.4f (%.3f to %.3f), ", task, metric,
                   json_number_value(json_object_get(scores, metric)),
                   json_number_value(json_array_get(interval, 0)),
                   json_number_value(json_array_get(interval, 1))));
    if (json_object_get(part, "correct") != NULL)
        TRY(str_printf(out, "%lld of ", (long long)json_int_of(part, "correct")));
    TRY(str_printf(out, "%lld\n", (long long)n));
    if (n_errors > 0)
        TRY(str_printf(out, "  of the others %lld end the official program with an error\n",
                       (long long)n_errors));
    const json_int_t n_unended = json_integer_value(json_object_get(part, "n_unended")); /* or 0 */
    if (n_unended > 0)
        TRY(str_printf(out, "  %lld answers were cut off at %lld tokens or at the model's end\n",
                       (long long)n_unended,
                       (long long)json_integer_value(json_object_get(part, "max_new_tokens"))));
    json_object_foreach(scores, score, value) {
        if (strcmp(score, metric) == 0) continue;
        TRY(str_printf(out, "  beside it, ours: %s %.4f\n", score, json_number_value(value)));
    }
    return ERR_OK;
}

err report_task_text(const json_t *part, struct str *out) {
    const char *task = NULL, *score = NULL;
    json_t *scores = NULL, *value = NULL;
    TRY(json_need_string(part, "task", &task));
    TRY(json_need_object(part, "scores", &scores));
    if (strcmp(task, "requests") == 0) return requests_text(part, out);
    if (json_object_get(part, "n_unjudged") != NULL)
        return str_printf(out, "%s: programs were cut out but not run\n", task);
    if (json_object_get(part, "n_errors") != NULL) return counted_text(part, out);
    if (json_object_size(scores) == 0) return str_printf(out, "%s: nothing to measure\n", task);
    json_object_foreach(scores, score, value)
        TRY(str_printf(out, "%s %s: %.4f\n", task, score, json_number_value(value)));
    return ERR_OK;
}

err report_text(const json_t *report, struct str *out) {
    json_t *tasks = NULL;
    TRY(json_need_array(report, "tasks", &tasks));
    for (size_t i = 0; i < json_array_size(tasks); i++)
        TRY(report_task_text(json_array_get(tasks, i), out));
    return ERR_OK;
}
