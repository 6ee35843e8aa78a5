/* SPDX-License-Identifier: Apache-2.0
 * `cotrain eval run`: a recipe's evaluation of any model folder, with or without an adapter. The
 * report is the same bytes for the same model and settings.
 * Read next: cli/eval_stage.h, eval/report.h. */
#include "base/file.h"
#include "base/par.h"
#include "cli/command.h"
#include "cli/eval_stage.h"
#include "eval/report.h"
#include "eval/task.h"

struct eval_run_options {
    const char *recipe, *model, *adapter, *data, *datasets, *generations, *out, *device;
    struct opt_list tasks, task_file, set;
    int64_t limit, memory, threads;
    bool allow_changed, unsafe, json;
};

#define ROW(field, ...) OPT(struct eval_run_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .value = "FILE", .help = "recipe whose requests are asked"),
    ROW(model, .value = "DIR", .path = true, .help = "model folder (the recipe's base model)"),
    ROW(adapter, .value = "DIR", .path = true, .help = "PEFT adapter folder"),
    ROW(data, .value = "DIR", .path = true,
        .help = "dataset folder, for its held-out cases and validation rows"),
    ROW(tasks, .help = "tasks to run (the recipe's)"),
    ROW(task_file, .repeated = true, .path = true, .value = "FILE",
        .help = "a task of one's own, in YAML; runs behind the others"),
    ROW(limit, .min = -1, .max = 1e9, .preset = "-1",
        .help = "cases of each request; 0 takes all; -1: as the recipe says"),
    ROW(datasets, .value = "DIR", .path = true,
        .help = "files of the published suites (eval.datasets, COTRAIN_DATASETS)"),
    ROW(allow_changed, .help = "take files of suites whose hash is another one"),
    ROW(unsafe, .help = "run a model's programs even where no sandbox can be had"),
    ROW(generations, .value = "FILE",
        .help =
            "keeps every answer to a suite there, a line an item, and goes on behind those that "
            "it has; `eval score` reads it"),
    ROW(out, .value = "FILE", .help = "writes the report there"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "changes a key of the recipe"),
    ROW(memory, .size = true, .min = 1, .max = 9e18,
        .help = "most memory that evaluation may use, all told: 24GiB, 800MB"),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(json, .help = "the report as JSON on standard output"),
};

static err show(const struct eval_run_options *o, const json_t *report) {
    struct str text = {0};
    if (o->out != NULL) TRY(json_write_file(o->out, report));
    if (o->json) return print_json(report);
    err result = report_text(report, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

/* Told before a model is asked for hours. */
static err can_write(const char *path) {
    struct file_writer w;
    if (path == NULL) return ERR_OK;
    if (dir_exists(path)) return fail(ERR_IO, "cannot write '%s': it is a folder", path);
    TRY(file_writer_open(&w, path));
    file_writer_abort(&w);
    return ERR_OK;
}

static err evaluate(const struct eval_run_options *o, const struct chain *c) {
    struct eval_options eval = c->eval;
    json_t *report = NULL;
    if (o->tasks.n > 0) {
        eval.tasks = o->tasks;
        eval.gates.n = 0; /* gates are the chain's; they may name tasks that do not run here */
    }
    if (o->task_file.n > 0) eval.task_files = o->task_file;
    if (o->limit >= 0) eval.limit = o->limit;
    TRY(eval_check_options(&eval));
    TRY(can_write(o->out));
    TRY(can_write(o->generations));
    struct eval_stage stage = {.chain = c,
                               .options = &eval,
                               .model_dir = o->model != NULL ? o->model : c->base_model.path,
                               .adapter_dir = o->adapter,
                               .dataset_dir = o->data,
                               .datasets = {o->datasets, o->allow_changed},
                               .unsafe = o->unsafe,
                               .generations = o->generations,
                               .device = o->device,
                               .memory = o->memory};
    TRY(eval_stage(&stage, &report));
    err result = show(o, report);
    json_decref(report);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct eval_run_options *o = given;
    struct chain chain;
    (void)arena;
    par_set_threads(o->threads);
    TRY(chain_read(&chain, o->recipe, &o->set));
    err result = evaluate(o, &chain);
    chain_release(&chain);
    return result;
}

const struct command cmd_eval_run = {
    .noun = "eval",
    .verb = "run",
    .summary = "asks a model a recipe's held-out cases and measures its answers",
    .details =
        "Without --data the cases come from the files that the requests name, and there are no\n"
        "validation rows.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct eval_run_options),
    .run = run,
};
