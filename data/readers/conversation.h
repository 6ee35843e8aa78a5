/* SPDX-License-Identifier: Apache-2.0
 * Conversations, which several formats write alike: a list of messages, {"role", "content"} or
 * {"from", "value"}, with the roles of data/readers/roles.def.
 * A system message may come first (or stand in the record as `system`). User and assistant
 * alternate, and the assistant has the last word; a tool's results come after it, as the user's.
 *
 * Tools. Yuan 2.0 has no form for them, so they are written as JSON, a line each, which can be read
 * back; ids of calls are left out, results come in the order of the messages:
 *   {"tools":[...]}                                           a line below the system's words
 *   {"tool_calls":[{"name":"f","arguments":{...}},...]}       an answer, or its last line
 *   {"tool_result":{"name":"f","content":"..."}}              a line of the next prompt
 *
 * Every answer is trained, unless its message says otherwise: `weight` 0 or 1, `train` or
 * `training` true or false. `train_detail` (or `training_detail`), a list of {"begin_offset",
 * "end_offset", "train"} in characters with the end included, trains parts of an answer: what none
 * of them names is context. */
#ifndef COTRAIN_DATA_READERS_CONVERSATION_H
#define COTRAIN_DATA_READERS_CONVERSATION_H

#include "data/readers/reader.h"

/* The record's conversation under `key`, with its `system` and `tools`. */
MUST_CHECK err conversation_read(const json_t *record, const char *key, struct draft *out);

#endif
