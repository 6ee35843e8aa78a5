/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions (PCRE2) over UTF-8: character classes and \d, \s, \w are Unicode's, "." stops
 * at a line feed, "$" also stands before a last one. A compiled expression may be used by several
 * threads at once. Well-formed texts only; offsets are in bytes. */
#ifndef COTRAIN_DATA_TEXT_REGEX_H
#define COTRAIN_DATA_TEXT_REGEX_H

#include "base/str.h"
#include <stdbool.h>

struct regex;
enum { REGEX_MAX_GROUPS = 64 };

/* What a search found: group 0 is the whole match; a group that took no part is empty at 0. */
struct regex_match {
    struct regex_range {
        size_t begin, end;
    } groups[REGEX_MAX_GROUPS];
    int n_groups; /* 0: nothing was found */
};

/* ERR_PARSE tells what is wrong and at which byte. */
MUST_CHECK err regex_new(struct regex **out, const char *pattern);
void regex_free(struct regex *r);
/* The first match at or after byte `from`. Text that makes the search go round without end is
 * ERR_LIMIT. */
MUST_CHECK err regex_find(const struct regex *r, const char *text, size_t n, size_t from,
                          struct regex_match *out);
/* Where the search for the next match begins, one after the other and never the same twice. */
size_t regex_next(const struct regex_match *m, const char *text, size_t n);
/* Appends the text with every match replaced: "$1" in `with` is group 1, "$$" a dollar. */
MUST_CHECK err regex_replace(const struct regex *r, const char *text, size_t n, const char *with,
                             struct str *out);
/* Groups beside group 0; the last ones of over REGEX_MAX_GROUPS - 1 are never seen. */
int regex_n_groups(const struct regex *r);
/* The name of a group, (?<name>...), or NULL. With (?J) a name may stand in several
 * alternatives. */
const char *regex_group_name(const struct regex *r, int group);
/* The first group of that name that captured anything; false: none did. */
bool regex_named(const struct regex *r, const struct regex_match *m, const char *name,
                 struct regex_range *out);
/* Version of the library behind it. */
const char *regex_library(void);

#endif
