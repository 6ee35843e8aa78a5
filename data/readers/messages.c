/* SPDX-License-Identifier: Apache-2.0
 * Records of chat messages as OpenAI writes them: `messages`, a list of {"role", "content"}, with
 * `tools` and `tool_calls`. Everything about them is the same for other
 * formats and therefore data/readers/conversation.h's; only the key is this file's. */
#include "data/readers/conversation.h"

static bool fits(const json_t *record) {
    return json_is_array(json_object_get(record, "messages"));
}

static err read_record(const json_t *record, struct draft *out) {
    return conversation_read(record, "messages", out);
}

const struct reader reader_messages = {
    .name = "messages",
    .summary = "JSON records {\"messages\": [{\"role\", \"content\"}, ...]}, with tools",
    .record = read_record,
    .fits = fits,
};
