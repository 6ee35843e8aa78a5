/* SPDX-License-Identifier: Apache-2.0
 * Pages of HTML that carry other people's texts. A page is one file: its style is inside, nothing
 * is fetched, and a policy in its head forbids scripts besides; it follows the reader's light or
 * dark setting, fits a telephone, and prints. Texts go through html_text and nothing else.
 * Read next: base/chart.h, pictures of numbers for such a page. */
#ifndef COTRAIN_BASE_HTML_H
#define COTRAIN_BASE_HTML_H

#include "base/err.h"
#include "base/str.h"
#include <stddef.h>

/* Appends a text as content or as a quoted attribute: markup is escaped, bytes that are no UTF-8
 * become U+FFFD, and what would steer a reader (controls but tab and newline, invisible and
 * bidirectional characters) is shown as <U+202E>. */
MUST_CHECK err html_text(struct str *out, const char *text, size_t n);
MUST_CHECK err html_add(struct str *out, const char *text);

/* A text where there is little room: cut to `units` of half the font's height (a Chinese character
 * is two). */
MUST_CHECK err html_label(struct str *out, const char *text, int units);

/* From the document's type to its opened <main>. `lang` as in "en". */
MUST_CHECK err html_begin(struct str *out, const char *title, const char *lang);
MUST_CHECK err html_end(struct str *out);
/* <h2 id="id">title</h2>; both are the program's own texts. */
MUST_CHECK err html_section(struct str *out, const char *id, const char *title);

/* A table whose first line names the columns. `numbers` has a letter a column: 'n' is a number, set
 * to the right; 't' a text; 'c' a text in fixed width that may break anywhere (a hash). */
struct html_table {
    const char *caption; /* may be NULL */
    const char *const *columns;
    const char *numbers;
    int n_columns;
};
MUST_CHECK err html_table_begin(struct str *out, const struct html_table *t);
/* One row of `n_columns` texts; NULL is an empty cell. */
MUST_CHECK err html_table_row(struct str *out, const struct html_table *t,
                              const char *const *cells);
MUST_CHECK err html_table_end(struct str *out);

#endif
