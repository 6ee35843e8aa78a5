/* SPDX-License-Identifier: Apache-2.0
 * The page of an evaluation (eval/page.h): summary, chart and tables; the items are
 * eval/page_items.c's.
 * Read next: base/html.h, base/chart.h. */
#include "eval/page.h"

#include "base/chart.h"
#include "base/html.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BUDGET = 3 << 20, MOST_RANGES = 24 };

/* ---- chart ---- */

static const char *name_of(const struct report_row *row) {
    if (row->scenario != NULL) return row->scenario;
    return strcmp(row->task, "requests") == 0 ? "all requests" : row->task;
}

err eval_page_chart(const struct report_rows *rows, struct str *out) {
    struct chart_range *ranges = mem_zalloc((size_t)rows->n + 1, sizeof *ranges);
    int64_t n = 0;
    if (ranges == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < rows->n; i++) {
        const struct report_row *row = &rows->rows[i];
        if (!row->has_interval) continue;
        ranges[n++] = (struct chart_range){.label = name_of(row),
                                           .has_before = row->has_before,
                                           .before = row->before,
                                           .before_low = row->before_interval.low,
                                           .before_high = row->before_interval.high,
                                           .after = row->after,
                                           .after_low = row->after_interval.low,
                                           .after_high = row->after_interval.high};
    }
    const struct chart_ranges chart = {
        .title = "Right answers",
        .summary = "Share of each request's and suite's items; bars are 95 % intervals.",
        .before = "before",
        .after = "after",
        .rows = ranges,
        .n = n,
        .most = MOST_RANGES};
    err result = chart_ranges(out, &chart);
    mem_free(ranges);
    return result;
}

/* ---- tables ---- */

enum { CELL = 48 };

static const char *write_number(char cell[CELL], bool is_there, double value, int digits) {
    if (!is_there) return "\xE2\x80\x93";
    snprintf(cell, CELL, "%.*f", digits, value);
    return cell;
}

static const char *write_count(char cell[CELL], bool is_there, int64_t value) {
    if (!is_there) return "\xE2\x80\x93";
    chart_number((double)value, cell);
    return cell;
}

static const char *write_interval(char cell[CELL], const struct report_row *row) {
    if (!row->has_interval) return "\xE2\x80\x93";
    snprintf(cell, CELL, "%.3f\xE2\x80\x93%.3f", row->after_interval.low, row->after_interval.high);
    return cell;
}

/* Better or worse, and whether that is more than chance. */
static const char *verdict_of(const struct report_row *row) {
    double gain = report_row_gain(row);
    bool sure = row->is_paired && row->p_value < 0.05;
    if (!row->has_before) return "";
    if (fabs(gain) < 1e-12) return "same";
    if (row->is_paired && !sure) return gain > 0 ? "better, or chance" : "worse, or chance";
    return gain > 0 ? "better" : "worse";
}

static err add_row(const struct html_table *table, const struct report_row *row, struct str *out) {
    char n[CELL], before[CELL], after[CELL], interval[CELL], won[CELL], lost[CELL], p[CELL];
    snprintf(p, sizeof p, "%.2g", row->p_value);
    const char *const cells[] = {name_of(row),
                                 row->score,
                                 write_count(n, row->n > 0, row->n),
                                 write_number(before, row->has_before, row->before, 4),
                                 write_number(after, true, row->after, 4),
                                 write_interval(interval, row),
                                 write_count(won, row->is_paired, row->won),
                                 write_count(lost, row->is_paired, row->lost),
                                 row->is_paired ? p : "\xE2\x80\x93",
                                 verdict_of(row)};
    return html_table_row(out, table, cells);
}

err eval_page_tables(const struct report_rows *rows, struct str *out) {
    static const char *const columns[] = {"request or task", "score", "items", "before", "after",
                                          "95 % interval",   "won",   "lost",  "p",      ""};
    static const struct html_table table = {
        .caption = "Won and lost are items that only the model after, or only the one before, "
                   "answers right; p is McNemar's exact test of these two counts.",
        .columns = columns,
        .numbers = "ttnnnnnnnt",
        .n_columns = 10};
    TRY(html_table_begin(out, &table));
    for (int64_t i = 0; i < rows->n; i++) TRY(add_row(&table, &rows->rows[i], out));
    return html_table_end(out);
}

