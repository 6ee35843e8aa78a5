/* SPDX-License-Identifier: Apache-2.0
 * cotrain generate: continues prompts, given as texts, as token ids or as a file of either. One
 * answer is shown as it comes; several are JSON Lines in the prompts' order, each as soon as those
 * before it are there.
 * Read next: cli/speaker.h, cli/questions.h. */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/questions.h"
#include "cli/sampling.h"
#include "cli/speaker.h"
#include "cli/speed.h"
#include "cli/stream.h"

struct generate_command {
    struct sampling_options sampling; /* first: its rows are shared */
    const char *model, *adapter, *prompts, *tokenizer, *special_whitespace, *isolate, *device;
    struct opt_list prompt, prompt_ids;
    int64_t max_new_tokens, num_samples, batch_size;
    bool raw, ignore_eod, json, stats;
};

#define ROW(field, ...) OPT(struct generate_command, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(adapter, .value = "DIR", .help = "PEFT adapter folder on top of it"),
    ROW(prompt, .repeated = true, .value = "TEXT",
        .help = "a question; <sep> is put behind it; may be repeated"),
    ROW(prompt_ids, .value = "1,2,3", .help = "token ids instead of a text"),
    ROW(prompts, .value = "FILE", .help = "JSON Lines with \"prompt\" or \"ids\""),
    ROW(raw, .help = "texts as they are: special tokens count, no <sep> is added"),
    ROW(max_new_tokens, .min = 1, .max = 1e6, .preset = "256",
        .help = "at most this many; fewer where the model's positions end"),
    SAMPLING_ROWS,
    ROW(num_samples, .min = 1, .max = 1e6, .preset = "1", .help = "answers to each prompt"),
    ROW(batch_size, .min = 1, .max = 4096, .preset = "8", .help = "texts decoded together"),
    ROW(ignore_eod, .help = "go on after <eod>"),
    ROW(isolate, .choices = "all,attention,none", .preset = "none",
        .help = "what stops at a document's border"),
    ROW(tokenizer, .value = "DIR", .help = "folder with tokenizer.model; default: the model's"),
    ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
        .help = "white space beside special tokens"),
    ROW(device, .value = "NAME", .help = "backend; default: the first that works"),
    ROW(json, .help = "as JSON: ids, and the text where there is a tokenizer"),
    ROW(stats, .help = "tell speed and memory on standard error at the end"),
};

struct generation {
    const struct generate_command *options;
    struct speaker speaker;
    struct questions prompts;
    struct generate_text *texts;
    bool *ended;
    int64_t n_texts, n_shown;
    struct stream stream; /* of a single text */
    bool streams;
    struct speed speed;
};

static err answer_json(const struct generation *g, const struct generate_text *text, json_t *out) {
    struct str words = {0};
    json_t *list = json_array();
    TRY(json_put(out, "ids", list));
    for (int64_t i = 0; i < text->n_out; i++) TRY(json_push(list, json_integer(text->out[i])));
    if (!g->speaker.tokenizer) return ERR_OK;
    err e = answer_text(g->speaker.tokenizer, text->out, text->n_out, &words);
    if (!e) e = json_put(out, "text", json_stringn(str_text(&words), words.len));
    str_release(&words);
    return e;
}

static err show_json(const struct generation *g, const struct generate_text *text) {
    struct str line = {0};
    json_t *out = json_object();
    err e = answer_json(g, text, out);
    if (!e) e = json_text(out, g->n_texts == 1 ? JSON_TEXT_PRETTY : 0, &line);
    if (!e && g->n_texts > 1) e = str_add(&line, "\n");
    if (!e) e = print_text(&line);
    str_release(&line);
    json_decref(out);
    return e;
}

static err show_ids(const struct generate_text *text) {
    struct str line = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < text->n_out && !e; i++)
        e = str_printf(&line, i ? ",%d" : "%d", text->out[i]);
    if (!e) e = str_add(&line, "\n");
    if (!e) e = print_text(&line);
    str_release(&line);
    return e;
}

static void on_token(void *ctx, int64_t text, int32_t id) {
    struct generation *g = ctx;
    (void)text;
    if (g->streams) stream_take(&g->stream, id);
}

