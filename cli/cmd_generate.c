/* SPDX-License-Identifier: Apache-2.0
 * cotrain generate: continues one prompt, given as text or as token ids. Greedy is the only way of
 * choosing a token so far; --greedy says so and --no-greedy is refused.
 * Read next: cli/speaker.h. */
#include "cli/command.h"
#include "cli/speaker.h"
#include <string.h>

struct generate_command {
    const char *model, *adapter, *prompt, *tokenizer, *special_whitespace, *isolate, *device;
    struct opt_list prompt_ids;
    int64_t max_new_tokens;
    bool greedy, raw, ignore_eod, json;
};

#define ROW(field, ...) OPT(struct generate_command, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR", .help = "model folder"),
    ROW(adapter, .value = "DIR", .help = "PEFT adapter folder on top of it"),
    ROW(prompt, .value = "TEXT", .help = "a question; <sep> is put behind it"),
    ROW(prompt_ids, .value = "1,2,3", .help = "token ids instead of a text"),
    ROW(raw, .help = "--prompt as it is: special tokens count, no <sep> is added"),
    ROW(max_new_tokens, .min = 1, .max = 1e6, .preset = "256",
        .help = "at most this many; fewer where the model's positions end"),
    ROW(greedy, .preset = "true", .help = "always the most likely token"),
    ROW(ignore_eod, .help = "go on after <eod>"),
    ROW(isolate, .choices = "all,attention,none", .preset = "none",
        .help = "what stops at a document's border"),
    ROW(tokenizer, .value = "DIR", .help = "folder with tokenizer.model; default: the model's"),
    ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
        .help = "white space beside special tokens"),
    ROW(device, .value = "NAME", .help = "backend; default: the first that works"),
    ROW(json, .help = "as JSON: ids, and the text where there is a tokenizer"),
};

static err parse_ids(const struct opt_list *list, struct tokens *out) {
    for (int64_t i = 0; i < list->n; i++) {
        int64_t id;
        err e = str_to_int64(list->items[i], &id);
        if (e) return fail_in(ERR_USAGE, "--prompt-ids");
        if (id < 0 || id > INT32_MAX)
            return fail(ERR_USAGE, "--prompt-ids: %lld is no token id", (long long)id);
        TRY(tokens_add(out, (int32_t)id));
    }
    return ERR_OK;
}

static err make_prompt(const struct generate_command *o, const struct speaker *s,
                       struct tokens *out) {
    enum special_whitespace whitespace;
    if (o->prompt_ids.n) return parse_ids(&o->prompt_ids, out);
    TRY(special_whitespace_parse(o->special_whitespace, &whitespace));
    const size_t n = strlen(o->prompt);
    if (utf8_invalid_at(o->prompt, n) >= 0)
        return fail(ERR_PARSE, "--prompt: ill-formed UTF-8 at byte %lld",
                    (long long)utf8_invalid_at(o->prompt, n));
    return o->raw ? tokenizer_encode(s->tokenizer, o->prompt, n, whitespace, out)
                  : tokenizer_encode_prompt(s->tokenizer, o->prompt, n, whitespace, out);
}

static err show_json(const struct tokens *ids, const struct str *text, bool has_text) {
    json_t *out = json_object(), *list = json_array();
    err e = json_put(out, "ids", list);
    for (int64_t i = 0; i < ids->n && !e; i++) e = json_push(list, json_integer(ids->ids[i]));
    if (has_text && !e) e = json_put(out, "text", json_stringn(str_text(text), text->len));
    if (!e) e = print_json(out);
    json_decref(out);
    return e;
}

static err show(const struct generate_command *o, const struct speaker *s,
                const struct tokens *ids) {
    struct str text = {0};
    err e = ERR_OK;
    if (s->tokenizer) e = tokenizer_decode(s->tokenizer, ids->ids, ids->n, true, &text);
    if (!e && o->json) {
        e = show_json(ids, &text, s->tokenizer != NULL);
    } else if (!e) {
        for (int64_t i = 0; i < ids->n && !s->tokenizer && !e; i++)
            e = str_printf(&text, i ? ",%d" : "%d", ids->ids[i]);
        if (!e) e = str_add(&text, "\n");
        if (!e) e = print_text(&text);
    }
    str_release(&text);
    return e;
}

static err check_options(const struct generate_command *o) {
    if (!o->greedy) return fail(ERR_UNSUPPORTED, "--no-greedy: sampling is not there yet");
    if ((o->prompt != NULL) == (o->prompt_ids.n > 0))
        return fail(ERR_USAGE, "one of --prompt and --prompt-ids is needed");
    return ERR_OK;
}

static err run(const void *given, struct arena *arena) {
    const struct generate_command *o = given;
    struct speaker s;
    struct tokens prompt = {0}, answer = {0};
    struct speaker_call call = {.max_new_tokens = o->max_new_tokens,
                                .generate = {.ignore_eod = o->ignore_eod}};
    (void)arena;
    TRY(check_options(o));
    TRY(isolate_parse(o->isolate, &call.isolate));
    TRY(speaker_open(&s, &(struct speaker_options){.model_dir = o->model,
                                                   .adapter_dir = o->adapter,
                                                   .device = o->device,
                                                   .tokenizer_dir = o->tokenizer,
                                                   .tokenizer_needed = o->prompt != NULL}));
    err e = make_prompt(o, &s, &prompt);
    call.prompt = prompt.ids;
    call.n_prompt = prompt.n;
    if (!e) e = speaker_answer(&s, &call, &answer);
    if (!e) e = show(o, &s, &answer);
    tokens_release(&prompt);
    tokens_release(&answer);
    speaker_close(&s);
    return e;
}

const struct command cmd_generate = {
    .noun = "generate",
    .verb = "",
    .summary = "continues a prompt",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct generate_command),
    .run = run,
};
