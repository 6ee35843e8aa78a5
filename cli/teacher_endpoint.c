/* SPDX-License-Identifier: Apache-2.0
 * An endpoint as a teacher: questions go to remote/chat.h, what became of each comes back with the
 * outcome of every try.
 * Read next: cli/teachers.h, the contract; remote/chat.h for what the outcomes mean. */
#include "cli/endpoint.h"
#include "cli/teachers.h"

#include "base/mem.h"

struct asking_endpoint {
    const struct expand_teacher *options;
    struct endpoint endpoint;
    struct str settings, tried;
    const struct teacher_call *call; /* under way */
};

static err note(void *ctx, int64_t question, const struct chat_answer *a) {
    struct asking_endpoint *s = ctx;
    str_clear(&s->tried);
    for (int64_t i = 0; i < a->n_tries; i++)
        TRY(str_printf(&s->tried, "%s%s", i ? " " : "",
                       chat_outcome_word((enum chat_outcome)a->tried[i])));
    const struct teacher_answer out = {.outcome = chat_outcome_word(a->outcome),
                                       .text = str_text(&a->text),
                                       .tried = str_text(&s->tried),
                                       .n_tries = a->n_tries,
                                       .prompt_tokens = a->prompt_tokens,
                                       .answer_tokens = a->answer_tokens};
    return s->call->done(s->call->ctx, question, &out);
}

static err ask_endpoint(void *context, const struct teacher_call *call) {
    struct asking_endpoint *s = context;
    struct chat_question *questions = mem_alloc((size_t)call->n + 1, sizeof *questions);
    struct chat_run run = {.questions = questions,
                           .n = call->n,
                           .max_requests = call->max_requests,
                           .max_tokens = call->max_tokens,
                           .done = note,
                           .ctx = s};
    if (!questions) return ERR_MEMORY;
    for (int64_t i = 0; i < call->n; i++)
        questions[i] = (struct chat_question){call->questions[i].prompt, call->questions[i].seed};
    s->call = call;
    err e = chat_ask(s->endpoint.chat, &run);
    mem_free(questions);
    return e;
}

static void close_endpoint(void *state) {
    struct asking_endpoint *s = state;
    endpoint_close(&s->endpoint);
    str_release(&s->settings);
    str_release(&s->tried);
    mem_free(s);
}

err teacher_open_endpoint(struct teacher_use *use, const struct expand_teacher *o) {
    const struct chat_options options = {.url = o->url,
                                         .model = o->model,
                                         .temperature = o->temperature,
                                         .top_p = o->top_p,
                                         .max_new_tokens = o->max_new_tokens,
                                         .concurrency = o->concurrency,
                                         .tries = o->tries,
                                         .stall_timeout_ms = o->stall_timeout_ms,
                                         .backoff_ms = o->backoff_ms};
    struct asking_endpoint *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->options = o;
    use->state = s;
    use->close = close_endpoint;
    TRY(teacher_settings(o, &s->settings));
    TRY(endpoint_open(&s->endpoint, &options, o->token_file));
    use->teacher = (struct teacher){.generator = "endpoint",
                                    .model = o->model,
                                    .settings = str_text(&s->settings),
                                    .ask = ask_endpoint,
                                    .context = s};
    return ERR_OK;
}
