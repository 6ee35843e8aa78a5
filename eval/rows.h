/* SPDX-License-Identifier: Apache-2.0
 * The numbers of a report, alone or before and after, as rows: one for each score of each request
 * and task. The card's table, the pages and the comparison of releases are made from these rows, so
 * they say the same.
 * Read next: eval/markdown.h, eval/page.h. */
#ifndef COTRAIN_EVAL_ROWS_H
#define COTRAIN_EVAL_ROWS_H

#include "eval/metrics.h"
#include "eval/report.h"

struct report_row {
    const char *task, *score;       /* names; all texts are the reports' */
    const char *request, *scenario; /* of one request's cases; NULL: the task's as a whole */
    bool is_metric;                 /* the task's own score */
    bool higher_is_better;
    int64_t n; /* items; 0: the score is no share of items */
    bool has_before;
    double before, after;
    bool has_interval; /* of 95 %, and of the task's own score alone */
    struct interval before_interval, after_interval;
    bool is_paired; /* won and lost are counted item by item, and tested by McNemar's test */
    int64_t won, lost;
    double p_value;
};
struct report_rows {
    struct report_row *rows; /* in the order of the report after; requests before their task */
    int64_t n, capacity;
};

/* `before` NULL: there is none. A task that only `after` has, has no before; reports of other
 * requests or numbers of cases are ERR_MISMATCH, since their shares are not of the same thing. The
 * reports must outlive the rows. The caller releases, after a failure too. */
MUST_CHECK err report_rows(const json_t *before, const json_t *after, struct report_rows *out);
void report_rows_release(struct report_rows *r);
/* The same as JSON, {"rows": [{"task", "score", "request", "scenario", "n", "before", "after",
 * "interval", "interval_before", "won", "lost", "p_value"}]}; what there is not is left out. The
 * caller json_decref()s. */
MUST_CHECK err report_rows_json(const json_t *before, const json_t *after, json_t **out);
/* By how much it got better: over 0 better, below worse. Only where there is a before. */
double report_row_gain(const struct report_row *row);

#endif
