/* SPDX-License-Identifier: Apache-2.0
 * cotrain tokenize: texts to token ids, JSON Lines in and out. Special tokens in the text are
 * recognised, as in Yuan's own tools, unless --plain says that the text is from outside. The
 * encoding itself is data/tokens/encode.c; reading and writing of the lines is cli/lines.h. */
#include "cli/command.h"
#include "cli/lines.h"
#include "data/tokens/tokenizer.h"

struct tokenize_options {
    const char *tokenizer, *special_whitespace;
    bool plain;
};

#define ROW(field, ...) OPT(struct tokenize_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(tokenizer, .required = true, .value = "DIR", .help = "folder with tokenizer.model"),
    ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
        .help = "white space beside special tokens"),
    ROW(plain, .help = "special tokens in a text are ordinary characters"),
};

struct work {
    struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    bool plain;
    struct tokens ids;
};

static err encode_line(void *ctx, const json_t *in, json_t *out) {
    struct work *w = ctx;
    const json_t *text = json_object_get(in, "text");
    json_t *ids = json_array();
    TRY(json_put(out, "ids", ids));
    if (!json_is_string(text)) return fail(ERR_PARSE, "'text' is missing or not a string");
    const char *bytes = json_string_value(text);
    size_t n = json_string_length(text);
    tokens_clear(&w->ids);
    TRY(w->plain ? tokenizer_encode_plain(w->tokenizer, bytes, n, &w->ids)
                 : tokenizer_encode(w->tokenizer, bytes, n, w->whitespace, &w->ids));
    for (int64_t i = 0; i < w->ids.n; i++) TRY(json_push(ids, json_integer(w->ids.ids[i])));
    return ERR_OK;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct tokenize_options *o = given;
    struct work w = {.plain = o->plain};
    TRY(special_whitespace_parse(o->special_whitespace, &w.whitespace));
    TRY(tokenizer_open(&w.tokenizer, o->tokenizer));
    err e = lines_map(encode_line, &w);
    tokens_release(&w.ids);
    tokenizer_free(w.tokenizer);
    return e;
}

const struct command cmd_tokenize = {
    .noun = "tokenize",
    .verb = "",
    .summary = "texts to token ids: {\"text\": ...} in, {\"ids\": [...]} out",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct tokenize_options),
    .run = run,
};
