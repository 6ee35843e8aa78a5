/* SPDX-License-Identifier: Apache-2.0
 * One question, one answer: greedy, so that the same model proposes the same again.
 * Source of the protocol: OpenAI's chat completions, POST {url}/chat/completions.
 * Read next: cli/proposers.h, the contract. */
#include "cli/proposers.h"

#include "eval/answers.h"
#include "issues/github/token.h"
#include <string.h>

enum { ANSWER_MAX_BYTES = 1 << 20, ERROR_SHOWN = 200 };

/* ---- an endpoint ---- */

static err request_body(const struct proposer_options *o, const char *prompt, struct str *out) {
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:f, s:I}", "model", o->model, "messages",
                             "role", "user", "content", prompt, "temperature", 0.0, "max_tokens",
                             (json_int_t)o->max_new_tokens);
    err e = body ? json_text(body, 0, out) : fail(ERR_MEMORY, "out of memory");
    json_decref(body);
    return e;
}

static err take_content(const struct http_answer *a, const char *url, struct str *out) {
    json_t *value;
    if (a->status != 200)
        return fail(ERR_IO, "'%s' answered %ld: %.*s", url, a->status, ERROR_SHOWN,
                    str_text(&a->body));
    TRY(json_parse(str_text(&a->body), a->body.len, url, &value));
    const json_t *choice = json_array_get(json_object_get(value, "choices"), 0);
    const char *content =
        json_string_value(json_object_get(json_object_get(choice, "message"), "content"));
    err e = content ? str_add(out, content)
                    : fail(ERR_PARSE, "'%s': the answer has no choices[0].message.content", url);
    json_decref(value);
    return e;
}

static err ask_endpoint(void *context, const char *prompt, struct str *answer) {
    struct proposer_use *p = context;
    static const char *const headers[] = {"Content-Type: application/json"};
    struct str url = {0}, body = {0};
    struct http_answer got = {0};
    err e = str_printf(&url, "%s/chat/completions", p->options->url);
    if (e == ERR_OK) e = request_body(p->options, prompt, &body);
    const struct http_request request = {.method = "POST",
                                         .url = str_text(&url),
                                         .headers = headers,
                                         .n_headers = 1,
                                         .token = p->token.len > 0 ? str_text(&p->token) : NULL,
                                         .body = body.data,
                                         .n_body = body.len,
                                         .max_bytes = ANSWER_MAX_BYTES};
    if (e == ERR_OK) e = http_send(p->http, &request, &got);
    if (e == ERR_OK) e = take_content(&got, str_text(&url), answer);
    http_answer_release(&got);
    str_release(&body);
    str_release(&url);
    return e;
}

static err open_endpoint(struct proposer_use *p) {
    const struct http_options options = {.stall_timeout_ms = 300000}; /* it thinks */
    if (!p->options->model)
        return fail_hint(fail(ERR_USAGE, "the endpoint is not told which model to ask"),
                         "give --model NAME with --url");
    TRY(http_url_check(p->options->url));
    /* The environment's token is GitHub's and nobody else's. */
    if (p->options->token_file) TRY(token_read(p->options->token_file, &p->token));
    p->proposer = (struct proposer){ask_endpoint, p};
    return http_new(&options, &p->http);
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
    http_free(p->http);
    token_release(&p->token);
    if (p->local) eval_subject_close(&p->subject);
}
