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

static err check_options(const struct eval_options *options, const struct user_tasks *own) {
    const struct eval_task *task = NULL;
    struct gate gate;
    for (int64_t i = 0; i < options->tasks.n; i++)
        TRY(user_tasks_find(own, options->tasks.items[i], &task));
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
        err result = c->task->run(c, &part);
        if (result != ERR_OK) return fail_in(result, "task '%s'", c->task->name);
        TRY(report_add_task(report, part));
    }
    return ERR_OK;
}

static err run_all(struct eval_context *c, const struct eval_subject_options *how,
                   const struct user_tasks *own, json_t **out_report) {
    struct eval_subject subject = {0};
    struct eval_subject_options opening = *how;
    json_t *report = NULL;
    opening.max_tokens = 0;
    for (int64_t i = 0; (c->task = task_at(c->options, own, i)) != NULL; i++) {
        int64_t wanted = 0;
        err result = c->task->need(c, &wanted);
        if (result != ERR_OK) return fail_in(result, "task '%s'", c->task->name);
        if (wanted > opening.max_tokens) opening.max_tokens = wanted;
    }
    TRY(eval_subject_open(&subject, &opening));
    c->subject = &subject;
    const char *adapter = subject.adapter != NULL ? subject.adapter_digest : NULL;
    err result = eval_subject_digest(&subject, &opening);
    if (result == ERR_OK) result = report_new(subject.model_digest, adapter, c->options, &report);
    if (result == ERR_OK) result = run_tasks(c, own, report);
    eval_subject_close(&subject);
    if (result != ERR_OK) {
        json_decref(report);
        return result;
    }
    *out_report = report;
    return ERR_OK;
}

err eval_run(const struct eval_run *run, json_t **out_report) {
    struct user_tasks own;
    struct eval_context c = {.options = run->options,
                             .cases = run->cases,
                             .dataset = run->dataset,
                             .loader = run->loader,
                             .isolate = run->isolate,
                             .whitespace = run->whitespace,
                             .datasets = run->datasets,
                             .unsafe = run->unsafe,
                             .generations = run->generations};
    TRY(user_tasks_open(&own, &run->options->task_files));
    err result = check_options(run->options, &own);
    if (result == ERR_OK) result = run_all(&c, &run->subject, &own, out_report);
    user_tasks_close(&own);
    return result;
}
