/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release reproduce`: makes a release again, for whoever has it and its base model, and
 * says whether it is the same or where it first is not. Exit code 3 when it is not.
 * Read next: cli/reproduce.h, docs/reproduce.md. */
#include "base/par.h"
#include "cli/command.h"
#include "cli/memory.h"
#include "cli/reproduce.h"
#include "cli/terminal.h"

struct reproduce_command_options {
    const char *release, *base, *work, *sources, *previous, *datasets, *steps, *device;
    int64_t memory, threads;
    bool json;
};

#define ROW(field, ...) OPT(struct reproduce_command_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(base, .value = "DIR", .path = true,
        .help = "the base model that it was trained from (where its recipe says)"),
    ROW(steps, .value = "A:B",
        .help = "only these steps, from the nearest training state that the release has; random:N "
                "chooses N of them"),
    ROW(work, .value = "DIR", .preset = "work/reproduce",
        .help = "folder of everything that is made; that of an earlier reproduction is emptied"),
    ROW(sources, .value = "DIR", .path = true,
        .help = "folder with the files that the release withholds; each is known by its hash"),
    ROW(previous, .value = "DIR", .path = true,
        .help = "the release before, where the release says what changed since"),
    ROW(datasets, .value = "DIR", .path = true,
        .help = "files of the published suites (docs/evaluation.md)"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .help = MEMORY_HELP),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err show(const struct reproduce_command_options *o, const json_t *report,
                const struct str *text) {
    return o->json ? print_json(report) : terminal_print(text);
}

/* What was found is shown where the release was refused, too. */
static err run(const void *given, struct arena *arena) {
    const struct reproduce_command_options *o = given;
    const struct reproduce_options how = {.dir = o->release,
                                          .base = o->base,
                                          .work = o->work,
                                          .given = o->sources,
                                          .previous = o->previous,
                                          .datasets = o->datasets,
                                          .steps = o->steps,
                                          .device = o->device,
                                          .memory = o->memory};
    struct str text = {0};
    struct err_kept kept;
    json_t *report = json_object();
    par_set_threads(o->threads);
    err e = report ? reproduce(&how, arena, report, &text) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) {
        e = show(o, report, &text);
    } else if ((e == ERR_GATE || e == ERR_UNSUPPORTED) && text.len > 0) {
        err_keep(&kept);
        err shown = show(o, report, &text);
        if (shown == ERR_OK)
            err_put_back(&kept);
        else
            e = shown;
    }
    json_decref(report);
    str_release(&text);
    return e;
}

const struct command cmd_release_reproduce = {
    .noun = "release",
    .verb = "reproduce",
    .summary = "makes a release again from what it carries, and compares every step with it",
    .details =
        "Needs the release and its base model, and no network. Data, rows of every step, losses,\n"
        "updates, evaluations and the packed folder are compared in this order; the first that\n"
        "differs ends it with exit code 3 and is explained. Threads, vector unit and folders\n"
        "change no bit. See docs/reproduce.md.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct reproduce_command_options),
    .run = run,
};
