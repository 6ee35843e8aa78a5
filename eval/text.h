/* SPDX-License-Identifier: Apache-2.0
 * Cutting and replacing in texts, as the official scorers do it with Python's string methods. Texts
 * may hold NUL bytes; lengths decide.
 * Read next: eval/scorers/, data/text/span.h for stripping. */
#ifndef COTRAIN_EVAL_TEXT_H
#define COTRAIN_EVAL_TEXT_H

#include "base/str.h"
#include "data/text/span.h"

enum { TEXT_NOWHERE = -1 };

struct span text_span(const char *text);
struct span text_of(const struct str *s);
/* Byte offset of the first `part` at or after byte `from`, or TEXT_NOWHERE. */
int64_t text_find(struct span s, const char *part, size_t from);
int64_t text_find_last(struct span s, const char *part);
bool text_has(struct span s, const char *part);
bool text_has_span(struct span s, struct span part);
/* How many there are that do not overlap. */
int64_t text_count(struct span s, const char *part);
bool text_starts(struct span s, const char *part);
bool text_ends(struct span s, const char *part);
/* Bytes [begin, end) of s. */
struct span text_cut(struct span s, size_t begin, size_t end);
/* What stands after the last `part` (all of it where there is none). */
struct span text_after_last(struct span s, const char *part);
/* The piece number `index` from 0 between separators, or from the end: -1 is the last. A piece that
 * is not there has text NULL. */
struct span text_piece(struct span s, const char *separator, int64_t index);
int64_t text_n_pieces(struct span s, const char *separator);

/* Appends at most n_most characters on one line: ends of lines become blanks; bytes that are no
 * UTF-8, controls and what draws nothing come out as U+FFFD. For texts of strangers that go into
 * reports and messages. */
MUST_CHECK err text_add_clean(struct str *to, struct span s, int64_t n_most);
/* Every `from`, from the left, becomes `to`. `from` is not empty. */
MUST_CHECK err text_replace(struct str *s, const char *from, const char *to);
MUST_CHECK err text_replace_span(struct str *s, struct span from, const char *to);
MUST_CHECK err text_set(struct str *s, struct span to); /* `to` may lie within s */

#endif
