/* SPDX-License-Identifier: Apache-2.0
 * What the files of replies share: the checks of what may stand unquoted, the marker, and a
 * stranger's text as one line of plain characters, for places where nothing in it is read as
 * Markdown: within a code span (reply_quote) or a fenced block (the form of a reply).
 * Read next: issues/reply/reply.h. */
#ifndef COTRAIN_ISSUES_REPLY_REPLY_INT_H
#define COTRAIN_ISSUES_REPLY_REPLY_INT_H

#include "issues/reply/reply.h"

/* Letters, digits and single hyphens within, at most 39; a managed user's has "_company" behind. */
bool valid_login(const char *login);
/* Length of "OWNER/REPO#ISSUE" or "OWNER/REPO#ISSUE@COMMENT" at the start of the text, or 0. */
size_t id_length(const char *text);
/* Length of "2024-03" at the start of the text, or 0. */
size_t month_length(const char *text);
/* An https address of characters that need no quoting anywhere, without a user. */
bool valid_url(const char *url);
/* The line of the marker; id and month are checked already. */
MUST_CHECK err marker_write(const struct reply *r, struct str *out);
/* Appends at most `max` characters of the text and a "…"; NULL is the empty text. */
MUST_CHECK err quote_plain(const char *text, int64_t max, struct str *out);

#endif
