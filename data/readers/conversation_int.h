/* SPDX-License-Identifier: Apache-2.0
 * What of an answer is trained, as its message says: the part of data/readers/conversation.h that
 * is in data/readers/trained.c. Only data/readers/conversation.c includes it, which calls it for
 * every message in turn. */
#ifndef COTRAIN_DATA_READERS_CONVERSATION_INT_H
#define COTRAIN_DATA_READERS_CONVERSATION_INT_H

#include "data/readers/reader.h"

/* Applies the message's flags to the draft's last turn. */
MUST_CHECK err conversation_trained(const json_t *message, struct draft *out);
/* For words that are never trained: a message that says they are is ERR_UNSUPPORTED. */
MUST_CHECK err conversation_untrained(const json_t *message);

#endif
