/* SPDX-License-Identifier: Apache-2.0
 * Records of conversations as ShareGPT's collections write them: `conversations`, a list of
 * {"from", "value"}, with `system` and `tools` beside it. Everything about them is the same for
 * other formats and therefore data/readers/conversation.h's; only the key is this file's. */
#include "data/readers/conversation.h"

static bool fits(const json_t *record) {
    return json_is_array(json_object_get(record, "conversations"));
}

static err read_record(const json_t *record, struct draft *out) {
    return conversation_read(record, "conversations", out);
}

const struct reader reader_sharegpt = {
    .name = "sharegpt",
    .summary =
        "JSON records {\"conversations\": [{\"from\", \"value\"}, ...], \"system\", \"tools\"}",
    .record = read_record,
    .fits = fits,
};
