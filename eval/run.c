/* SPDX-License-Identifier: Apache-2.0
 * The tasks' table and one evaluation over it (eval/run.h). The model is opened once for all tasks,
 * with room for the longest text that any of them passes through it.
 * Read next: eval/tasks/requests.c. */
#include "eval/run.h"
#include "base/log.h"
#include "eval/gates.h"
#include "eval/report.h"
#include "eval/suite.h"
#include "eval/user_task.h"
#include <string.h>

const struct eval_task *const eval_tasks[] = {
#define TASK(name) &eval_task_##name,
#include "eval/tasks.def"
#undef TASK
};
const int n_eval_tasks = sizeof eval_tasks / sizeof eval_tasks[0];

err eval_task_find(const char *name, const struct eval_task **out) {
    const char *names[sizeof eval_tasks / sizeof eval_tasks[0]];
    for (int i = 0; i < n_eval_tasks; i++) {
        names[i] = eval_tasks[i]->name;
        if (strcmp(names[i], name) != 0) continue;
        *out = eval_tasks[i];
        return ERR_OK;
    }
    const char *near = str_nearest(name, names, (size_t)n_eval_tasks);
    fail(ERR_MISSING, "unknown evaluation task '%s'", name);
    if (near != NULL) return fail_hint(ERR_MISSING, "did you mean '%s'?", near);
    return ERR_MISSING;
}

const char *eval_task_metric(const struct eval_task *task) {
    return task->suite != NULL ? task->suite->scorer->metric : task->metric;
}

struct eval_context eval_run_context(const struct eval_run *run) {
    return (struct eval_context){.options = run->options,
                                 .cases = run->cases,
                                 .dataset = run->dataset,
                                 .loader = run->loader,
                                 .isolate = run->isolate,
                                 .whitespace = run->whitespace,
                                 .datasets = run->datasets,
                                 .unsafe = run->unsafe,
                                 .generations = run->generations};
}

static err check_options(const struct eval_options *options, const struct user_tasks *own) {
    const struct eval_task *task = NULL;
    struct gate gate;
    for (int64_t i = 0; i < options->tasks.n; i++) {
        TRY(user_tasks_find(own, options->tasks.items[i], &task));
        for (int64_t k = 0; k < i; k++)
            if (strcmp(options->tasks.items[i], options->tasks.items[k]) == 0)
                return fail(ERR_EXISTS, "task '%s' is named twice", options->tasks.items[i]);
    }
    for (int64_t i = 0; i < options->gates.n; i++) {
        TRY(gate_parse(options->gates.items[i], &gate));
        TRY(user_tasks_find(own, gate.task, &task));
        if (gate.confidence > 0.0 && !task->has_items) {
            fail(ERR_UNSUPPORTED,
                 "gate '%s': '%s' has no score of single items, so nothing tells "
                 "how sure it is",
                 options->gates.items[i], gate.task);
            return fail_hint(ERR_UNSUPPORTED, "leave '%s' out",
                             strstr(options->gates.items[i], "at "));
        }
        if (!user_tasks_has(own, task) && !opt_list_has(&options->tasks, gate.task))
            return fail(ERR_MISSING, "gate '%s': the task is not among eval.tasks",
                        options->gates.items[i]);
    }
    return ERR_OK;
}

err eval_check_options(const struct eval_options *options) {
    struct user_tasks own;
    TRY(user_tasks_open(&own, &options->task_files));
    err result = check_options(options, &own);
    user_tasks_close(&own);
    return result;
}

/* Number i of the tasks that run: those named, then users' own that are not among them. NULL
 * behind the last. */
static const struct eval_task *task_at(const struct eval_options *options,
                                       const struct user_tasks *own, int64_t i) {
    const struct eval_task *task = NULL;
    if (i < options->tasks.n)
        return user_tasks_find(own, options->tasks.items[i], &task) == ERR_OK ? task : NULL;
    i -= options->tasks.n;
    for (int64_t k = 0; k < own->n; k++)
        if (!opt_list_has(&options->tasks, own->items[k]->name) && i-- == 0) return own->items[k];
    return NULL;
}

