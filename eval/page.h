/* SPDX-License-Identifier: Apache-2.0
 * An evaluation as one page of HTML (base/html.h): shares with their intervals, a table of every
 * score, and every item to open: what was asked, what was expected, what came, before and after,
 * sorted and chosen by lost, won, wrong, right. No script is needed. Of sealed cases the page has
 * what the report has, hashes. Long texts are cut so that thousands of items stay a few megabytes;
 * the page says how many, and the report has them whole.
 * Read next: eval/rows.h, eval/page_items.c. */
#ifndef COTRAIN_EVAL_PAGE_H
#define COTRAIN_EVAL_PAGE_H

#include "eval/rows.h"

struct eval_page {
    const json_t *before; /* report, or NULL: there is none */
    const json_t *after;
    /* Kept answers, {TASK: [lines]} (score_read_all), or NULL: suites' prompts and whole answers,
     * which reports have not. */
    const json_t *answers_before, *answers_after;
};
/* Appends the page; the same reports give the same bytes. */
MUST_CHECK err eval_page_write(const struct eval_page *p, struct str *out);

/* Its parts, which a release's page has, too. The chart of all shares that have an interval: */
MUST_CHECK err eval_page_chart(const struct report_rows *rows, struct str *out);
/* The tables. */
MUST_CHECK err eval_page_tables(const struct report_rows *rows, struct str *out);
/* The items of one task. */
struct eval_page_items {
    const json_t *was, *is; /* parts of the reports; `was` may be NULL */
    const json_t *answers_before, *answers_after;
    int number;         /* of this list on its page */
    int64_t text_bytes; /* what is shown of a text at most */
    int64_t most;       /* items of each kind (lost, won ...) at most; 0: all */
};
MUST_CHECK err eval_page_items(const struct eval_page_items *p, struct str *out);

/* The most bytes of a text that let all texts of the page together stay within `budget` bytes (256
 * at least), and how many texts that cuts. */
int64_t eval_page_text_bytes(const struct eval_page *p, int64_t budget, int64_t *out_n_cut);

#endif