/* Shows the answers whose turn it is. */
static err on_end(void *ctx, int64_t number) {
    struct generation *g = ctx;
    g->ended[number] = true;
    for (; g->n_shown < g->n_texts && g->ended[g->n_shown]; g->n_shown++) {
        const struct generate_text *text = &g->texts[g->n_shown];
        if (g->streams)
            TRY(stream_end(&g->stream));
        else if (g->n_texts > 1 || g->options->json)
            TRY(show_json(g, text));
        else
            TRY(show_ids(text));
    }
    return ERR_OK;
}

static void on_step(void *ctx, int64_t n_prompt, int64_t n_answer) {
    speed_step(&((struct generation *)ctx)->speed, n_prompt, n_answer);
}

static err read_prompts(struct generation *g) {
    const struct generate_command *o = g->options;
    struct question_options how = {.tokenizer = g->speaker.tokenizer, .raw = o->raw};
    TRY(special_whitespace_parse(o->special_whitespace, &how.whitespace));
    if (o->prompts) return questions_add_file(&g->prompts, &how, o->prompts);
    if (o->prompt_ids.n) return questions_add_ids(&g->prompts, &o->prompt_ids);
    for (int64_t i = 0; i < o->prompt.n; i++) {
        err e = questions_add_text(&g->prompts, &how, o->prompt.items[i]);
        if (e) return fail_in(e, "--prompt");
    }
    return ERR_OK;
}

static err make_texts(struct generation *g) {
    const int64_t samples = g->options->num_samples;
    g->n_texts = g->prompts.n * samples;
    g->texts = mem_zalloc((size_t)g->n_texts, sizeof *g->texts);
    g->ended = mem_zalloc((size_t)g->n_texts, sizeof *g->ended);
    if (!g->texts || !g->ended) return ERR_MEMORY;
    for (int64_t i = 0; i < g->n_texts; i++) {
        const struct tokens *prompt = &g->prompts.list[i / samples];
        g->texts[i] = (struct generate_text){
            .prompt = prompt->ids, .n_prompt = prompt->n, .number = (uint64_t)i};
    }
    g->streams = g->n_texts == 1 && !g->options->json && g->speaker.tokenizer;
    g->stream.tokenizer = g->speaker.tokenizer;
    return ERR_OK;
}

static err answer_all(struct generation *g, struct speaker_call *call) {
    int32_t *ids;
    TRY(read_prompts(g));
    TRY(make_texts(g));
    call->generate.listener = (struct generate_listener){
        .on_token = on_token, .on_end = on_end, .on_step = on_step, .ctx = g};
    speed_start(&g->speed);
    err e = speaker_generate(&g->speaker, g->texts, g->n_texts, call, &ids);
    mem_free(ids);
    if (!e && g->options->stats) speed_report(&g->speed);
    return e;
}

static err check_options(const struct generate_command *o) {
    if ((o->prompt.n > 0) + (o->prompt_ids.n > 0) + (o->prompts != NULL) != 1)
        return fail(ERR_USAGE, "one of --prompt, --prompt-ids and --prompts is needed");
    if (o->num_samples > 1 && o->sampling.temperature == 0)
        return fail_hint(fail(ERR_USAGE, "--num-samples %lld would give the same answer each time",
                              (long long)o->num_samples),
                         "give --temperature too");
    return ERR_OK;
}

static err run(const void *given, struct arena *arena) {
    const struct generate_command *o = given;
    struct generation g = {.options = o};
    struct speaker_call call = {.max_new_tokens = o->max_new_tokens,
                                .batch_size = o->batch_size,
                                .generate = {.ignore_eod = o->ignore_eod}};
    (void)arena;
    TRY(check_options(o));
    TRY(sampling_of(&o->sampling, &call.generate.sampling));
    TRY(isolate_parse(o->isolate, &call.isolate));
    TRY(speaker_open(&g.speaker, &(struct speaker_options){.model_dir = o->model,
                                                           .adapter_dir = o->adapter,
                                                           .device = o->device,
                                                           .tokenizer_dir = o->tokenizer,
                                                           .tokenizer_needed = o->prompt.n > 0}));
    err e = answer_all(&g, &call);
    stream_release(&g.stream);
    mem_free(g.texts);
    mem_free(g.ended);
    questions_release(&g.prompts);
    speaker_close(&g.speaker);
    return e;
}

const struct command cmd_generate = {
    .noun = "generate",
    .verb = "",
    .summary = "continues prompts",
    .details = "One answer is shown as it comes; several are JSON Lines in the prompts' order.\n"
               "An answer does not depend on the prompts beside it.\n" SAMPLING_DETAILS,
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct generate_command),
    .run = run,
};
