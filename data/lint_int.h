/* SPDX-License-Identifier: Apache-2.0
 * What data/lint.c (running the lints) and data/lint_rows.c (reports read back, held against
 * limits) share: the version of the report and the excerpt of a text. Nobody else includes it.
 * Read next: data/lint.h. */
#ifndef COTRAIN_DATA_LINT_INT_H
#define COTRAIN_DATA_LINT_INT_H

#include "data/lint.h"
#include "data/text/span.h"

enum { LINT_VERSION = 1 };

/* The rows with the most badness, earlier ones first where it is the same; zeroed is empty. Rows
 * are offered in ascending order. */
struct lint_worst {
    int64_t rows[LINT_WORST];
    double badness[LINT_WORST];
    int64_t n;
};
void lint_worst_offer(struct lint_worst *w, int64_t row, double badness);

/* Appends a stretch of the text around byte `at`, "..." where it is cut; personal data and secrets
 * are masked, also those that the stretch would cut in two. */
MUST_CHECK err lint_excerpt(struct span text, int64_t at, struct str *out);

#endif
