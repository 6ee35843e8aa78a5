/* SPDX-License-Identifier: Apache-2.0
 * Examples that a request gives: pairs behind labels, objects of JSON in blocks of code or on lines
 * of their own, rows of tables, "prompt -> response" on a line.
 * Read next: issues/read/reading.h, where they go. */
#ifndef COTRAIN_ISSUES_READ_EXAMPLES_H
#define COTRAIN_ISSUES_READ_EXAMPLES_H

#include "issues/read/label.h"

/* Each adds what it finds to the reading. `a` holds the texts. */
MUST_CHECK err examples_json(const struct text *t, struct range r, struct arena *a,
                             struct reading *out);
MUST_CHECK err examples_tables(const struct text *t, struct range r, struct arena *a,
                               struct reading *out);
/* The value of an example's label that has no labels inside: lines with arrows, or the text
 * whole. */
MUST_CHECK err examples_words(const struct text *t, struct range r, struct arena *a,
                              struct reading *out);

/* The cells of a row, trimmed; how many. */
enum { CELLS_MAX = 12 };
int table_cells(const struct text *t, struct range row, struct range out[CELLS_MAX]);

#endif
