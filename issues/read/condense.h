/* SPDX-License-Identifier: Apache-2.0
 * Shortening what a post says to its point, with the post's own words: the setting out of a long
 * description, the wish out of a list's item, a sentence without what leads to it. What is left is
 * stretches of the text; nothing is reworded.
 * Read next: issues/read/phrases.def. */
#ifndef COTRAIN_ISSUES_READ_CONDENSE_H
#define COTRAIN_ISSUES_READ_CONDENSE_H

#include "issues/read/pattern.h"

enum phrase_class {
    PHRASE_LEAD,
    PHRASE_KEEP,
    PHRASE_TAIL,
    PHRASE_BACKGROUND,
    PHRASE_POINT,
    PHRASE_HOW,
    PHRASE_ABILITY,
    PHRASE_SETTING,
    PHRASE_SETTING_TO_END,
    PHRASE_GROUP,
    PHRASE_DOMAIN,
    PHRASE_INPUT,
    PHRASE_OUTPUT,
    PHRASE_FOLLOW,
    PHRASE_GENERIC,
    PHRASE_COUNT
};
struct phrase_row {
    enum phrase_class class;
    const char32_t *pattern;
};
extern const struct phrase_row phrase_rows[]; /* for the test of the table */
extern const int n_phrase_rows;

/* The first row of a class that is found inside. `out` may be NULL. */
bool phrase_find(enum phrase_class class, const struct text *t, struct range r, struct match *out);

enum { CLAUSES_MAX = 24 };
/* Clauses between commas and colons, bare; what is beyond the maximum stays in the last. */
int clauses_split(const struct text *t, struct range r, struct range out[CLAUSES_MAX]);
/* The next sentence from r->begin on, bare; moves r->begin behind it. False at the end. */
bool sentence_next(const struct text *t, struct range *r, struct range *out);

/* How much there is to read: Chinese characters, and two for each word of others. */
int64_t range_weight(const struct text *t, struct range r);
/* Without "I hope that the model can" and the like in front, and without what trails. */
struct range eat(const struct text *t, struct range r);
/* Where the model is used, as one clause says it; false where it says nothing of the kind. */
bool setting_in(const struct text *t, struct range r, struct range *out);
/* Begins with a wish of its own. */
bool clause_wishes(const struct text *t, struct range r);
/* A negative demand, "must not ...": a constraint rather than an ability. */
bool clause_forbids(const struct text *t, struct range r);

/* Add to the draft: a scenario's value (groups of users are looked for in `around`), and one thing
 * that the model should be able to do. */
void condense_scenario(struct piece_draft *d, struct range r, struct range around);
void condense_item(struct piece_draft *d, struct range r);

#endif
