/* SPDX-License-Identifier: Apache-2.0
 * Alpaca records: `instruction` and `output`, optionally `input` (a line below the instruction),
 * `system` (a line above the first prompt) and `history`, a list of [prompt, answer] that came
 * before. Source of the keys: the formats that LLaMA-Factory's users bring. */
#include "base/str.h"
#include "data/readers/reader.h"

static bool fits(const json_t *record) {
    return json_object_get(record, "instruction") != NULL;
}

/* Lines of text that are there and not empty, joined by newlines. */
static err join(const struct span *parts, int n, struct str *out) {
    str_clear(out);
    for (int i = 0; i < n; i++) {
        if (parts[i].n == 0) continue;
        if (out->len > 0) TRY(str_add(out, "\n"));
        TRY(str_append(out, parts[i].text, parts[i].n));
    }
    return ERR_OK;
}

static err add_turn(struct span system, struct span instruction, struct span input,
                    struct span answer, struct draft *out) {
    const struct span parts[] = {out->sample.n == 0 ? system : (struct span){0}, instruction,
                                 input};
    struct str prompt = {0};
    err e = join(parts, 3, &prompt);
    if (e == ERR_OK) e = draft_turn(out, (struct span){str_text(&prompt), prompt.len}, answer);
    str_release(&prompt);
    return e;
}

static err add_history(const json_t *history, struct span system, struct draft *out) {
    size_t i;
    const json_t *pair;
    if (!history || json_is_null(history)) return ERR_OK;
    if (!json_is_array(history)) return fail(ERR_PARSE, "'history' is not a list");
    json_array_foreach(history, i, pair) {
        const json_t *prompt = json_array_get(pair, 0), *answer = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_string(prompt) || !json_is_string(answer))
            return fail(ERR_PARSE, "'history' item %zu is not a pair of strings", i + 1);
        struct span said = {json_string_value(prompt), json_string_length(prompt)};
        struct span answered = {json_string_value(answer), json_string_length(answer)};
        TRY(add_turn(system, said, (struct span){0}, answered, out));
    }
    return ERR_OK;
}

static err read_record(const json_t *record, struct draft *out) {
    struct span system, instruction, input, output;
    TRY(record_need_text(record, "instruction", &instruction));
    TRY(record_need_text(record, "output", &output));
    TRY(record_text(record, "input", &input));
    TRY(record_text(record, "system", &system));
    TRY(add_history(json_object_get(record, "history"), system, out));
    return add_turn(system, instruction, input, output, out);
}

const struct reader reader_alpaca = {
    .name = "alpaca",
    .summary = "JSON records {\"instruction\", \"input\", \"output\", \"system\", \"history\"}",
    .record = read_record,
    .fits = fits,
};
