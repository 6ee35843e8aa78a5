/* SPDX-License-Identifier: Apache-2.0
 * `cotrain eval score`: scores answers to a published suite without a model, from what the official
 * programs write or from the generations that `cotrain eval run` kept.
 * Read next: eval/score.h. */
#include "cli/command.h"
#include "eval/report.h"
#include "eval/score.h"
#include "eval/suite.h"
#include "eval/user_task.h"

struct eval_score_options {
    const char *task, *answers, *datasets;
    struct opt_list task_file;
    bool allow_changed, unsafe, json;
};

#define ROW(field, ...) OPT(struct eval_score_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(task, .required = true,
        .help = "a published suite (cotrain list tasks), or a task of --task-file"),
    ROW(answers, .required = true, .value = "FILE", .path = true,
        .help = "JSON Lines, an answer a line"),
    ROW(task_file, .repeated = true, .path = true, .value = "FILE",
        .help = "a task of one's own, in YAML (docs/evaluation.md)"),
    ROW(datasets, .value = "DIR", .path = true,
        .help = "files of the published suites (eval.datasets, COTRAIN_DATASETS)"),
    ROW(allow_changed, .help = "take files of suites whose hash is another one"),
    ROW(unsafe, .help = "run a model's programs even where no sandbox can be had"),
    ROW(json, .help = "as JSON, with a verdict on each item"),
};

static err show(const json_t *part, bool as_json) {
    struct str text = {0};
    if (as_json) return print_json(part);
    err result = report_task_text(part, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err find_suite(const struct user_tasks *own, const char *name,
                      const struct eval_task **out) {
    TRY(user_tasks_find(own, name, out));
    if ((*out)->suite != NULL) return ERR_OK;
    (void)fail(ERR_UNSUPPORTED, "'%s' is no published suite", name);
    return fail_hint(ERR_UNSUPPORTED,
                     "its answers are scored where they are given: cotrain eval run");
}

static err score(const struct eval_score_options *o, const struct user_tasks *own) {
    const struct datasets where = {.folder = o->datasets, .allow_changed = o->allow_changed};
    const struct eval_task *task = NULL;
    struct suite_items items = {0};
    json_t *answers = NULL, *part = NULL;
    TRY(find_suite(own, o->task, &task));
    TRY(suite_load(task->suite, &where, &items));
    err result = score_read(o->answers, o->task, &answers);
    if (result == ERR_OK)
        result =
            fail_in(score_answers(task, &items, answers, o->unsafe, &part), "'%s'", o->answers);
    if (result == ERR_OK) result = show(part, o->json);
    json_decref(part);
    json_decref(answers);
    suite_items_release(&items);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct eval_score_options *o = given;
    struct user_tasks own;
    (void)arena;
    TRY(user_tasks_open(&own, &o->task_file));
    err result = score(o, &own);
    user_tasks_close(&own);
    return result;
}

const struct command cmd_eval_score = {
    .noun = "eval",
    .verb = "score",
    .summary = "scores answers to a published suite, without a model",
    .details =
        "A line of answers has \"line\" (gsm8k, agieval), \"response\" and \"task_id\" "
        "(humaneval),\n"
        "\"record\" (truthfulqa in Chinese) or \"choices\" (in English), as docs/evaluation.md "
        "says;\n"
        "to a task of one's own \"answer\".\n"
        "Answers that the official program ends on with an error are incorrect, and say so.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct eval_score_options),
    .run = run,
};
