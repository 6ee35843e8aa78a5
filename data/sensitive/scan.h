/* SPDX-License-Identifier: Apache-2.0
 * What the finders of data/sensitive.def share. A finder looks at one place of the text and says
 * whether its rule holds there. To keep time linear it looks at a bounded stretch around the place,
 * and only at places that begin as its pattern does:
 *   a|b     either; each side begins with a character or class
 *   [0-9x]  a class: one of these, ranges by code point (no bar among them)
 *   c{m,n}  the character or class before it m to n times, as often as possible
 *   ~       up to 16 characters of one line, as few as possible
 *   blank   one to four characters of white space
 * Any other character is itself. */
#ifndef COTRAIN_DATA_SENSITIVE_SCAN_H
#define COTRAIN_DATA_SENSITIVE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text as code points: full-width ASCII as ASCII, what draws nothing left out. */
struct scan {
    const uint32_t *points;
    int64_t n;
};
/* The code point at a place, 0 outside the text. */
static inline uint32_t scan_at(const struct scan *s, int64_t at) {
    return at >= 0 && at < s->n ? s->points[at] : 0;
}

struct hit {
    int64_t begin, end; /* of code points; begin may lie before the place that was looked at */
    int64_t head, tail; /* characters that may be shown; a negative head: what the class shows */
};

/* Whether the rule holds at `at`; `hit` comes with head -1 and counts only when it does. */
typedef bool finder(const struct scan *s, int64_t at, const char *pattern, struct hit *hit);

#define SENSITIVE(name, class, function, begins, pattern, help) finder find_##function;
#include "data/sensitive.def"
#undef SENSITIVE

/* End of the pattern's match at `at`, or -1. `fold`: upper and lower case of ASCII are the same. */
int64_t pattern_match(const struct scan *s, int64_t at, const char *pattern, bool fold);
/* Calls fn for each code point that a match can begin with, in both cases of a letter. */
void pattern_begins(const char *pattern, void (*fn)(void *ctx, uint32_t point), void *ctx);
/* Whether one of the pattern's alternatives, which are plain words, ends at `end`, in any case. */
bool ends_with(const struct scan *s, int64_t end, const char *words);

bool is_digit(uint32_t c);
bool is_letter(uint32_t c); /* of ASCII, like all of these */
bool is_upper(uint32_t c);
bool is_word(uint32_t c); /* letter, digit or _ */
bool is_one_of(uint32_t c, const char *ascii);
/* Whether a word or number may begin here: the character before is none of it (an escape like \n
 * before it, as in quoted text, is none). */
bool begins_apart(const struct scan *s, int64_t at);
/* Whether one of `words` (alternatives of a pattern, in any case) ends within `reach` code points
 * before `at`. */
bool said_before(const struct scan *s, int64_t at, int64_t reach, const char *words);
/* What stands where a secret would without being one: xxxx, <key>, ${KEY}, your-key, example. */
bool placeholder(const struct scan *s, int64_t begin, int64_t end);

#endif
