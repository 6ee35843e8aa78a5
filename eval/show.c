/* SPDX-License-Identifier: Apache-2.0
 * Evaluation reports as tables: before against after for the model card and the end of a run, and
 * one report alone. Numbers have a fixed count of digits, so that a card can be held against its
 * reports later (release/verify.c). Read next: eval/report.h for what is in a report. */
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

/* A name inside a table cell: bars and line ends would end the cell. */
static err add_cell(struct str *out, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|')
            TRY(str_add(out, "\\|"));
        else if (*at == '\n' || *at == '\r')
            TRY(str_add(out, " "));
        else
            TRY(str_append(out, at, 1));
    }
    return ERR_OK;
}

static err add_pair(struct str *out, const char *name, const struct row *was,
                    const struct row *is) {
    if (was->n != is->n)
        return fail(ERR_MISMATCH, "'%s' has %lld cases before and %lld after", name,
                    (long long)was->n, (long long)is->n);
    TRY(str_add(out, "| "));
    TRY(add_cell(out, name));
    return str_printf(out, " | %lld | %.3f | %.3f | %.3f–%.3f | %.3f | %.3f |\n", (long long)is->n,
                      was->exact, is->exact, is->low, is->high, was->rouge, is->rouge);
}

static err request_pair(const json_t *was, const json_t *is, struct str *out) {
    const char *id_was = NULL, *id_is = NULL, *name = NULL;
    struct row before, after;
    TRY(json_need_string(was, "request", &id_was));
    TRY(json_need_string(is, "request", &id_is));
    TRY(json_need_string(is, "scenario", &name));
    if (strcmp(id_was, id_is) != 0)
        return fail(ERR_MISMATCH, "request '%s' before stands where '%s' does after", id_was,
                    id_is);
    TRY(read_row(was, was, &before));
    TRY(read_row(is, is, &after));
    return add_pair(out, name, &before, &after);
}

static err requests_pairs(const json_t *was, const json_t *is, struct str *out) {
    json_t *rows_was = NULL, *rows_is = NULL, *scores_was = NULL, *scores_is = NULL;
    struct row before, after;
    TRY(json_need_array(was, "requests", &rows_was));
    TRY(json_need_array(is, "requests", &rows_is));
    if (json_array_size(rows_was) != json_array_size(rows_is))
        return fail(ERR_MISMATCH, "the reports before and after have different requests");
    TRY(str_add(out, "| request | cases | exact match before | after | 95 % interval after | "
                     "ROUGE-L before | after |\n|---|---:|---:|---:|---:|---:|---:|\n"));
    for (size_t i = 0; i < json_array_size(rows_is); i++)
        TRY(request_pair(json_array_get(rows_was, i), json_array_get(rows_is, i), out));
    TRY(json_need_object(was, "scores", &scores_was));
    TRY(json_need_object(is, "scores", &scores_is));
    TRY(read_row(was, scores_was, &before));
    TRY(read_row(is, scores_is, &after));
    return add_pair(out, "all requests", &before, &after);
}

/* Any other task: "validation loss: 2.3145 before, 0.1234 after", one line a score. */
static err score_pairs(const json_t *was, const json_t *is, struct str *out) {
    const char *task = NULL, *score = NULL;
    json_t *scores_was = NULL, *scores_is = NULL, *value = NULL;
    TRY(json_need_string(is, "task", &task));
    TRY(json_need_object(was, "scores", &scores_was));
    TRY(json_need_object(is, "scores", &scores_is));
    json_object_foreach(scores_is, score, value) {
        double before = 0.0;
        TRY(json_need_number(scores_was, score, &before));
        TRY(str_printf(out, "\n%s %s: %.4f before, %.4f after\n", task, score, before,
                       json_number_value(value)));
    }
    return ERR_OK;
}

err report_table(const json_t *before, const json_t *after, struct str *out) {
    json_t *tasks = NULL;
    TRY(json_need_array(after, "tasks", &tasks));
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *is = json_array_get(tasks, i), *was = NULL;
        const char *task = NULL;
        TRY(json_need_string(is, "task", &task));
        TRY(report_task(before, task, &was));
        bool of_requests = strcmp(task, "requests") == 0;
        err result = of_requests ? requests_pairs(was, is, out) : score_pairs(was, is, out);
        if (result != ERR_OK) return fail_in(result, "task '%s'", task);
    }
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
    int64_t n = 0, correct = 0, n_errors = 0;
    TRY(json_need_string(part, "task", &task));
    TRY(json_need_string(part, "metric", &metric));
    TRY(json_need_object(part, "scores", &scores));
    TRY(json_need_int(part, "n", &n));
    TRY(json_need_int(part, "correct", &correct));
    TRY(json_need_int(part, "n_errors", &n_errors));
    TRY(str_printf(out, "%s %s: %.4f (%.3f to %.3f), %lld of %lld\n", task, metric,
                   json_number_value(json_object_get(scores, metric)),
                   json_number_value(json_array_get(interval, 0)),
                   json_number_value(json_array_get(interval, 1)), (long long)correct,
                   (long long)n));
    if (n_errors > 0)
        TRY(str_printf(out, "  of the others %lld end the official program with an error\n",
                       (long long)n_errors));
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
