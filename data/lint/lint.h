/* SPDX-License-Identifier: Apache-2.0
 * A lint looks at every row of a dataset for one kind of trouble and says how bad it is there. Each
 * is data/lint/<name>.c with one `const struct lint lint_<name>` and a line in data/lint/lints.def;
 * data/lint.c runs them over all rows side by side, counts, and keeps the worst. `look` is a pure
 * function of the run and the state: it is called once for each row, and again, with a note to
 * write, for the few rows that are told.
 * Read next: data/lint.h, what comes out. */
#ifndef COTRAIN_DATA_LINT_LINT_H
#define COTRAIN_DATA_LINT_LINT_H

#include "base/json.h"
#include "base/str.h"
#include "data/corpus.h"
#include "data/lint.h"

enum { LINT_KEY = 32 }; /* characters of a key; keys are equal as the normalised texts are */

struct lint_run {
    const struct corpus *corpus;
    const struct lint_row *rows;
    int64_t n;
    const char *words; /* file of words to look for; NULL: none */
    /* Of each row: its whole prompt's key and its answer's; in the order of the rows, the first one
     * that has the same of both (itself: there is none before it). */
    const char (*keys)[2 * LINT_KEY];
    const int64_t *first_same;
    /* Of each row: how many finds of each enum sensitive_class there are, at most 255. */
    const uint8_t (*sensitive)[3];
};

/* What `look` says of a row. */
struct lint_mark {
    double badness;   /* 0: nothing; the rows told are those with the most, earlier ones first */
    struct span text; /* for the excerpt; text NULL: the row's first text */
    int64_t at;       /* byte of it that the excerpt shows */
    struct str *note; /* NULL: nobody asks; see lint_note */
};

struct lint {
    const char *name, *summary;
    /* Only for `trained_share`: the share is of tokens, and its limit is the least one. */
    bool least;
    err (*prepare)(const struct lint_run *run, void **out); /* NULL: no state */
    err (*look)(const struct lint_run *run, const void *state, int64_t row, struct lint_mark *mark);
    /* Facts about all rows for the report; may be NULL. Sets *share only where `least`. */
    err (*facts)(const struct lint_run *run, const void *state, json_t *out, double *share);
    void (*release)(void *state); /* of a state that may be half made */
};

#define LINT(name) extern const struct lint lint_##name;
#include "data/lint/lints.def"
#undef LINT
extern const struct lint *const lints[];
extern const int n_lints;

/* Calls look(ctx, text, trained) for the texts of a row in order, until one is an error: prompts,
 * answers and segments. Of a conversation only those that the row adds to the rows of its sample
 * before it, so that its start is not counted with each of its rows. */
MUST_CHECK err lint_each_text(const struct lint_row *row,
                              err (*look)(void *ctx, struct span text, bool trained), void *ctx);
/* The same for what asks and what is trained to answer it: each trained turn by itself; of segments
 * all that is only read, and all that is trained, where there is both. */
MUST_CHECK err lint_each_answer(const struct lint_row *row,
                                err (*look)(void *ctx, struct span prompt, struct span answer),
                                void *ctx);
/* Whether anything of the row is read and something else answers it; false: plain text. */
bool lint_asks(const struct lint_row *row);
/* Adds to the note that the mark asks for, if it does. */
MUST_CHECK err lint_note(const struct lint_mark *mark, const char *format, ...) PRINTF_LIKE(2, 3);
/* "a.jsonl line 3" of a row, appended. */
MUST_CHECK err lint_place(const struct lint_run *run, int64_t row, struct str *out);
/* Whether it is the last row of its sample. */
bool lint_ends_sample(const struct lint_run *run, int64_t row);

#endif
