/* SPDX-License-Identifier: Apache-2.0
 * What an evaluation during training asks (cli/train_eval.h), joined from eval/. Tasks are checked
 * when the recipe is read, so that a name that is none costs no training.
 * Read next: cli/train_stage.c. */
#include "cli/train_eval.h"
#include "base/mem.h"
#include "cli/train_rows.h"
#include "model/decoder.h"
#include <math.h>
#include <string.h>

/* 26 MiB were measured with the 134,953 pieces of Yuan 2.0. */
#define TOKENIZER_BYTES (28LL << 20)

/* Names that would hide what a line of run.jsonl has beside tasks. */
static err check_name(const char *name) {
    static const char *const taken[] = {"loss", "rows", "seconds"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(name, taken[i]) == 0)
            return fail(ERR_RANGE, "train.eval_tasks: a task cannot be called '%s'", name);
    return ERR_OK;
}

/* The trainer knows a task by its name alone, and that must not mislead it. */
static err check_direction(const struct train_options *o, const struct eval_task *task) {
    if (!best_wanted(o) || o->greater_is_better != NULL) return ERR_OK;
    if (strcmp(best_metric(o), task->name) != 0) return ERR_OK;
    if (best_is_greater(o) == task->higher_is_better) return ERR_OK;
    fail(ERR_RANGE, "train.metric_for_best_model: '%s' gets better by %s", task->name,
         task->higher_is_better ? "rising" : "falling");
    return fail_hint(ERR_RANGE, "set train.greater_is_better: %s",
                     task->higher_is_better ? "true" : "false");
}

static err check_tasks(const struct chain *c, const struct user_tasks *own) {
    const struct opt_list *names = &c->train.eval_tasks;
    for (int64_t i = 0; i < names->n; i++) {
        const struct eval_task *task = NULL;
        TRY(check_name(names->items[i]));
        TRY(fail_in(user_tasks_find(own, names->items[i], &task), "train.eval_tasks"));
        TRY(check_direction(&c->train, task));
    }
    return ERR_OK;
}

err train_eval_check(const struct chain *c) {
    struct user_tasks own;
    if (c->train.eval_tasks.n == 0) return ERR_OK;
    TRY(user_tasks_open(&own, &c->eval.task_files));
    err result = check_tasks(c, &own);
    user_tasks_close(&own);
    return result;
}

static err decoder_need(const struct chain *c, const struct model *m, int64_t *out) {
    struct decoder_options one = {.n_texts = 1, .max_tokens = c->train.sequence_len};
    if (one.max_tokens > m->config.max_positions) one.max_tokens = m->config.max_positions;
    return decoder_fit(m, &one, INT64_MAX, out);
}

err train_eval_bytes(const struct chain *c, const struct model *m, int64_t text_bytes,
                     int64_t *out) {
    *out = 0;
    if (c->train.eval_tasks.n == 0 || !evaluation_wanted(&c->train)) return ERR_OK;
    TRY(decoder_need(c, m, out));
    *out += TOKENIZER_BYTES + (m->compute->backend->host_memory ? text_bytes : 0);
    return ERR_OK;
}

/* A tokenizer that does not open is reported with the model. */
static err open_during(struct train_eval *e) {
    struct tokenizer *t = NULL;
    if (tokenizer_open(&t, e->chain->base_model.path) != ERR_OK) err_clear();
    err result = eval_during_open(&e->during, &e->run, &e->chain->train.eval_tasks, t);
    tokenizer_free(t);
    return result;
}

static err open_tasks(struct train_eval *e, struct dataset *d) {
    const struct opt_list *names = &e->chain->train.eval_tasks;
    TRY(eval_cases_load(&e->cases, &e->chain->requests, d, e->chain->eval.limit));
    e->scores = mem_zalloc((size_t)names->n, sizeof *e->scores);
    if (e->scores == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < names->n; i++) e->scores[i].name = names->items[i];
    TRY(open_during(e));
    if (e->during.max_tokens <= e->chain->train.sequence_len) return ERR_OK;
    fail(ERR_LIMIT, "train.eval_tasks: texts of %lld tokens, and train.sequence_len is %lld",
         (long long)e->during.max_tokens, (long long)e->chain->train.sequence_len);
    return fail_hint(ERR_LIMIT, "ask such tasks before and after training: eval.tasks");
}

/* Where there are tasks only, no loss can choose a model. */
static err check_loss(const struct train_eval *e) {
    const struct train_options *o = &e->chain->train;
    if (!e->asks || !best_wanted(o) || strcmp(best_metric(o), "loss") != 0) return ERR_OK;
    if (validation_max_tokens(&e->validation) > 0) return ERR_OK;
    fail(ERR_MISSING, "a model is to be chosen by the loss, and there are no validation rows");
    return fail_hint(ERR_MISSING, "set data.validation, the share of the rows that is kept for "
                                  "it, or choose by a task: train.metric_for_best_model");
}

err train_eval_open(struct train_eval *e, const struct chain *c, struct dataset *d) {
    *e = (struct train_eval){.chain = c,
                             .run = {.options = &c->eval,
                                     .cases = &e->cases,
                                     .dataset = d,
                                     .datasets = {.folder = c->eval.datasets}}};
    TRY(train_loader_options(&c->train, SPLIT_VALID, &e->run.loader, &e->run.isolate));
    TRY(special_whitespace_parse(c->data.special_whitespace, &e->run.whitespace));
    TRY(validation_open(&e->validation, d, &e->run.loader, e->run.isolate));
    e->asks = c->train.eval_tasks.n > 0 && evaluation_wanted(&c->train);
    TRY(check_loss(e));
    return e->asks ? open_tasks(e, d) : ERR_OK;
}

void train_eval_close(struct train_eval *e) {
    eval_during_close(&e->during);
    eval_cases_release(&e->cases);
    validation_close(&e->validation);
    mem_free(e->scores);
    *e = (struct train_eval){0};
}

int64_t train_eval_text_bytes(const struct train_eval *e) {
    return e->during.text_bytes;
}

int64_t train_eval_max_tokens(const struct train_eval *e) {
    const int64_t rows = validation_max_tokens(&e->validation);
    return rows > e->during.max_tokens ? rows : e->during.max_tokens;
}

bool train_eval_any(const struct train_eval *e) {
    return e->asks || validation_max_tokens(&e->validation) > 0;
}

static err ask_tasks(struct train_eval *e, struct model *m, struct train_evaluation *out) {
    if (e->during.subject.tokenizer == NULL) {
        TRY(decoder_need(e->chain, m, &e->decoder_bytes));
        TRY(eval_during_start(&e->during, m, e->chain->base_model.path, e->decoder_bytes));
    }
    for (int64_t i = 0; i < e->during.n; i++)
        TRY(eval_during_ask(&e->during, i, &e->scores[i].value));
    out->scores = e->scores;
    out->n_scores = e->during.n;
    return ERR_OK;
}

err train_eval_run(struct train_eval *e, struct model *m, struct train_evaluation *out) {
    struct validation_sums sums;
    TRY(validation_run(&e->validation, m, &sums));
    out->rows = sums.n_rows;
    out->loss = sums.n_tokens > 0 ? sums.loss / (double)sums.n_tokens : (double)NAN;
    return e->asks ? ask_tasks(e, m, out) : ERR_OK;
}
