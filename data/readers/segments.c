/* SPDX-License-Identifier: Apache-2.0
 * Records without a template: `segments`, a list of {"label", "text"}, stretches of text that are
 * trained or not, one after the other. They write the special tokens themselves: <sep> between
 * question and answer, <eod> nowhere but at the end (data/tokens/rows.h adds it where it is
 * missing). What a segment's tokens are is said there as well. Source of the keys: Axolotl's
 * input_output. */
#include "data/readers/reader.h"
#include <string.h>

static bool fits(const json_t *record) {
    return json_is_array(json_object_get(record, "segments"));
}

static err read_record(const json_t *record, struct draft *out) {
    json_t *segments;
    const json_t *segment;
    size_t i;
    TRY(json_need_array(record, "segments", &segments));
    if (json_array_size(segments) == 0) return fail(ERR_PARSE, "'segments' is empty");
    json_array_foreach(segments, i, segment) {
        struct span text;
        const json_t *label = json_object_get(segment, "label");
        err e = json_is_object(segment) ? ERR_OK : fail(ERR_PARSE, "not an object");
        if (e == ERR_OK && !json_is_boolean(label))
            e = fail(ERR_PARSE, "'label' is neither true nor false");
        if (e == ERR_OK) e = record_need_text(segment, "text", &text);
        if (e == ERR_OK) e = draft_segment(out, text, json_is_true(label));
        if (e != ERR_OK) return fail_in(e, "segment %zu", i + 1);
    }
    return ERR_OK;
}

const struct reader reader_segments = {
    .name = "segments",
    .summary =
        "JSON records {\"segments\": [{\"label\": true, \"text\"}, ...]}, trained where labelled",
    .record = read_record,
    .fits = fits,
    .special_tokens = true,
};
