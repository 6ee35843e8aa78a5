/* SPDX-License-Identifier: Apache-2.0
 * Rows whose whole prompt and answer are an earlier row's, after normalisation
 * (data/text/normal.h): such a row weighs twice without anybody having decided so. Which row is the
 * first one with the same texts is found by data/lint.c, since other lints ask as well. */
#include "data/lint/lint.h"

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    (void)state;
    int64_t first = run->first_same[row];
    if (first == row) return ERR_OK;
    mark->badness = 1;
    if (!mark->note) return ERR_OK;
    TRY(str_add(mark->note, "the same as "));
    return lint_place(run, first, mark->note);
}

const struct lint lint_duplicates = {
    .name = "duplicates",
    .summary = "the prompt and answer of an earlier row, but for case, width and white space",
    .look = look,
};
