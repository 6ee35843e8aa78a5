/* SPDX-License-Identifier: Apache-2.0
 * `cotrain run RECIPE`: the chain from data to a verified release.
 * All of it is cli/chain_run.c, which `cotrain month run` uses, too.
 * Read next: cli/chain_run.h. */
#include "base/par.h"
#include "cli/chain_run.h"
#include "cli/command.h"
#include "cli/memory.h"

struct run_options {
    const char *recipe, *work, *device;
    struct opt_list set;
    int64_t memory, threads;
    bool json;
};

#define ROW(field, ...) OPT(struct run_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .positional = true, .value = "RECIPE", .help = "recipe file"),
    ROW(work, .value = "DIR", .help = "folder of everything that is made (work/NAME)"),
    ROW(set, .repeated = true, .value = "A.B=C",
        .help = "changes a key of the recipe; may be given again"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .help = MEMORY_HELP),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err run(const void *given, struct arena *arena) {
    const struct run_options *o = given;
    struct chain_run_result result;
    par_set_threads(o->threads);
    return chain_run(&(struct chain_run_options){.recipe = o->recipe,
                                                 .work = o->work,
                                                 .device = o->device,
                                                 .sets = &o->set,
                                                 .memory = o->memory,
                                                 .json = o->json},
                     arena, &result);
}

const struct command cmd_run = {
    .noun = "run",
    .verb = "",
    .summary = "the whole chain of a recipe: data, evaluation, training, release",
    .details =
        "Run it again after it was stopped, killed or the recipe changed: it goes on where it\n"
        "was and repeats only what is not up to date. A gate that says no ends it with exit\n"
        "code 3, and nothing is packed.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct run_options),
    .run = run,
};
