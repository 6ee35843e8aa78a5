/* SPDX-License-Identifier: Apache-2.0
 * One question, one answer: greedy, so that the same model proposes the same again. The endpoint's
 * protocol is remote/chat.h's.
 * Read next: cli/proposers.h, the contract. */
#include "cli/proposers.h"

#include "eval/answers.h"

/* ---- an endpoint ---- */

static err take_answer(void *ctx, int64_t question, const struct chat_answer *a) {
    (void)question;
    if (a->outcome == CHAT_ANSWERED) return str_add(ctx, str_text(&a->text));
    return fail(a->outcome == CHAT_MALFORMED ? ERR_PARSE : ERR_IO, "%s", str_text(&a->why));
}

static err ask_endpoint(void *context, const char *prompt, struct str *answer) {
    struct proposer_use *p = context;
    const struct chat_question question = {.prompt = prompt, .seed = -1};
    struct chat_run run = {.questions = &question, .n = 1, .done = take_answer, .ctx = answer};
    return chat_ask(p->endpoint.chat, &run);
}

static err open_endpoint(struct proposer_use *p) {
    const struct proposer_options *o = p->options;
    if (!o->model)
        return fail_hint(fail(ERR_USAGE, "the endpoint is not told which model to ask"),
                         "give --model NAME with --url");
    p->proposer = (struct proposer){ask_endpoint, p};
    const struct chat_options options = {
        .url = o->url, .model = o->model, .max_new_tokens = o->max_new_tokens};
    return endpoint_open(&p->endpoint, &options, o->token_file);
}

/* ---- this machine ---- */

static err ask_local(void *context, const char *prompt, struct str *answer) {
    struct proposer_use *p = context;
    struct answer one = {.prompt = prompt};
    const struct answer_options options = {.max_new_tokens = p->options->max_new_tokens};
    err e = answers_decode(&p->subject, &one, 1, &options);
    if (e == ERR_OK) e = str_add(answer, one.text);
    answers_clear(&one, 1);
    return e;
}

static err open_local(struct proposer_use *p) {
    const struct eval_subject_options options = {.model_dir = p->options->model_dir,
                                                 .device = p->options->device};
    p->local = true;
    p->proposer = (struct proposer){ask_local, p};
    return eval_subject_open(&p->subject, &options);
}

err proposer_open(struct proposer_use *p, const struct proposer_options *options) {
    *p = (struct proposer_use){.options = options};
    if (!options->url == !options->model_dir)
        return fail(ERR_USAGE, "give either --url of an endpoint or --model-dir of a local model");
    return options->url ? open_endpoint(p) : open_local(p);
}

void proposer_close(struct proposer_use *p) {
    endpoint_close(&p->endpoint);
    if (p->local) eval_subject_close(&p->subject);
}
