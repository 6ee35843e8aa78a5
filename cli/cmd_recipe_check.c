/* SPDX-License-Identifier: Apache-2.0
 * cotrain recipe check: reads a recipe and reports every fault with its place, and what was
 * accepted under another spelling, and what packing would refuse. Of the files that it names, names
 * are looked at, and few are read (cli/packable.h).
 * Read next: recipes/faults.h. */
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/packable.h"

struct check_options {
    const char *recipe;
    struct opt_list set;
    bool json;
};

#define ROW(field, ...) OPT(struct check_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .positional = true, .required = true, .value = "RECIPE", .help = "recipe file"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "change a key; may be repeated"),
    ROW(json, .help = "as JSON"),
};

static err entry_text(const struct recipe_fault *fault, const char *kind, struct str *out) {
    TRY(recipe_place_text(fault->place, out));
    TRY(str_printf(out, ": %s: %s\n", kind, fault->text));
    return fault->hint ? str_printf(out, "  hint: %s\n", fault->hint) : ERR_OK;
}

static err entries_text(const struct recipe_faults *entries, const char *kind, struct str *out) {
    int64_t n = entries->n < RECIPE_FAULTS_MAX ? entries->n : RECIPE_FAULTS_MAX;
    for (int64_t i = 0; i < n; i++) TRY(entry_text(&entries->items[i], kind, out));
    if (n == entries->n) return ERR_OK;
    return str_printf(out, "and %lld more\n", (long long)(entries->n - n));
}

static err print_as_text(const struct recipe *r) {
    struct str text = {0};
    err code = entries_text(&r->faults, "error", &text);
    if (code == ERR_OK) code = entries_text(&r->notes, "note", &text);
    if (code == ERR_OK && r->faults.n == 0) code = str_printf(&text, "%s: in order\n", r->path);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err entry_json(const struct recipe_fault *fault, json_t *list) {
    json_t *entry = json_object();
    TRY(json_push(list, entry));
    TRY(json_put(entry, "file", json_string(fault->place.file)));
    TRY(json_put(entry, "line", json_integer(fault->place.line)));
    TRY(json_put(entry, "column", json_integer(fault->place.column)));
    if (fault->code != ERR_OK) TRY(json_put(entry, "kind", json_string(err_name(fault->code))));
    TRY(json_put(entry, "message", json_string(fault->text)));
    return fault->hint ? json_put(entry, "hint", json_string(fault->hint)) : ERR_OK;
}

static err entries_json(const struct recipe_faults *entries, const char *key, json_t *report) {
    json_t *list = json_array();
    TRY(json_put(report, key, list));
    for (int64_t i = 0; i < entries->n && i < RECIPE_FAULTS_MAX; i++)
        TRY(entry_json(&entries->items[i], list));
    return ERR_OK;
}

static err print_as_json(const struct recipe *r) {
    json_t *report = json_object();
    if (!report) return fail(ERR_MEMORY, "out of memory");
    err code = json_put(report, "recipe", json_string(r->path));
    if (code == ERR_OK) code = json_put(report, "ok", json_boolean(r->faults.n == 0));
    if (code == ERR_OK) code = json_put(report, "n_faults", json_integer(r->faults.n));
    if (code == ERR_OK) code = entries_json(&r->faults, "faults", report);
    if (code == ERR_OK) code = entries_json(&r->notes, "notes", report);
    if (code == ERR_OK) code = print_json(report);
    json_decref(report);
    return code;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct check_options *options = given;
    struct chain c;
    struct recipe r;
    err code = chain_fill(&c, &r, options->recipe, &options->set);
    if (code == ERR_OK) code = packable_check(&c, &r);
    /* Without faults a failure is of the file itself; out of memory, the list may lack some. */
    if (code == ERR_OK || (r.faults.n > 0 && code != ERR_MEMORY)) {
        err printed = options->json ? print_as_json(&r) : print_as_text(&r);
        code = printed == ERR_OK ? recipe_faults_err(&r.faults) : printed;
    }
    recipe_release(&r);
    return code;
}

const struct command cmd_recipe_check = {
    .noun = "recipe",
    .verb = "check",
    .summary = "every fault of a recipe, with line and column",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct check_options),
    .run = run,
};
