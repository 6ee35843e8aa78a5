/* SPDX-License-Identifier: Apache-2.0
 * Reports in Markdown (eval/markdown.h), from the rows of eval/rows.h: a line of the first table
 * holds a request's own score and ROUGE-L, a line of the second one score of a task.
 * Read next: eval/rows.c. */
#include "eval/markdown.h"

#include "base/json.h"
#include "eval/rows.h"
#include "eval/task.h"
#include <string.h>

err markdown_text(struct str *out, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t size = utf8_next_any(text + i, n - i, &c);
        i += size;
        if (c == '\n' || c == '\r' || c == '\t')
            TRY(str_add(out, " "));
        else if (utf8_steers(c))
            TRY(str_printf(out, "\\<U+%04X\\>", c));
        else if (c < 0x80 && strchr("\\`*_[]<>|~&#$", (int)c) != NULL)
            TRY(str_printf(out, "\\%c", (char)c));
        else
            TRY(str_codepoint(out, c));
    }
    return ERR_OK;
}

/* ---- tables ---- */

static err add_number(struct str *out, bool is_there, double value, int digits) {
    if (!is_there) return str_add(out, " \xE2\x80\x93 |");
    return str_printf(out, " %.*f |", digits, value);
}

/* "interval after | won | lost | p |" */
static err add_certainty(struct str *out, const struct report_row *row) {
    if (row->has_interval)
        TRY(str_printf(out, " %.3f\xE2\x80\x93%.3f |", row->after_interval.low,
                       row->after_interval.high));
    else
        TRY(str_add(out, " \xE2\x80\x93 |"));
    if (!row->is_paired) return str_add(out, " \xE2\x80\x93 | \xE2\x80\x93 | \xE2\x80\x93 |");
    return str_printf(out, " %lld | %lld | %.2g |", (long long)row->won, (long long)row->lost,
                      row->p_value);
}

/* Whether a row is of the first table: cases, whose scores are two. */
static bool is_of_requests(const json_t *after, const struct report_row *row) {
    const json_t *part = NULL;
    if (row->request != NULL) return true;
    return report_task(after, row->task, &part) == ERR_OK &&
           json_object_get(part, "requests") != NULL;
}

/* Both scores of some cases are neighbours: the task's own, then ROUGE-L. */
static err add_cases(struct str *out, const struct report_row *own,
                     const struct report_row *rouge) {
    TRY(str_add(out, "| "));
    if (own->scenario != NULL)
        TRY(markdown_text(out, own->scenario));
    else
        TRY(str_printf(out, "all %s", strcmp(own->task, "requests") == 0 ? "requests" : own->task));
    TRY(str_printf(out, " | %lld |", (long long)own->n));
    TRY(add_number(out, own->has_before, own->before, 3));
    TRY(add_number(out, true, own->after, 3));
    TRY(add_certainty(out, own));
    TRY(add_number(out, rouge != NULL && rouge->has_before, rouge != NULL ? rouge->before : 0, 3));
    TRY(add_number(out, rouge != NULL, rouge != NULL ? rouge->after : 0, 3));
    return str_add(out, "\n");
}

static err add_requests_table(const json_t *after, const struct report_rows *r, struct str *out) {
    bool begun = false;
    for (int64_t i = 0; i < r->n; i++) {
        const struct report_row *own = &r->rows[i], *rouge = own + 1;
        if (!is_of_requests(after, own) || !own->is_metric) continue;
        if (!begun)
            TRY(str_add(out, "| request | cases | exact match before | after | 95 % interval after "
                             "| won | lost | p | ROUGE-L before | after |\n"
                             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"));
        begun = true;
        bool has_rouge = i + 1 < r->n && !rouge->is_metric && strcmp(rouge->score, "rouge_l") == 0;
        TRY(add_cases(out, own, has_rouge ? rouge : NULL));
    }
    return ERR_OK;
}

static err add_tasks_table(const json_t *after, const struct report_rows *r, bool behind_another,
                           struct str *out) {
    bool begun = false;
    for (int64_t i = 0; i < r->n; i++) {
        const struct report_row *row = &r->rows[i];
        if (is_of_requests(after, row)) continue;
        if (!begun)
            TRY(str_printf(out,
                           "%s| task | score | items | before | after | 95 %% interval after "
                           "| won | lost | p |\n"
                           "|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
                           behind_another ? "\n" : ""));
        begun = true;
        TRY(str_printf(out, "| `%s` | `%s` |", row->task, row->score));
        TRY(row->n > 0 ? str_printf(out, " %lld |", (long long)row->n)
                       : str_add(out, " \xE2\x80\x93 |"));
        TRY(add_number(out, row->has_before, row->before, 4));
        TRY(add_number(out, true, row->after, 4));
        TRY(add_certainty(out, row));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

err report_table(const json_t *before, const json_t *after, struct str *out) {
    struct report_rows rows;
    size_t from = out->len;
    err result = report_rows(before, after, &rows);
    if (result == ERR_OK) result = add_requests_table(after, &rows, out);
    if (result == ERR_OK) result = add_tasks_table(after, &rows, out->len > from, out);
    report_rows_release(&rows);
    return result;
}

/* ---- model-index ---- */

static err add_key(struct str *out, const char *key, const char *text) {
    TRY(str_printf(out, "%s: ", key));
    TRY(json_quote(out, text));
    return str_add(out, "\n");
}

static err add_metric(struct str *out, const char *type, const char *when, double value) {
    return str_printf(out, "    - type: %s\n      name: \"%s, %s\"\n      value: %.6f\n", type,
                      type, when, value);
}

/* The data of a result, which hubs know by type and name. */
static err add_result(struct str *out, const struct report_row *row) {
    bool of_request = row->request != NULL;
    TRY(str_add(out, "  - task:\n      type: text-generation\n"));
    TRY(add_key(out, "      name", of_request ? row->scenario : row->task));
    TRY(str_add(out, "    dataset:\n"));
    TRY(add_key(out, "      type", of_request ? row->request : row->task));
    TRY(add_key(out, "      name", of_request ? "held-out cases of the request" : row->task));
    return str_add(out, "    metrics:\n");
}

static bool same_data(const struct report_row *a, const struct report_row *b) {
    if (strcmp(a->task, b->task) != 0 || (a->request == NULL) != (b->request == NULL)) return false;
    return a->request == NULL || strcmp(a->request, b->request) == 0;
}

err report_model_index(const char *name, const json_t *before, const json_t *after,
                       struct str *out) {
    struct report_rows rows;
    err result = report_rows(before, after, &rows);
    if (result == ERR_OK && rows.n > 0) result = str_add(out, "model-index:\n");
    if (result == ERR_OK && rows.n > 0) result = add_key(out, "- name", name);
    if (result == ERR_OK && rows.n > 0) result = str_add(out, "  results:\n");
    for (int64_t i = 0; i < rows.n && result == ERR_OK; i++) {
        const struct report_row *row = &rows.rows[i];
        if (row->request == NULL && is_of_requests(after, row)) continue; /* each has its own */
        if (i == 0 || !same_data(row, row - 1)) result = add_result(out, row);
        if (result == ERR_OK && row->has_before)
            result = add_metric(out, row->score, "before", row->before);
        if (result == ERR_OK) result = add_metric(out, row->score, "after", row->after);
    }
    report_rows_release(&rows);
    return result;
}