/* ---- the page ---- */

static err add_subject(const char *what, const json_t *report, struct str *out) {
    const json_t *subject = json_object_get(report, "subject");
    const char *adapter = json_string_value(json_object_get(subject, "adapter"));
    TRY(str_printf(out, "<p class=\"soft\">%s: model <span class=\"hash\">", what));
    TRY(html_add(out, json_text_of(subject, "model")));
    TRY(str_add(out, "</span>"));
    if (adapter != NULL) {
        TRY(str_add(out, ", adapter <span class=\"hash\">"));
        TRY(html_add(out, adapter));
        TRY(str_add(out, "</span>"));
    }
    return str_add(out, "</p>\n");
}

static err add_fact(struct str *out, const char *what, int64_t value) {
    char text[32];
    chart_number((double)value, text);
    return str_printf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", what, text);
}

static err add_summary(const struct eval_page *p, const struct report_rows *rows, struct str *out) {
    int64_t n = 0, won = 0, lost = 0, n_tasks = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        const struct report_row *row = &rows->rows[i];
        if (row->request != NULL || !row->is_metric) continue;
        n_tasks++;
        n += row->n;
        won += row->won;
        lost += row->lost;
    }
    TRY(str_add(out, "<h1>Evaluation</h1>\n"));
    if (p->before != NULL) TRY(add_subject("Before", p->before, out));
    TRY(add_subject(p->before != NULL ? "After" : "Of", p->after, out));
    TRY(str_add(out, "<nav aria-label=\"Sections\"><a href=\"#scores\">Scores</a>"
                     "<a href=\"#items\">Items</a></nav>\n<dl class=\"facts\">\n"));
    TRY(add_fact(out, "tasks", n_tasks));
    TRY(add_fact(out, "items", n));
    if (p->before != NULL) {
        TRY(add_fact(out, "won", won));
        TRY(add_fact(out, "lost", lost));
    }
    return str_add(out, "</dl>\n");
}

static const json_t *part_of(const json_t *report, const char *task) {
    json_t *part = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        if (strcmp(json_text_of(part, "task"), task) == 0) return part;
    }
    return NULL;
}

static err add_items(const struct eval_page *p, struct str *out) {
    int64_t n_cut = 0, text_bytes = eval_page_text_bytes(p, TEXT_BUDGET, &n_cut);
    json_t *part = NULL;
    size_t i = 0;
    TRY(html_section(out, "items", "Items"));
    if (n_cut > 0)
        TRY(str_printf(out,
                       "<p>%lld texts are cut to %lld bytes; the report, a JSON file, has them "
                       "whole.</p>\n",
                       (long long)n_cut, (long long)text_bytes));
    json_array_foreach(json_object_get(p->after, "tasks"), i, part) {
        const struct eval_page_items items = {.was = part_of(p->before, json_text_of(part, "task")),
                                              .is = part,
                                              .answers_before = p->answers_before,
                                              .answers_after = p->answers_after,
                                              .number = (int)i,
                                              .text_bytes = text_bytes};
        if (json_array_size(json_object_get(part, "items")) > 0) TRY(eval_page_items(&items, out));
    }
    return ERR_OK;
}

static err write_all(const struct eval_page *p, const struct report_rows *rows, struct str *out) {
    TRY(html_begin(out, "Evaluation", "en"));
    TRY(add_summary(p, rows, out));
    TRY(html_section(out, "scores", "Scores"));
    TRY(str_add(out, "<div class=\"charts\">\n"));
    TRY(eval_page_chart(rows, out));
    TRY(str_add(out, "</div>\n"));
    TRY(eval_page_tables(rows, out));
    TRY(add_items(p, out));
    return html_end(out);
}

err eval_page_write(const struct eval_page *p, struct str *out) {
    struct report_rows rows;
    err result = report_rows(p->before, p->after, &rows);
    if (result == ERR_OK) result = write_all(p, &rows, out);
    report_rows_release(&rows);
    return result;
}
