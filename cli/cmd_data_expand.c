/* SPDX-License-Identifier: Apache-2.0
 * cotrain data expand: rows for a recipe's requests, made by a teacher, checked, and written with
 * their origin; what was asked once is never asked again. The work is cli/expand_stage.c, which
 * `cotrain run` calls as well.
 * Read next: docs/synthesis.md. */
#include "cli/command.h"
#include "cli/expand_stage.h"

struct expand_command {
    const char *recipe, *out, *device;
    struct opt_list set;
    bool json;
};

#define ROW(field, ...) OPT(struct expand_command, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .positional = true, .required = true, .value = "RECIPE", .help = "recipe file"),
    ROW(out, .required = true, .value = "DIR",
        .help = "folder of the rows, the report and the log, which is gone on with"),
    ROW(device, .value = "NAME", .help = "compute backend of a local teacher"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "change a key; may be repeated"),
    ROW(json, .help = "the report as JSON"),
};

static err show(const struct expand_result *r, bool json) {
    struct str text = {0};
    if (!json_object_get(r->report, "requests")) return ERR_OK; /* it did not come so far */
    if (json) return print_json(r->report);
    err e = expand_table(r, &text);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct expand_command *o = given;
    struct chain c;
    struct expand_result result;
    struct err_kept kept;
    (void)arena;
    TRY(chain_read(&c, o->recipe, &o->set));
    err e = expand_stage(&c, o->out, o->device, &result);
    err_keep(&kept);
    err shown = show(&result, o->json);
    if (e != ERR_OK) err_put_back(&kept);
    json_decref(result.report);
    chain_release(&c);
    return e != ERR_OK ? e : shown;
}

const struct command cmd_data_expand = {
    .noun = "data",
    .verb = "expand",
    .summary = "rows for a recipe's requests, made by a teacher and checked",
    .details = "Exit code 3: a request has fewer rows than wanted; 75: stopped, run it again.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct expand_command),
    .run = run,
};
