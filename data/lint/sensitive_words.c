/* SPDX-License-Identifier: Apache-2.0
 * Words of the user's own list (data.sensitive_words), and where they stand.
 * Without a list there is nothing to find, which is no fault.
 * How a list is read and what counts as one of its words is said in data/text/word_list.h. */
#include "data/lint/lint.h"
#include "data/text/normal.h"
#include "data/text/word_list.h"

static err prepare(const struct lint_run *run, void **out) {
    struct word_list *w = NULL;
    *out = NULL;
    if (!run->words) return ERR_OK;
    err e = word_list_read(&w, run->words);
    *out = w;
    return e;
}

struct looking {
    const struct word_list *words;
    struct lint_mark *mark;
    struct normal normal;
    int64_t n;
};

static err look_text(void *ctx, struct span text, bool trained) {
    struct looking *l = ctx;
    const char *word;
    (void)trained;
    TRY(normal_set(&l->normal, text.text, text.n));
    for (int64_t from = 0; (word = word_list_find(l->words, &l->normal, &from)) != NULL;) {
        if (l->n++ == 0) l->mark->text = text;
        if (l->n <= 3) TRY(lint_note(l->mark, "%s'%s'", l->n > 1 ? ", " : "", word));
    }
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    struct looking l = {.words = state, .mark = mark};
    if (!l.words) return ERR_OK;
    err e = lint_each_text(&run->rows[row], look_text, &l);
    normal_release(&l.normal);
    mark->badness = (double)l.n;
    if (e == ERR_OK && l.n > 3) e = lint_note(mark, " and %lld more", (long long)(l.n - 3));
    return e;
}

static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    const struct word_list *w = state;
    (void)run;
    (void)share;
    return json_put(out, "words", json_integer(w ? word_list_count(w) : 0));
}

static void release(void *state) {
    word_list_free(state);
}

const struct lint lint_sensitive_words = {
    .name = "sensitive_words",
    .summary = "words of the list that data.sensitive_words names",
    .prepare = prepare,
    .look = look,
    .facts = facts,
    .release = release,
};
