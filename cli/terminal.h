/* SPDX-License-Identifier: Apache-2.0
 * Strangers' texts on a terminal, and answers from it. Characters that would steer the terminal or
 * its reader (utf8_steers) are shown by their code points instead.
 * Read next: cli/cmd_issues_review.c. */
#ifndef COTRAIN_CLI_TERMINAL_H
#define COTRAIN_CLI_TERMINAL_H

#include "base/str.h"
#include <stdbool.h>

/* Appends `text`, indented by `indent` behind each line's end; at most `max_bytes` of it, with
 * "..." for the rest (0: all). */
struct terminal_text {
    const char *text;
    int indent;
    size_t max_bytes;
};
MUST_CHECK err terminal_add(const struct terminal_text *t, struct str *out);
/* The same on one line: line ends become blanks. */
MUST_CHECK err terminal_add_line(const char *text, size_t max_bytes, struct str *out);

/* A text that holds strangers' words, on stdout. */
MUST_CHECK err terminal_print(const struct str *text);

/* Asks on stdout and reads a line from stdin, blanks at its ends left out. `*out_more` is false at
 * the end of the input. `out` is replaced. */
MUST_CHECK err terminal_ask(const char *question, struct str *out, bool *out_more);
/* Opens the file in the user's editor (VISUAL, EDITOR, vi) and waits for it. */
MUST_CHECK err terminal_edit(const char *path);

#endif
