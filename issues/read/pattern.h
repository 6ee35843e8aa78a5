/* SPDX-License-Identifier: Apache-2.0
 * Patterns for words of a post, over folded characters; the rows of issues/read/cues.def and of the
 * tables of issues/read/condense.c are written in them.
 *     abc        these characters; at an ASCII letter or digit words must begin and end, but for
 *     abc*       which ends wherever the word does; blanks beside Chinese characters do not count
 *     (a|b|c)    one of these, (a|b)? or nothing; $ may stand inside, no other mark
 *     a blank    at least one blank or hyphen
 *     ~          a few characters of the same sentence: 16 Chinese ones, 48 others
 *     #          the same up to 120 or 240, at least 1, as few as will do: a part
 *     ^ $        the beginning and the end of where is looked
 *     \x         the character x itself
 * A search takes time in proportion to the text. */
#ifndef COTRAIN_ISSUES_READ_PATTERN_H
#define COTRAIN_ISSUES_READ_PATTERN_H

#include "issues/read/text.h"
#include <uchar.h>

enum { PATTERN_MAX_PARTS = 3 };
struct match {
    struct range all, parts[PATTERN_MAX_PARTS];
    int n;
};

/* A pattern with what it may begin with, so that most places of a text need no look. */
struct pattern {
    const char32_t *text;
    uint64_t first[4]; /* bit c % 256 for each character c; all where anything may come first */
    bool known;        /* false: it may begin with anything, or with nothing */
    bool anchored;     /* only at the beginning of where is looked */
};
void pattern_compile(const char32_t *text, struct pattern *out);

/* Whether it matches the characters `s` from `at`, inside `within`. `out` may be NULL. */
bool pattern_at(const char32_t *pattern, const uint32_t *s, struct range within, int64_t at,
                struct match *out);
bool pattern_here(const struct pattern *p, const uint32_t *s, struct range within, int64_t at,
                  struct match *out);
/* The first place where it does. */
bool pattern_search(const struct pattern *p, const uint32_t *s, struct range within,
                    struct match *out);
/* The same for one that is needed once. */
bool pattern_find(const char32_t *pattern, const uint32_t *s, struct range within,
                  struct match *out);

#endif
