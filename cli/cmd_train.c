/* SPDX-License-Identifier: Apache-2.0
 * `cotrain train`: the data and training stages of a recipe alone, in the same work folder and by
 * the same functions that `cotrain run` uses, so that one can go on where the other stopped.
 * Read next: cli/train_stage.h. */
#include "base/log.h"
#include "base/par.h"
#include "cli/command.h"
#include "cli/data_stage.h"
#include "cli/expand_stage.h"
#include "cli/memory.h"
#include "cli/train_stage.h"
#include "cli/work.h"

struct train_command_options {
    const char *recipe, *work, *device;
    struct opt_list set;
    int64_t memory, threads;
    bool resume, json;
};

#define ROW(field, ...) OPT(struct train_command_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .positional = true, .value = "RECIPE", .help = "recipe file"),
    ROW(work, .value = "DIR", .help = "folder of everything that is made (work/NAME)"),
    ROW(resume, .help = "goes on from the newest checkpoint in the work folder"),
    ROW(set, .repeated = true, .value = "A.B=C",
        .help = "changes a key of the recipe; may be given again"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .help = MEMORY_HELP),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err show(const struct work *w, const struct train_result *r, bool json) {
    if (json) {
        json_t *value = json_pack(
            "{s:s, s:I, s:I, s:f, s:s}", "model", w->merged, "n_steps", (json_int_t)r->n_steps,
            "trained_tokens", (json_int_t)r->trained_tokens, "loss", r->loss, "digest", r->digest);
        err e = value ? print_json(value) : fail(ERR_MEMORY, "out of memory");
        json_decref(value);
        return e;
    }
    struct str text = {0};
    err e = str_printf(
        &text, "%lld steps, %lld trained tokens, last loss %.4f\nmodel:  %s\nrecord: %s\n",
        (long long)r->n_steps, (long long)r->trained_tokens, r->loss, w->merged, w->log);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

/* The rows that a teacher makes; what it was asked before is in the log. */
static err expand_rows(struct chain *c, const struct work *w, const char *device) {
    struct expand_result result;
    if (!expand_wanted(c)) return ERR_OK;
    err e = expand_stage(c, w->expand, device, &result);
    json_decref(result.report);
    return e == ERR_OK ? expand_sources(c, w->expand) : e;
}

static err train(const struct train_command_options *o, struct chain *c, struct arena *arena) {
    struct work work;
    struct train_result result;
    const char *dir = o->work ? o->work : arena_printf(arena, "work/%s", c->name);
    if (!dir) return ERR_MEMORY;
    TRY(work_open(&work, dir, c->release.name, arena));
    TRY(expand_rows(c, &work, o->device));
    TRY(data_stage(c, work.data, work.cache));
    struct train_stage stage = {.chain = c,
                                .dataset_dir = work.data,
                                .dir = work.train,
                                .device = o->device,
                                .sets = &o->set,
                                .memory = o->memory,
                                .resume = o->resume};
    TRY(train_stage(&stage, &result));
    return show(&work, &result, o->json);
}

static err run(const void *given, struct arena *arena) {
    const struct train_command_options *o = given;
    struct chain chain;
    par_set_threads(o->threads);
    TRY(chain_read(&chain, o->recipe, &o->set));
    err e = chain_check_base(&chain);
    if (e == ERR_OK) e = train(o, &chain, arena);
    chain_release(&chain);
    return e;
}

const struct command cmd_train = {
    .noun = "train",
    .verb = "",
    .summary = "training alone: a recipe's dataset, its checkpoints and the trained model",
    .details = "A run that was stopped or killed goes on with --resume and ends in the same bits.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct train_command_options),
    .run = run,
};
