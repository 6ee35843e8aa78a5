/* SPDX-License-Identifier: Apache-2.0
 * What remote/chat.c and remote/chat_answer.c share: the text of a request, and what is made of
 * what came back.
 * Read next: remote/chat.h. */
#ifndef COTRAIN_REMOTE_CHAT_INT_H
#define COTRAIN_REMOTE_CHAT_INT_H

#include "remote/chat.h"

/* The body of a question's request; replaces `out`. */
MUST_CHECK err chat_body(const struct chat_options *o, const struct chat_question *q,
                         struct str *out);
/* Outcome, text, reason and tokens of one try, the prompt being n_prompt bytes; n_tries and `tried`
 * stay. Fails for what is no answer's fault alone: memory, or a request that may not be made. */
MUST_CHECK err chat_take(const struct http_done *done, const char *url, size_t n_prompt,
                         struct chat_answer *out);

#endif
