/* SPDX-License-Identifier: Apache-2.0
 * The turns of a chat as one prompt. Two things differ between published checkpoints of Yuan 2.0
 * and are therefore settings: what stands between turns, and how a message's own newlines are
 * written (spec: training text has real newlines; the chat template of the released code writes the
 * three characters <n>). <sep> stands behind the last question only:
 *   question 1 | answer 1 | question 2 <sep>          | the turn separator
 * Read next: cli/cmd_chat.c. */
#ifndef COTRAIN_CLI_CONVERSATION_H
#define COTRAIN_CLI_CONVERSATION_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

enum newline_as { NEWLINE_AS_NEWLINE, NEWLINE_AS_N };
/* "newline" or "n". */
MUST_CHECK err newline_as_parse(const char *name, enum newline_as *out);

struct conversation {
    enum newline_as separator, in_messages;
    int64_t max_turns; /* earlier turns that are kept */
    char **turns;      /* question, answer, question, ...: (2 n_turns) as they are written */
    int64_t n_turns;
};
/* Text in which newlines are newlines -> as the prompt writes it, appended. */
MUST_CHECK err conversation_write(const struct conversation *c, const char *text, size_t n,
                                  struct str *out);
/* The prompt's text for a question (written), without <sep>. */
MUST_CHECK err conversation_prompt(const struct conversation *c, const char *question,
                                   struct str *out);
/* A question and its answer (both written) are over; the oldest turn goes where there are too
 * many. */
MUST_CHECK err conversation_add(struct conversation *c, const char *question, const char *answer);
void conversation_drop_oldest(struct conversation *c); /* n_turns > 0 */
void conversation_release(struct conversation *c);

#endif
