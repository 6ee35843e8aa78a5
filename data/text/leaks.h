/* SPDX-License-Identifier: Apache-2.0
 * Texts that must not be trained on - evaluation sets and sealed cases - and rows that hold one of
 * them. A text is turned into hashes of its characters' windows (data/text/alike.h) as soon as it
 * is handed over, numbers in one form (data/text/digits.h); nobody can get it back from here, so
 * filters may use this without seeing what they guard.
 *
 * A row is a leak of a text
 *   whole      when prompt, or prompt and answer, are the same after normalisation, or differ by a
 *              few edits as data/text/alike.h counts them (and not in values, as rows of one
 *              template)
 *   in part    when it holds so much of what tells the text apart that it must come from there: of
 *              its telling grams (data/text/alike.h), which at most two of the texts and a few of
 *              the rows have, LEAK_COVERAGE or more, and at least LEAK_GRAMS.
 * The second finds texts within longer rows and in another order; it needs a text that says
 * something of its own, which a short case of a template may not. docs/filters.md has the measured
 * precision and recall. */
#ifndef COTRAIN_DATA_TEXT_LEAKS_H
#define COTRAIN_DATA_TEXT_LEAKS_H

#include "base/err.h"
#include "data/source/sample.h"
#include "data/text/alike.h"
#include "data/text/span.h"

#define LEAK_COVERAGE 0.5
enum { LEAK_GRAMS = 6 };

/* One text, as whoever knows it hands it over. */
struct forbidden_text {
    const char *set;            /* what it belongs to: "retention", "gsm8k_Cn.txt" */
    const char *request;        /* id of the request whose held-out case it is, or NULL */
    struct span prompt, answer; /* answer.n 0: none */
};
typedef err forbidden_take(void *taker, const struct forbidden_text *text);
/* Hands out every text once, in the same order each time. */
struct forbidden_source {
    err (*each)(void *ctx, forbidden_take *take, void *taker);
    void *ctx;
};

struct leaks;
/* `distance`: share of the characters by which a whole leak may differ; 0: 0.18. */
MUST_CHECK err leaks_new(struct leaks **out, double distance);
void leaks_free(struct leaks *l);
/* A forbidden_take. */
MUST_CHECK err leaks_add(void *leaks, const struct forbidden_text *text);
int64_t leaks_n_texts(const struct leaks *l);

/* Rows are counted first, all of them, in any order but one at a time; `n_windows` is at least
 * their characters together. Then rows may be looked at side by side. */
MUST_CHECK err leaks_count_start(struct leaks *l, int64_t n_windows);
MUST_CHECK err leaks_count(struct leaks *l, const struct sample *s);
MUST_CHECK err leaks_count_end(struct leaks *l);

struct leak {
    const char *set, *request;
    double distance; /* share of the characters that differ; 1: in part */
    double coverage; /* share of the telling grams; 0 where `distance` decided */
};
/* *out_found is false when the sample is no leak. */
MUST_CHECK err leaks_find(const struct leaks *l, const struct sample *s, struct leak *out,
                          bool *out_found);

#endif
