/* SPDX-License-Identifier: Apache-2.0
 * Opening a model for evaluation: weights and adapter are planned for forward passes only, and the
 * folders' digests are taken so that a report names what it measured.
 * Read next: eval/answers.c and eval/tasks/, which use it. */
#include "eval/subject.h"
#include "base/log.h"
#include "eval/digest.h"
#include "eval/fit.h"
#include <string.h>

/* A tokenizer that does not belong to the model is refused before the weights are used. */
static err open_tokenizer(struct eval_subject *s, const struct eval_subject_options *options) {
    const char *dir = options->tokenizer_dir ? options->tokenizer_dir : options->model_dir;
    TRY(tokenizer_open(&s->tokenizer, dir));
    return tokenizer_fits_model(s->tokenizer, &s->model.config);
}

static err plan_model(struct eval_subject *s, const struct eval_subject_options *options) {
    TRY(compute_open(&s->compute, options->device));
    s->compute_is_open = true;
    TRY(model_open(&s->model, options->model_dir, &s->compute));
    s->model_is_open = true;
    TRY(open_tokenizer(s, options));
    if (options->adapter_dir != NULL)
        TRY(adapter_open(&s->adapter, &s->model, options->adapter_dir));
    return eval_memory_plan(&s->model, s->adapter, options->max_tokens, &s->plan);
}

static err start_model(struct eval_subject *s, const struct eval_subject_options *options) {
    TRY(plan_allocate(&s->plan, &s->compute));
    TRY(model_start(&s->model, &s->plan));
    if (s->adapter != NULL) TRY(adapter_start(s->adapter, &s->plan));
    return batch_init(&s->batch, options->max_tokens > 0 ? options->max_tokens : 1);
}

err eval_subject_plan(struct eval_subject *s, const struct eval_subject_options *options) {
    *s = (struct eval_subject){0};
    err result = plan_model(s, options);
    if (result == ERR_OK) return ERR_OK;
    eval_subject_close(s);
    return fail_in(result, "model '%s'", options->model_dir);
}

err eval_subject_start(struct eval_subject *s, const struct eval_subject_options *options) {
    return fail_in(start_model(s, options), "model '%s'", options->model_dir);
}

err eval_subject_open(struct eval_subject *s, const struct eval_subject_options *options) {
    TRY(eval_subject_plan(s, options));
    err result = eval_subject_start(s, options);
    if (result != ERR_OK) eval_subject_close(s);
    return result;
}

err eval_subject_digest(struct eval_subject *s, const struct eval_subject_options *options) {
    err result = digest_model(options->model_dir, s->model_digest);
    if (result == ERR_OK && options->adapter_dir != NULL)
        result = digest_adapter(options->adapter_dir, s->adapter_digest);
    return fail_in(result, "model '%s'", options->model_dir);
}

void eval_subject_close(struct eval_subject *s) {
    batch_release(&s->batch);
    tokenizer_free(s->tokenizer);
    adapter_free(s->adapter);
    if (s->model_is_open) model_close(&s->model);
    plan_release(&s->plan);
    if (s->compute_is_open) compute_close(&s->compute);
    *s = (struct eval_subject){0};
}

err eval_subject_decoder(struct eval_subject *s, int64_t n_texts, int64_t max_tokens,
                         struct decoder **out) {
    struct decoder_options options = {.n_texts = n_texts < EVAL_TEXTS ? n_texts : EVAL_TEXTS,
                                      .max_tokens = max_tokens,
                                      .isolate = ISOLATE_NONE};
    int64_t bytes = 0;
    TRY(decoder_fit(&s->model, &options, s->decoder_limit > 0 ? s->decoder_limit : INT64_MAX,
                    &bytes));
    LOG(EVAL, INFO, "%lld texts of at most %lld tokens side by side, in %lld bytes",
        (long long)options.n_texts, (long long)max_tokens, (long long)bytes);
    return decoder_new(out, &s->model, &options);
}

void eval_subject_decoder_free(struct eval_subject *s, struct decoder *d) {
    if (s->on_most != NULL) s->on_most(s->ctx);
    decoder_free(d);
}

err eval_subject_hold(struct eval_subject *s, struct span text, int64_t asked_bytes) {
    int64_t n = (int64_t)text.n - asked_bytes;
    for (size_t i = 0; i < text.n; i++) n += text.text[i] == '\n' ? 2 : 0; /* recorded as <n> */
    if (n < 0) n = 0;
    s->task_bytes += n;
    s->all_bytes += n;
    const int64_t held = EVAL_HELD_COPIES * s->task_bytes + s->all_bytes;
    if (s->answer_limit == 0 || held <= s->answer_limit) return ERR_OK;
    fail(ERR_LIMIT, "the answers so far hold %lld bytes of memory, and %lld are left for them",
         (long long)held, (long long)s->answer_limit);
    return fail_hint(ERR_LIMIT, "give more with --memory, or ask for fewer or shorter ones: "
                                "eval.limit, eval.max_new_tokens, eval.suite_max_new_tokens");
}

void eval_subject_next_task(struct eval_subject *s) {
    s->task_bytes = 0;
}

err eval_subject_pass(struct eval_subject *s, const int32_t *ids, int64_t n) {
    batch_clear(&s->batch);
    TRY(batch_add_row(&s->batch, n, ids, NULL, NULL, s->model.config.eod, ISOLATE_NONE));
    struct model_call call = {.batch = &s->batch};
    return model_forward(&s->model, &call);
}

err eval_subject_logits(struct eval_subject *s, const int32_t *ids, int64_t n, int64_t first,
                        float *out) {
    TRY(eval_subject_pass(s, ids, n));
    return model_logits(&s->model, first, n, out);
}
