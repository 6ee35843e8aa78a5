/* SPDX-License-Identifier: Apache-2.0
 * Personal data, secrets, and words that speak of a licence, as data/sensitive.h finds them: three
 * lints over one search, which data/lint.c makes once for each row. Notes show a find as that
 * module says it may be shown. */
#include "base/arena.h"
#include "data/lint/lint.h"
#include "data/sensitive.h"

struct telling {
    enum sensitive_class what;
    struct lint_mark *mark;
    int64_t n;
};

static err tell(void *ctx, struct span text, bool trained) {
    struct telling *t = ctx;
    struct arena arena = {0};
    struct sensitive_list list;
    (void)trained;
    err e = sensitive_find(text.text, text.n, &arena, &list);
    for (int64_t i = 0; e == ERR_OK && i < list.n; i++) {
        const struct sensitive_find *find = &list.items[i];
        if (find->row->what != t->what) continue;
        if (t->n++ == 0) {
            t->mark->text = text;
            t->mark->at = find->begin;
        }
        if (t->n <= 3)
            e = lint_note(t->mark, "%s%s %s", t->n > 1 ? ", " : "", find->row->name, find->shown);
    }
    arena_release(&arena);
    return e;
}

static err look(const struct lint_run *run, int64_t row, enum sensitive_class what,
                struct lint_mark *mark) {
    struct telling t = {what, mark, 0};
    mark->badness = run->sensitive[row][what];
    if (mark->badness == 0 || !mark->note) return ERR_OK;
    TRY(lint_each_text(&run->rows[row], tell, &t));
    return t.n > 3 ? lint_note(mark, " and %lld more", (long long)(t.n - 3)) : ERR_OK;
}

static err personal(const struct lint_run *run, const void *state, int64_t row,
                    struct lint_mark *mark) {
    (void)state;
    return look(run, row, SENSITIVE_PERSONAL, mark);
}
static err secrets(const struct lint_run *run, const void *state, int64_t row,
                   struct lint_mark *mark) {
    (void)state;
    return look(run, row, SENSITIVE_SECRET, mark);
}
static err licence_words(const struct lint_run *run, const void *state, int64_t row,
                         struct lint_mark *mark) {
    (void)state;
    return look(run, row, SENSITIVE_LICENCE, mark);
}

const struct lint lint_personal = {
    .name = "personal",
    .summary = "personal data: telephone and identity numbers, addresses of mail and machines",
    .look = personal,
};
const struct lint lint_secrets = {
    .name = "secrets",
    .summary = "keys, tokens and passwords",
    .look = secrets,
};
const struct lint lint_licence_words = {
    .name = "licence_words",
    .summary = "words that forbid or limit use: copyright notices, confidential, study only",
    .look = licence_words,
};
