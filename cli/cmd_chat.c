/* SPDX-License-Identifier: Apache-2.0
 * cotrain chat: a question a line from standard input, the answer on standard output as it comes.
 * Each question stands alone: question, <sep>, answer until <eod>. A newline inside a question is
 * written <n>, as in the model's own text files. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/speaker.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct chat_options {
    const char *model, *adapter, *tokenizer, *special_whitespace, *device;
    int64_t max_new_tokens;
};

#define ROW(field, ...) OPT(struct chat_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR", .help = "model folder"),
    ROW(adapter, .value = "DIR", .help = "PEFT adapter folder on top of it"),
    ROW(max_new_tokens, .min = 1, .max = 1e6, .preset = "512",
        .help = "longest answer; shorter where the model's positions end"),
    ROW(tokenizer, .value = "DIR", .help = "folder with tokenizer.model; default: the model's"),
    ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
        .help = "white space beside special tokens"),
    ROW(device, .value = "NAME", .help = "backend; default: the first that works"),
};

enum { LINE_MAX_BYTES = 1 << 20 };

/* The answer so far; `shown` bytes of its text are printed. */
struct stream {
    const struct tokenizer *tokenizer;
    struct tokens ids;
    struct str text;
    size_t shown;
    err code;
};

/* Bytes of a text that can be printed: a last character that is still incomplete, or that decoding
 * has replaced by U+FFFD because the rest of its bytes is to come, waits. */
static size_t printable(const struct str *text) {
    size_t n = text->len;
    int64_t bad = n ? utf8_invalid_at(text->data, n) : -1;
    if (bad >= 0) n = (size_t)bad;
    while (n >= 3 && memcmp(text->data + n - 3, "\xef\xbf\xbd", 3) == 0) n -= 3;
    return n;
}

static err show_rest(struct stream *s, size_t end) {
    if (end <= s->shown) return ERR_OK;
    struct str part = {.data = s->text.data + s->shown, .len = end - s->shown};
    s->shown = end;
    return print_text(&part);
}

static void take_token(void *ctx, int64_t text, int32_t id) {
    struct stream *s = ctx;
    (void)text;
    if (s->code) return;
    s->code = tokens_add(&s->ids, id);
    str_clear(&s->text);
    if (!s->code) s->code = tokenizer_decode(s->tokenizer, s->ids.ids, s->ids.n, true, &s->text);
    if (!s->code) s->code = show_rest(s, printable(&s->text));
}

static err answer(struct speaker *s, const struct chat_options *o, const struct tokens *prompt) {
    struct stream stream = {.tokenizer = s->tokenizer};
    struct tokens out = {0};
    struct speaker_call call = {.prompt = prompt->ids,
                                .n_prompt = prompt->n,
                                .max_new_tokens = o->max_new_tokens,
                                .generate = {.on_token = take_token, .ctx = &stream},
                                .isolate = ISOLATE_NONE};
    err e = speaker_answer(s, &call, &out);
    if (!e) e = stream.code;
    if (!e) e = show_rest(&stream, stream.text.len);
    if (!e) e = print_text(&(struct str){.data = (char[]){"\n"}, .len = 1});
    tokens_release(&out);
    tokens_release(&stream.ids);
    str_release(&stream.text);
    return e;
}

/* The question with its newlines. */
static err question_text(const char *line, size_t n, struct str *out) {
    static const char newline[] = "<n>";
    const size_t mark = sizeof newline - 1;
    for (size_t i = 0; i < n;) {
        bool here = n - i >= mark && memcmp(line + i, newline, mark) == 0;
        TRY(str_append(out, here ? "\n" : line + i, 1));
        i += here ? mark : 1;
    }
    return ERR_OK;
}

static err answer_line(struct speaker *s, const struct chat_options *o, const char *line,
                       size_t n) {
    enum special_whitespace whitespace;
    struct tokens prompt = {0};
    TRY(special_whitespace_parse(o->special_whitespace, &whitespace));
    if (utf8_invalid_at(line, n) >= 0)
        return fail(ERR_PARSE, "ill-formed UTF-8 at byte %lld",
                    (long long)utf8_invalid_at(line, n));
    struct str question = {0};
    err e = question_text(line, n, &question);
    if (!e)
        e = tokenizer_encode_prompt(s->tokenizer, str_text(&question), question.len, whitespace,
                                    &prompt);
    if (!e) e = answer(s, o, &prompt);
    str_release(&question);
    tokens_release(&prompt);
    return e;
}

static err answer_all(struct speaker *s, const struct chat_options *o) {
    struct line_reader reader;
    bool more = true;
    TRY(line_reader_open(&reader, "/dev/stdin", LINE_MAX_BYTES));
    err e = ERR_OK;
    while (!e) {
        if (isatty(STDIN_FILENO)) e = print_text(&(struct str){.data = (char[]){"> "}, .len = 2});
        if (!e) e = line_reader_next(&reader, &more);
        if (e || !more) break;
        if (!reader.len) continue;
        e = answer_line(s, o, reader.line, reader.len);
        if (e) fail_in(e, "line %lld", (long long)reader.line_number);
    }
    line_reader_close(&reader);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct chat_options *o = given;
    struct speaker s;
    (void)arena;
    TRY(speaker_open(&s, &(struct speaker_options){.model_dir = o->model,
                                                   .adapter_dir = o->adapter,
                                                   .device = o->device,
                                                   .tokenizer_dir = o->tokenizer,
                                                   .tokenizer_needed = true}));
    err e = answer_all(&s, o);
    speaker_close(&s);
    return e;
}

const struct command cmd_chat = {
    .noun = "chat",
    .verb = "",
    .summary = "answers questions from standard input, a line each",
    .details = "A newline inside a question is written <n>.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct chat_options),
    .run = run,
};
