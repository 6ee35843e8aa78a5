/* SPDX-License-Identifier: Apache-2.0
 * A report in Markdown, for the model card, for GitHub and for the end of `cotrain run`: tables of
 * requests and of tasks, and the model-index that model hubs read. Numbers have a fixed count of
 * digits, so that a card can be held against its reports later.
 * Read next: eval/rows.h, release/card.h. */
#ifndef COTRAIN_EVAL_MARKDOWN_H
#define COTRAIN_EVAL_MARKDOWN_H

#include "eval/report.h"

/* A text of somebody else's inside a line or a cell: what Markdown or HTML would make something of
 * is escaped, line ends become blanks, and what would steer a reader is shown as <U+202E>. */
MUST_CHECK err markdown_text(struct str *out, const char *text);

/* The tables, appended; `before` NULL: one report alone. */
MUST_CHECK err report_table(const json_t *before, const json_t *after, struct str *out);
/* "model-index:" of a model of that name, in YAML, appended: each score that the tables have,
 * before and after. Nothing where the report has no score. */
MUST_CHECK err report_model_index(const char *name, const json_t *before, const json_t *after,
                                  struct str *out);

#endif
