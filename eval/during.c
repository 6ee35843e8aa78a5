/* SPDX-License-Identifier: Apache-2.0
 * Asking tasks in the middle of training (eval/during.h). The subject holds the training's model by
 * its handle; closing it closes nothing of that.
 * Read next: eval/run.c, which asks them before and after. */
#include "eval/during.h"
#include "base/mem.h"
#include "eval/fit.h"

static err count_task(struct eval_during *d, int64_t token_bytes) {
    struct eval_need need = {.token_bytes = token_bytes};
    TRY(fail_in(d->context.task->need(&d->context, &need), "task '%s'", d->context.task->name));
    const int64_t text_bytes = eval_need_bytes(&need, token_bytes);
    if (need.pass_tokens > d->max_tokens) d->max_tokens = need.pass_tokens;
    if (text_bytes > d->text_bytes) d->text_bytes = text_bytes;
    return ERR_OK;
}

static err find_tasks(struct eval_during *d, const struct opt_list *names) {
    const int64_t token_bytes = eval_token_bytes(d->context.tokenizer);
    d->tasks = mem_alloc((size_t)names->n + 1, sizeof *d->tasks);
    if (d->tasks == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < names->n; i++) {
        TRY(user_tasks_find(&d->own, names->items[i], &d->tasks[i]));
        d->context.task = d->tasks[i];
        TRY(count_task(d, token_bytes));
    }
    d->n = names->n;
    return ERR_OK;
}

err eval_during_open(struct eval_during *d, const struct eval_run *run,
                     const struct opt_list *names, const struct tokenizer *tokenizer) {
    *d = (struct eval_during){.context = eval_run_context(run)};
    TRY(user_tasks_open(&d->own, &run->options->task_files));
    d->context.tokenizer = tokenizer;
    err result = find_tasks(d, names);
    d->context.tokenizer = NULL;
    return result;
}

err eval_during_start(struct eval_during *d, const struct model *m, const char *tokenizer_dir,
                      int64_t memory_bytes) {
    d->subject = (struct eval_subject){.model = *m, .decoder_limit = memory_bytes};
    d->context.subject = &d->subject;
    TRY(tokenizer_open(&d->subject.tokenizer, tokenizer_dir));
    TRY(tokenizer_fits_model(d->subject.tokenizer, &m->config));
    return batch_init(&d->subject.batch, d->max_tokens > 0 ? d->max_tokens : 1);
}

static err score_of(const struct eval_task *task, const json_t *part, double *out) {
    const json_t *score = json_object_get(json_object_get(part, "scores"), task->metric);
    if (!json_is_number(score))
        return fail(ERR_MISSING, "there is nothing that it could score by '%s'", task->metric);
    *out = json_number_value(score);
    return ERR_OK;
}

err eval_during_ask(struct eval_during *d, int64_t task, double *out_score) {
    json_t *part = NULL;
    d->context.task = d->tasks[task];
    err result = d->tasks[task]->run(&d->context, &part);
    if (result == ERR_OK) result = score_of(d->tasks[task], part, out_score);
    json_decref(part);
    return fail_in(result, "task '%s'", d->tasks[task]->name);
}

void eval_during_close(struct eval_during *d) {
    eval_subject_close(&d->subject);
    user_tasks_close(&d->own);
    mem_free(d->tasks);
    *d = (struct eval_during){0};
}
