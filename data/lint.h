/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with the rows of a dataset, before they are trained on: duplicates, conflicts,
 * answers cut short, secrets, and whatever else is a row of data/lint/lints.def. A build writes the
 * report as lint.json into the dataset folder; limits of the recipe (data.lint) are held against it
 * before training. Held-out cases are never looked at.
 *   lint.json  {"format": "cotrain-lint", "version": 1, "rows": N, "lints": [{"name", "summary",
 *              "rows", "share", facts..., "worst": [{"split", "row", "file", "line", "part",
 *              "badness", "note", "excerpt"}]}]}
 * `share` is rows of all rows (of `trained_share`: trained tokens of all tokens). Of each lint the
 * ten worst rows are told; personal data and secrets in excerpts are masked. */
#ifndef COTRAIN_DATA_LINT_H
#define COTRAIN_DATA_LINT_H

#include "base/json.h"
#include "base/opt.h"
#include "data/corpus.h"
#include "data/dataset/dataset.h"
#include "data/tokens/rows.h"

enum { LINT_WORST = 10 };

/* A row that was built. */
struct lint_row {
    const struct sample *sample;
    int32_t part; /* as struct row_text's */
    int32_t split;
    int64_t row; /* of the split */
    int32_t n_tokens, n_trained, n_sep, n_eod;
    bool ends; /* with <eod> */
};
struct lint_row lint_row_of(const struct row_text *text, const struct row_tokens *tokens,
                            int32_t sep, int32_t eod);

struct lint_input {
    const struct corpus *corpus;
    const struct lint_row *rows; /* in the order of the dataset */
    int64_t n;
    const char *words; /* file of words, one a line, that no row should have; NULL: none */
};
/* The same input gives the same report, whatever the number of threads. The caller
 * json_decref()s. */
MUST_CHECK err lint_run(const struct lint_input *input, json_t **out);

/* The report of a dataset folder. With sequence_len over 0 `overlong` is added: rows that do not
 * fit training's rows. */
MUST_CHECK err lint_read(const struct dataset *d, int64_t sequence_len, json_t **out);

extern const char lint_overlong[], lint_overlong_summary[]; /* its name, and what it finds */

/* Limits: items "name: number", each the largest share of rows (0 to 1) that a lint may find, or
 * for `trained_share` the least. Unknown names and numbers out of range are refused. */
MUST_CHECK err lint_limits_check(const struct opt_list *limits);
/* The limit of a lint; false: it has none. */
bool lint_limit(const struct opt_list *limits, const char *lint, double *out);
/* ERR_GATE when a limit is exceeded: which lint, its number, the limit, and the worst rows. */
MUST_CHECK err lint_gate(const json_t *report, const struct opt_list *limits);

#endif
