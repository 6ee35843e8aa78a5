/* SPDX-License-Identifier: Apache-2.0
 * The teacher that a recipe names, and a model on this machine as one: its answers are drawn with
 * the question's seed, a chunk of questions at a time, so that what was answered is written down
 * before the next ones begin.
 * Read next: cli/teachers.h, the contract; cli/teacher_endpoint.c for the other kind. */
#include "cli/teachers.h"

#include "base/mem.h"
#include "base/par.h"
#include "base/stop.h"
#include "eval/answers.h"
#include <string.h>

err teacher_settings(const struct expand_teacher *o, struct str *out) {
    return str_printf(out, "temperature %.17g, top_p %.17g, max_new_tokens %lld", o->temperature,
                      o->top_p, (long long)o->max_new_tokens);
}

err teacher_open(struct teacher_use *use, const struct expand_teacher *options,
                 const char *device) {
    *use = (struct teacher_use){0};
    if (options->model_dir) return teacher_open_local(use, options, device);
#ifdef COTRAIN_PROGRAMME
    return teacher_open_endpoint(use, options);
#else
    return fail(ERR_UNSUPPORTED, "this program was built without libcurl: it asks no endpoint");
#endif
}

void teacher_close(struct teacher_use *use) {
    if (use->close) use->close(use->state);
    *use = (struct teacher_use){0};
}

/* ---- a model on this machine ---- */

enum { CHUNK_PER_THREAD = 2 };

struct local {
    const struct expand_teacher *options;
    struct eval_subject subject;
    struct str settings;
};

/* Whether the prompt leaves room for an answer. */
static err fits(struct local *l, const char *prompt, bool *out) {
    struct tokens ids = {0};
    err e = tokenizer_encode_prompt(l->subject.tokenizer, prompt, strlen(prompt), WHITESPACE_STRIP,
                                    &ids);
    *out = ids.n < l->subject.model.config.max_positions;
    tokens_release(&ids);
    return e;
}

static err report(const struct teacher_call *call, int64_t question, const struct answer *a,
                  int64_t *spent) {
    /* An answer without an end is cut off, one without a character says nothing. */
    const char *text = a && a->text ? a->text : "";
    const char *outcome = !a                                      ? "too_long"
                          : !a->ended                             ? "long"
                          : text[strspn(text, " \t\r\n")] == '\0' ? "empty"
                                                                  : "answered";
    const struct teacher_answer out = {.outcome = outcome,
                                       .text = strcmp(outcome, "answered") == 0 ? text : "",
                                       .tried = outcome,
                                       .n_tries = 1,
                                       .prompt_tokens = a ? a->n_prompt_tokens : 0,
                                       .answer_tokens = a ? a->n_tokens : 0};
    *spent += out.prompt_tokens + out.answer_tokens;
    return call->done(call->ctx, question, &out);
}

/* Answers questions [begin, end). */
static err ask_chunk(struct local *l, const struct teacher_call *call, int64_t begin, int64_t end,
                     int64_t *spent) {
    int64_t n = 0;
    struct answer *answers = mem_zalloc((size_t)(end - begin), sizeof *answers);
    int64_t *numbers = mem_zalloc((size_t)(end - begin), sizeof *numbers);
    const struct answer_options options = {
        .max_new_tokens = l->options->max_new_tokens,
        .whitespace = WHITESPACE_STRIP,
        .sampling = {.temperature = l->options->temperature, .top_p = l->options->top_p}};
    err e = answers && numbers ? ERR_OK : ERR_MEMORY;
    for (int64_t i = begin; i < end && e == ERR_OK; i++) {
        bool room;
        e = fits(l, call->questions[i].prompt, &room);
        if (e == ERR_OK && !room) e = report(call, i, NULL, spent);
        if (e != ERR_OK || !room) continue;
        numbers[n] = i;
        answers[n++] = (struct answer){.prompt = call->questions[i].prompt,
                                       .number = (uint64_t)call->questions[i].seed};
    }
    if (e == ERR_OK) e = answers_decode(&l->subject, answers, n, &options);
    for (int64_t i = 0; i < n && e == ERR_OK; i++) e = report(call, numbers[i], &answers[i], spent);
    if (answers) answers_clear(answers, n);
    mem_free(answers);
    mem_free(numbers);
    return e;
}

static err ask_local(void *context, const struct teacher_call *call) {
    struct local *l = context;
    int64_t n = call->n, spent = 0, chunk = CHUNK_PER_THREAD * (int64_t)par_threads();
    if (call->max_requests > 0 && call->max_requests < n) n = call->max_requests;
    for (int64_t i = 0; i < n; i += chunk) {
        if (call->max_tokens > 0 && spent >= call->max_tokens) return ERR_OK;
        if (stop_asked()) return fail(ERR_STOPPED, "asked to stop while questions were open");
        TRY(ask_chunk(l, call, i, i + chunk < n ? i + chunk : n, &spent));
    }
    return ERR_OK;
}

static void close_local(void *state) {
    struct local *l = state;
    eval_subject_close(&l->subject);
    str_release(&l->settings);
    mem_free(l);
}

err teacher_open_local(struct teacher_use *use, const struct expand_teacher *options,
                       const char *device) {
    const struct eval_subject_options what = {.model_dir = options->model_dir, .device = device};
    struct local *l = mem_zalloc(1, sizeof *l);
    if (!l) return ERR_MEMORY;
    l->options = options;
    use->state = l;
    use->close = close_local;
    TRY(teacher_settings(options, &l->settings));
    TRY(eval_subject_open(&l->subject, &what));
    TRY(eval_subject_digest(&l->subject, &what));
    use->teacher = (struct teacher){.generator = "model",
                                    .model = l->subject.model_digest,
                                    .settings = str_text(&l->settings),
                                    .ask = ask_local,
                                    .context = l};
    return ERR_OK;
}
