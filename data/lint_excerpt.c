/* SPDX-License-Identifier: Apache-2.0
 * Which rows a report tells of, and the stretch of a row's text that it shows: around the place
 * that is told of, never cut within a character, with what data/sensitive.h finds masked. The
 * search goes over the whole text, since a stretch of it alone may not show what a number is.
 * Read next: data/lint_int.h, the contract. */
#include "base/arena.h"
#include "data/lint_int.h"
#include "data/sensitive.h"

void lint_worst_offer(struct lint_worst *w, int64_t row, double badness) {
    int64_t at = w->n;
    while (at > 0 && w->badness[at - 1] < badness) at--;
    if (at == LINT_WORST) return;
    if (w->n < LINT_WORST) w->n++;
    for (int64_t i = w->n - 1; i > at; i--) {
        w->rows[i] = w->rows[i - 1];
        w->badness[i] = w->badness[i - 1];
    }
    w->rows[at] = row;
    w->badness[at] = badness;
}

enum { BEFORE = 60, BEHIND = 100 }; /* bytes */

static bool within_character(struct span text, int64_t at) {
    return at > 0 && at < (int64_t)text.n && ((unsigned char)text.text[at] & 0xC0) == 0x80;
}

static err add_masked(struct span text, const struct sensitive_list *finds, int64_t begin,
                      int64_t end, struct str *out) {
    int64_t at = begin;
    for (int64_t i = 0; i < finds->n; i++) {
        const struct sensitive_find *find = &finds->items[i];
        if (find->row->what == SENSITIVE_LICENCE || find->end <= at) continue;
        if (find->begin >= end) break;
        if (find->begin > at) TRY(str_append(out, text.text + at, (size_t)(find->begin - at)));
        TRY(str_add(out, find->shown));
        at = find->end;
    }
    return at < end ? str_append(out, text.text + at, (size_t)(end - at)) : ERR_OK;
}

err lint_excerpt(struct span text, int64_t at, struct str *out) {
    struct arena arena = {0};
    struct sensitive_list finds;
    int64_t n = (int64_t)text.n, begin = at > BEFORE ? at - BEFORE : 0, end = at + BEHIND;
    if (!text.text) return ERR_OK;
    if (end > n) { /* near the end more of what comes before is shown */
        begin = begin > end - n ? begin - (end - n) : 0;
        end = n;
    }
    while (within_character(text, begin)) begin--;
    while (within_character(text, end)) end++;
    err e = sensitive_find(text.text, text.n, &arena, &finds);
    if (e == ERR_OK && begin > 0) e = str_add(out, "...");
    if (e == ERR_OK) e = add_masked(text, &finds, begin, end, out);
    if (e == ERR_OK && end < n) e = str_add(out, "...");
    arena_release(&arena);
    return e;
}
