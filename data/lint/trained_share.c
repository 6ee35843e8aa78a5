/* SPDX-License-Identifier: Apache-2.0
 * How many of the tokens are trained: those of answers and the <eod> that ends each. Rows that
 * train nothing count as found, and the longest of them are told. The limit is the least share of
 * all tokens together: a row of long context and a short answer is not wrong, a dataset of nothing
 * else costs more than it teaches. */
#include "data/lint/lint.h"

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    (void)state;
    const struct lint_row *r = &run->rows[row];
    if (r->n_trained > 0) return ERR_OK;
    mark->badness = r->n_tokens;
    return lint_note(mark, "none of its %d tokens is trained", r->n_tokens);
}

static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    (void)state;
    int64_t n_trained = 0, n_tokens = 0;
    for (int64_t i = 0; i < run->n; i++) {
        n_trained += run->rows[i].n_trained;
        n_tokens += run->rows[i].n_tokens;
    }
    *share = n_tokens > 0 ? (double)n_trained / (double)n_tokens : 0;
    TRY(json_put(out, "tokens", json_integer(n_tokens)));
    return json_put(out, "trained_tokens", json_integer(n_trained));
}

const struct lint lint_trained_share = {
    .name = "trained_share",
    .summary = "rows without a trained token; the share is that of trained tokens in all tokens",
    .least = true,
    .look = look,
    .facts = facts,
};