static err run_tasks(struct eval_context *c, const struct user_tasks *own, json_t *report) {
    for (int64_t i = 0; (c->task = task_at(c->options, own, i)) != NULL; i++) {
        json_t *part = NULL;
        LOG(EVAL, INFO, "task %s", c->task->name);
        eval_subject_next_task(c->subject);
        err result = c->task->run(c, &part);
        if (result != ERR_OK) return fail_in(result, "task '%s'", c->task->name);
        TRY(report_add_task(report, part));
    }
    return ERR_OK;
}

static err add_needs(struct eval_context *c, const struct user_tasks *own, struct eval_need *out) {
    *out = (struct eval_need){.token_bytes = eval_token_bytes(c->tokenizer)};
    for (int64_t i = 0; (c->task = task_at(c->options, own, i)) != NULL; i++) {
        struct eval_need need = {0};
        err result = c->task->need(c, &need);
        if (result != ERR_OK) return fail_in(result, "task '%s'", c->task->name);
        eval_need_add(out, &need);
    }
    return ERR_OK;
}

/* Prompts are counted by the model's tokenizer; one that does not open is reported with the model.
 */
static err find_needs(struct eval_context *c, const struct eval_subject_options *how,
                      const struct user_tasks *own, struct eval_need *out) {
    struct tokenizer *t = NULL;
    const char *dir = how->tokenizer_dir != NULL ? how->tokenizer_dir : how->model_dir;
    if (tokenizer_open(&t, dir) != ERR_OK) err_clear();
    c->tokenizer = t;
    err result = add_needs(c, own, out);
    c->tokenizer = NULL;
    tokenizer_free(t);
    return result;
}

static err report_all(struct eval_context *c, const struct eval_subject_options *opening,
                      const struct user_tasks *own, json_t **out_report) {
    struct eval_subject *s = c->subject;
    const char *adapter = s->adapter != NULL ? s->adapter_digest : NULL;
    json_t *report = NULL;
    err result = eval_subject_digest(s, opening);
    if (result == ERR_OK) result = report_new(s->model_digest, adapter, c->options, &report);
    if (result == ERR_OK) result = run_tasks(c, own, report);
    if (result == ERR_OK)
        *out_report = report;
    else
        json_decref(report);
    return result;
}

/* What is planned is told before it is allocated. */
static err start(struct eval_subject *s, const struct eval_run *run, const struct eval_need *need,
                 const struct eval_subject_options *opening) {
    struct eval_memory memory;
    TRY(eval_memory_find(&s->model, &s->plan, need, run->limit, &memory));
    s->decoder_limit = memory.decoder_bytes;
    s->answer_limit = memory.answer_bytes;
    s->on_most = run->on_most;
    s->ctx = run->ctx;
    if (run->on_memory != NULL) run->on_memory(run->ctx, &memory);
    return eval_subject_start(s, opening);
}

static err run_all(struct eval_context *c, const struct eval_run *run, const struct user_tasks *own,
                   json_t **out_report) {
    struct eval_subject subject = {0};
    struct eval_subject_options opening = run->subject;
    struct eval_need need;
    TRY(find_needs(c, &opening, own, &need));
    opening.max_tokens = need.pass_tokens;
    TRY(eval_subject_plan(&subject, &opening));
    c->subject = &subject;
    err result = start(&subject, run, &need, &opening);
    if (result == ERR_OK) result = report_all(c, &opening, own, out_report);
    eval_subject_close(&subject);
    return result;
}

err eval_run_need(const struct eval_run *run, const struct tokenizer *tokenizer,
                  struct eval_need *out) {
    struct user_tasks own;
    struct eval_context c = eval_run_context(run);
    c.tokenizer = tokenizer;
    TRY(user_tasks_open(&own, &run->options->task_files));
    err result = check_options(run->options, &own);
    if (result == ERR_OK) result = add_needs(&c, &own, out);
    user_tasks_close(&own);
    return result;
}

err eval_run(const struct eval_run *run, json_t **out_report) {
    struct user_tasks own;
    struct eval_context c = eval_run_context(run);
    TRY(user_tasks_open(&own, &run->options->task_files));
    err result = check_options(run->options, &own);
    if (result == ERR_OK) result = run_all(&c, run, &own, out_report);
    user_tasks_close(&own);
    return result;
}
