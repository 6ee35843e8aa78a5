/* SPDX-License-Identifier: Apache-2.0
 * Built rows whose <sep> and <eod> are not where training expects them: one <sep> before and one
 * <eod> behind each answer, <eod> last. Texts cannot bring either token in (data/source/read.c);
 * rows that come as tokens can. */
#include "data/lint/lint.h"

/* Of a conversation the turns say how many; of segments and ids each <eod> of a row that asks and
 * answers has its <sep>, and plain text has none. */
static void count_wanted(const struct lint_row *r, int64_t *n_sep, int64_t *n_eod) {
    if (r->sample->kind == SAMPLE_TURNS) {
        *n_eod = r->part > 0 ? 1 : r->sample->n;
        *n_sep = *n_eod;
    } else {
        *n_eod = r->n_eod > 1 && lint_asks(r) ? r->n_eod : 1;
        *n_sep = lint_asks(r) ? *n_eod : 0;
    }
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    const struct lint_row *r = &run->rows[row];
    int64_t n_sep, n_eod;
    (void)state;
    count_wanted(r, &n_sep, &n_eod);
    int64_t off_sep = r->n_sep > n_sep ? r->n_sep - n_sep : n_sep - r->n_sep;
    int64_t off_eod = r->n_eod > n_eod ? r->n_eod - n_eod : n_eod - r->n_eod;
    if (off_sep + off_eod == 0 && r->ends) return ERR_OK;
    mark->badness = (double)(off_sep + off_eod + (r->ends ? 0 : 1));
    return lint_note(mark, "%d <sep> where %lld belong, %d <eod> where %lld do%s", r->n_sep,
                     (long long)n_sep, r->n_eod, (long long)n_eod,
                     r->ends ? "" : ", and no <eod> at the end");
}

const struct lint lint_separators = {
    .name = "separators",
    .summary = "<sep> or <eod> missing or doubled in the tokens",
    .look = look,
};
