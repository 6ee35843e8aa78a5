/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release pack`: packs what the stages of a recipe left in a work folder. `cotrain run`
 * does the same as its last stage; here the folder can be named, and an existing one is never
 * replaced.
 * Read next: cli/release_stage.h, release/pack.h. */
#include "base/par.h"
#include "cli/command.h"
#include "cli/expand_stage.h"
#include "cli/release_stage.h"

struct pack_options {
    const char *recipe, *work, *out;
    struct opt_list set;
    int64_t threads;
    bool json;
};

#define ROW(field, ...) OPT(struct pack_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .positional = true, .value = "RECIPE", .help = "recipe file"),
    ROW(work, .required = true, .value = "DIR", .help = "work folder of `cotrain run`"),
    ROW(out, .value = "DIR", .help = "folder of the release (WORK/release/NAME)"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "changes a key of the recipe"),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err pack(const struct pack_options *o, struct chain *c, struct arena *arena) {
    struct work work;
    char hash[SHA256_HEX_SIZE];
    TRY(chain_need_release(c));
    TRY(work_open(&work, o->work, c->release.name, arena));
    if (expand_wanted(c)) TRY(expand_sources(c, work.expand));
    struct release_stage stage = {.chain = c,
                                  .work = &work,
                                  .out_dir = o->out != NULL ? o->out : work.release,
                                  .json = o->json};
    TRY(release_stage(&stage, hash));
    return show_release(stage.out_dir, hash, o->json);
}

static err run(const void *given, struct arena *arena) {
    const struct pack_options *o = given;
    struct chain chain;
    par_set_threads(o->threads);
    TRY(chain_read_to_pack(&chain, o->recipe, &o->set));
    err result = chain_check_base(&chain);
    if (result == ERR_OK) result = pack(o, &chain, arena);
    chain_release(&chain);
    return result;
}

const struct command cmd_release_pack = {
    .noun = "release",
    .verb = "pack",
    .summary = "packs a work folder's trained model into a release",
    .details =
        "The recipe's gates are held first; one that says no ends it with exit code 3. It is\n"
        "signed with the keys of the recipe's release.sign; without any it is unsigned.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct pack_options),
    .run = run,
};
