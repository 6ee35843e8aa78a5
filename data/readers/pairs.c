/* SPDX-License-Identifier: Apache-2.0
 * Records of a prompt and what answers it: {"prompt": ..., "response": ...}, which held-out cases
 * use as well; `completion`, as other tools call it, is the same as `response`. Other keys are
 * ignored. */
#include "data/readers/reader.h"

static bool fits(const json_t *record) {
    return json_object_get(record, "prompt") &&
           (json_object_get(record, "response") || json_object_get(record, "completion"));
}

static err read_record(const json_t *record, struct draft *out) {
    struct span prompt, answer, completion;
    TRY(record_need_text(record, "prompt", &prompt));
    TRY(record_text(record, "response", &answer));
    TRY(record_text(record, "completion", &completion));
    if (answer.text && completion.text)
        return fail(ERR_PARSE, "both 'response' and 'completion' are there");
    if (!answer.text) answer = completion;
    if (!answer.text) return fail(ERR_PARSE, "'response' is missing");
    return draft_turn(out, prompt, answer);
}

const struct reader reader_pairs = {
    .name = "pairs",
    .summary = "JSON records {\"prompt\", \"response\"} (or \"completion\")",
    .record = read_record,
    .fits = fits,
};
