/* SPDX-License-Identifier: Apache-2.0
 * cotrain detokenize: token ids to texts, JSON Lines in and out. Texts come out exactly as
 * transformers 4.31 decodes them, odd spaces included (data/tokens/decode.c says which), because
 * the golden files and the official evaluation scripts expect them so. */
#include "cli/command.h"
#include "cli/lines.h"
#include "data/tokens/tokenizer.h"

struct detokenize_options {
    const char *tokenizer;
    bool skip_special;
};

#define ROW(field, ...) OPT(struct detokenize_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(tokenizer, .required = true, .value = "DIR", .help = "folder with tokenizer.model"),
    ROW(skip_special, .help = "leave out <eod>, <s> and <unk>"),
};

struct work {
    struct tokenizer *tokenizer;
    bool skip_special;
    struct tokens ids;
    struct str text;
};

static err decode_line(void *ctx, const json_t *in, json_t *out) {
    struct work *w = ctx;
    json_t *ids;
    const json_t *id;
    size_t i;
    TRY(json_need_array(in, "ids", &ids));
    tokens_clear(&w->ids);
    str_clear(&w->text);
    json_array_foreach(ids, i, id) {
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value > INT32_MAX)
            return fail(ERR_PARSE, "'ids' item %zu is no token id", i + 1);
        TRY(tokens_add(&w->ids, (int32_t)value));
    }
    TRY(tokenizer_decode(w->tokenizer, w->ids.ids, w->ids.n, w->skip_special, &w->text));
    return json_put(out, "text", json_stringn(str_text(&w->text), w->text.len));
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct detokenize_options *o = given;
    struct work w = {.skip_special = o->skip_special};
    TRY(tokenizer_open(&w.tokenizer, o->tokenizer));
    err e = lines_map(decode_line, &w);
    tokens_release(&w.ids);
    str_release(&w.text);
    tokenizer_free(w.tokenizer);
    return e;
}

const struct command cmd_detokenize = {
    .noun = "detokenize",
    .verb = "",
    .summary = "token ids to texts: {\"ids\": [...]} in, {\"text\": ...} out",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct detokenize_options),
    .run = run,
};
