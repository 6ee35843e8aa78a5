/* SPDX-License-Identifier: Apache-2.0
 * cotrain chat: a question a line from standard input, the answer on standard output as it comes.
 * A newline inside a question is typed <n>, as in the model's own text files. With --history the
 * turns before stand in the prompt.
 * Read next: cli/conversation.h for how turns are joined. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/conversation.h"
#include "cli/sampling.h"
#include "cli/speaker.h"
#include "cli/stream.h"
#include <string.h>
#include <unistd.h>

struct chat_options {
    struct sampling_options sampling; /* first: its rows are shared */
    const char *model, *adapter, *tokenizer, *special_whitespace, *device;
    const char *turn_separator, *message_newline;
    int64_t max_new_tokens, history;
};

#define ROW(field, ...) OPT(struct chat_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(adapter, .value = "DIR", .help = "PEFT adapter folder on top of it"),
    ROW(max_new_tokens, .min = 1, .max = 1e6, .preset = "512",
        .help = "longest answer; shorter where the model's positions end"),
    ROW(history, .max = 1e6, .preset = "0",
        .help = "earlier turns that the model sees; 0: each question stands alone"),
    ROW(turn_separator, .choices = "newline,n", .preset = "newline",
        .help = "between turns: a newline, or <n> as the released chat template"),
    ROW(message_newline, .choices = "newline,n", .preset = "newline",
        .help = "how a newline inside a message is written"),
    SAMPLING_ROWS,
    ROW(tokenizer, .value = "DIR", .help = "folder with tokenizer.model; default: the model's"),
    ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
        .help = "white space beside special tokens"),
    ROW(device, .value = "NAME", .help = "backend; default: the first that works"),
};

enum { LINE_MAX_BYTES = 1 << 20 };

struct chat {
    struct speaker speaker;
    struct conversation conversation;
    struct speaker_call call;
    enum special_whitespace whitespace;
    uint64_t n_answers; /* each draws its own tokens */
};

static void on_token(void *ctx, int64_t text, int32_t id) {
    (void)text;
    stream_take(ctx, id);
}

/* The question's line with its newlines, as the prompt writes them. */
static err write_question(const struct conversation *c, const char *line, size_t n,
                          struct str *out) {
    static const char newline[] = "<n>";
    const size_t mark = sizeof newline - 1;
    for (size_t i = 0; i < n;) {
        bool here = n - i >= mark && memcmp(line + i, newline, mark) == 0;
        TRY(conversation_write(c, here ? "\n" : line + i, 1, out));
        i += here ? mark : 1;
    }
    return ERR_OK;
}

/* The whole prompt; the oldest turns are left out where they would take the answer's room. */
static err encode(struct chat *chat, const char *question, struct tokens *out) {
    struct conversation *c = &chat->conversation;
    const int64_t positions = chat->speaker.loaded.model.config.max_positions;
    const int64_t wanted =
        chat->call.max_new_tokens < positions / 4 ? chat->call.max_new_tokens : positions / 4;
    struct str text = {0};
    err e;
    for (;;) {
        str_clear(&text);
        tokens_clear(out);
        e = conversation_prompt(c, question, &text);
        if (!e)
            e = tokenizer_encode_prompt(chat->speaker.tokenizer, str_text(&text), text.len,
                                        chat->whitespace, out);
        if (e || out->n + wanted <= positions || c->n_turns == 0) break;
        LOG(CLI, INFO, "the oldest turn is left out: the model has %lld positions",
            (long long)positions);
        conversation_drop_oldest(c);
    }
    str_release(&text);
    return e;
}

/* What the model sees, for whoever wonders: COTRAIN_LOG=cli:debug. */
static err log_prompt(const struct tokens *prompt) {
    struct str line = {0};
    err e = ERR_OK;
    if (!log_on(LOG_CLI, LOG_DEBUG)) return ERR_OK;
    for (int64_t i = 0; i < prompt->n && !e; i++) e = str_printf(&line, " %d", prompt->ids[i]);
    LOG(CLI, DEBUG, "prompt:%s", str_text(&line));
    str_release(&line);
    return e;
}

static err answer(struct chat *chat, const char *question) {
    struct stream stream = {.tokenizer = chat->speaker.tokenizer};
    struct tokens prompt = {0};
    struct str written = {0};
    int32_t *ids = NULL;
    err e = encode(chat, question, &prompt);
    if (!e) e = log_prompt(&prompt);
    struct generate_text text = {
        .prompt = prompt.ids, .n_prompt = prompt.n, .number = chat->n_answers++};
    chat->call.generate.listener = (struct generate_listener){.on_token = on_token, .ctx = &stream};
    if (!e) e = speaker_generate(&chat->speaker, &text, 1, &chat->call, &ids);
    if (!e) e = stream_end(&stream);
    if (!e)
        e = conversation_write(&chat->conversation, str_text(&stream.text), stream.text.len,
                               &written);
    if (!e) e = conversation_add(&chat->conversation, question, str_text(&written));
    mem_free(ids);
    tokens_release(&prompt);
    stream_release(&stream);
    str_release(&written);
    return e;
}

static err answer_line(struct chat *chat, const char *line, size_t n) {
    struct str question = {0};
    if (utf8_invalid_at(line, n) >= 0)
        return fail(ERR_PARSE, "ill-formed UTF-8 at byte %lld",
                    (long long)utf8_invalid_at(line, n));
    err e = write_question(&chat->conversation, line, n, &question);
    if (!e) e = answer(chat, str_text(&question));
    str_release(&question);
    return e;
}

static err answer_all(struct chat *chat) {
    struct line_reader reader;
    bool more = true;
    TRY(line_reader_open(&reader, "/dev/stdin", LINE_MAX_BYTES));
    err e = ERR_OK;
    while (!e) {
        if (isatty(STDIN_FILENO)) e = print_text(&(struct str){.data = (char[]){"> "}, .len = 2});
        if (!e) e = line_reader_next(&reader, &more);
        if (e || !more) break;
        if (!reader.len) continue;
        e = answer_line(chat, reader.line, reader.len);
        if (e) fail_in(e, "line %lld", (long long)reader.line_number);
    }
    line_reader_close(&reader);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct chat_options *o = given;
    struct chat chat = {
        .conversation = {.max_turns = o->history},
        .call = {.max_new_tokens = o->max_new_tokens, .batch_size = 1, .isolate = ISOLATE_NONE}};
    (void)arena;
    TRY(sampling_of(&o->sampling, &chat.call.generate.sampling));
    TRY(newline_as_parse(o->turn_separator, &chat.conversation.separator));
    TRY(newline_as_parse(o->message_newline, &chat.conversation.in_messages));
    TRY(special_whitespace_parse(o->special_whitespace, &chat.whitespace));
    TRY(speaker_open(&chat.speaker, &(struct speaker_options){.model_dir = o->model,
                                                              .adapter_dir = o->adapter,
                                                              .device = o->device,
                                                              .tokenizer_dir = o->tokenizer,
                                                              .tokenizer_needed = true}));
    err e = answer_all(&chat);
    conversation_release(&chat.conversation);
    speaker_close(&chat.speaker);
    return e;
}

const struct command cmd_chat = {
    .noun = "chat",
    .verb = "",
    .summary = "answers questions from standard input, a line each",
    .details = "A newline inside a question is typed <n>.\n" SAMPLING_DETAILS,
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct chat_options),
    .run = run,
};
