/* SPDX-License-Identifier: Apache-2.0
 * Line ends written in another convention than the one that is trained (the character U+000A, which
 * Yuan's own text files write <n>): a literal <n>, a carriage return, or a backslash and an n where
 * a line should end. The last is only told of in a text that has no line end at all, and not within
 * quotes, paths and formulas: there "\n" is what it looks like. */
#include "data/lint/lint.h"
#include <string.h>

struct counts {
    int64_t tags, returns, escapes, newlines;
};

static size_t word_length(struct span t, size_t at) {
    size_t n = 0;
    while (at + n < t.n && ((t.text[at + n] | 0x20) >= 'a') && (t.text[at + n] | 0x20) <= 'z') n++;
    return n;
}

/* A command of LaTeX that begins with n. */
static bool formula(const char *word, size_t n) {
    static const char *const words[] = {
        "nu",       "ne",       "neq",  "neg",      "not",     "ni",         "nabla",   "newline",
        "noindent", "nolimits", "nmid", "nonumber", "nearrow", "newcommand", "newpage", "nexists"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0) return true;
    return false;
}

/* Backslash and n that stand neither in quotes nor in a path after a drive's letter (C:\new) nor
 * for a sign of a formula. */
static int64_t count_escapes(struct span t, int64_t *first) {
    int64_t n = 0;
    bool quoted = false, path = false;
    for (size_t i = 0; i + 1 < t.n; i++) {
        char c = t.text[i];
        if (c == '"' || c == '`') quoted = !quoted;
        if (c == ' ') path = false;
        if (c != '\\') continue;
        path = path || (i > 0 && t.text[i - 1] == ':');
        bool escape = t.text[i + 1] == 'n' && !quoted && !path &&
                      !formula(t.text + i + 1, word_length(t, i + 1));
        if (escape && n++ == 0) *first = (int64_t)i;
        i++; /* "\\n" is a backslash and an n */
    }
    return n;
}

static int64_t count(struct span t, const char *what, int64_t *first) {
    int64_t n = 0;
    size_t len = strlen(what);
    const char *at = t.text, *end = t.text + t.n;
    while (at < end && (at = memmem(at, (size_t)(end - at), what, len)) != NULL) {
        if (n++ == 0) *first = at - t.text;
        at += len;
    }
    return n;
}

struct looking {
    struct lint_mark *mark;
    struct counts all;
};

static err look_text(void *ctx, struct span text, bool trained) {
    struct looking *l = ctx;
    int64_t at = 0, ignored = 0;
    (void)trained;
    if (text.n == 0) return ERR_OK;
    struct counts c = {.newlines = count(text, "\n", &ignored)};
    c.escapes = c.newlines == 0 ? count_escapes(text, &at) : 0;
    c.returns = count(text, "\r", &at);
    c.tags = count(text, "<n>", &at);
    int64_t n = c.tags + c.returns + c.escapes;
    if (n > 0 && l->mark->badness <= 0) {
        l->mark->text = text;
        l->mark->at = at;
    }
    l->mark->badness += (double)n;
    l->all.tags += c.tags;
    l->all.returns += c.returns;
    l->all.escapes += c.escapes;
    l->all.newlines += c.newlines;
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    struct looking l = {.mark = mark};
    (void)state;
    TRY(lint_each_text(&run->rows[row], look_text, &l));
    if (mark->badness <= 0) return ERR_OK;
    return lint_note(mark, "%lld of <n>, %lld carriage returns, %lld of \\n beside %lld line ends",
                     (long long)l.all.tags, (long long)l.all.returns, (long long)l.all.escapes,
                     (long long)l.all.newlines);
}

const struct lint lint_newlines = {
    .name = "newlines",
    .summary = "line ends written as <n>, as \\n or with a carriage return",
    .look = look,
};
