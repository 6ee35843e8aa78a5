/* SPDX-License-Identifier: Apache-2.0
 * Drafts of what a requester is answered, in the request's language. Whatever came from outside
 * (scenario, reason, names) is quoted so that it stays text on GitHub: in code spans, where
 * neither Markdown nor HTML, mentions, references nor links are read. A backslash would not do: it
 * keeps "@name" and "#12" from nothing, as GitHub looks for them after Markdown is resolved; and
 * zero-width characters, which would, are just what readers of a reply should not have to expect.
 * Nothing here posts. Read next: issues/reply/replies.def, the texts. */
#ifndef COTRAIN_ISSUES_REPLY_REPLY_H
#define COTRAIN_ISSUES_REPLY_REPLY_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum reply_kind {
#define REPLY(name, needs, help, zh, en) REPLY_##name,
#define FIELD(...)
#include "issues/reply/replies.def"
#undef FIELD
#undef REPLY
    REPLY_COUNT
};
struct reply_row {
    const char *name, *help;
    const char *needs; /* fields that must be given, comma between */
};
extern const struct reply_row reply_rows[REPLY_COUNT];

/* Fields that are NULL or zero are not given: the lines that would say them are left out. */
struct reply {
    enum reply_kind kind;
    const char *language; /* "zh"; anything else is answered in English */
    const char *id;       /* of the request, "OWNER/REPO#ISSUE" or "...@COMMENT"; needed */
    const char *month;    /* of the plan, "2024-03"; needed */
    const char *login;    /* mentioned as @login where it can be one of GitHub's */
    const char *scenario, *reason;
    const char *to_month;       /* carried over */
    const char *const *missing; /* of "input", "output", "examples" */
    int64_t n_missing;
    int64_t rank, of;                       /* from 1; of that many */
    const char *merged_with, *merged_url;   /* the other request's id and page */
    const char *release_name, *release_url; /* addresses begin with https:// */
    double before, after;                   /* scores of the held-out cases, 0 to 1 */
    int64_t n_cases;                        /* of them; 0: no scores */
};
enum { REPLY_MAX_CHARS = 65536 }; /* GitHub takes no more; quotes are cut so that it never is */

/* Appends the draft. ERR_MISSING names a needed field that is not given, ERR_PARSE one that is not
 * what it must be (id, month, address), ERR_RANGE a score or rank. */
MUST_CHECK err reply_draft(const struct reply *reply, struct str *out);

/* Appends a stranger's text as one code span of at most `max` characters and a "…": white space of
 * any kind is one blank, control and invisible characters are left out, bytes that are no UTF-8
 * are U+FFFD. Appends nothing when nothing is left. It must not stand where a line begins. */
MUST_CHECK err reply_quote(const char *text, int64_t max, struct str *out);

/* The comment at the end of each draft, `<!-- cotrain:reply ID KIND MONTH -->`. */
struct reply_marker {
    char id[200];
    enum reply_kind kind;
    char month[8];
};
/* Whether `body` holds a marker on a line of its own; the last one counts. Quotes of a draft hold
 * no lines, so a requester cannot put one there, but anybody can write one into a comment of their
 * own: ask only about comments by the programme's own account. */
bool reply_marker_find(const char *body, struct reply_marker *out);

#endif
