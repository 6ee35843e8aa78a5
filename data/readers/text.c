/* SPDX-License-Identifier: Apache-2.0
 * Plain text: records {"text": ...}, or the lines of a text file, a document each. Nothing in it is
 * interpreted; where <sep> and <n> mean something, the format is yuan-text, and where a document
 * has lines of its own it is `document`. It has no answer: what becomes of it is the source's
 * `text`. */
#include "data/readers/reader.h"

static bool fits(const json_t *record) {
    return json_is_string(json_object_get(record, "text"));
}

static err read_record(const json_t *record, struct draft *out) {
    struct span text;
    TRY(record_need_text(record, "text", &text));
    return draft_segment(out, text, false);
}

static err read_text(struct span text, struct draft *out) {
    return draft_segment(out, text, false);
}

const struct reader reader_text = {
    .name = "text",
    .summary = "JSON records {\"text\"}, or lines of plain text",
    .record = read_record,
    .fits = fits,
    .line = read_text,
};
