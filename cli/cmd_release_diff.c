/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release diff A B`: what changed from one release to another. Exit code 0 whatever it is;
 * with --exit-code 3 where anything did.
 * Read next: release/diff.h. */
#include "cli/command.h"
#include "cli/terminal.h"
#include "release/diff.h"

struct diff_options {
    const char *a, *b;
    bool exit_code, json;
};

#define ROW(field, ...) OPT(struct diff_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(a, .required = true, .positional = true, .value = "A", .path = true,
        .help = "release folder"),
    ROW(b, .required = true, .positional = true, .value = "B", .path = true,
        .help = "the release that is held against it"),
    ROW(exit_code, .help = "ends with exit code 3 where they differ"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err show_text(const json_t *diff) {
    struct str text = {0};
    err e = release_diff_text(diff, &text);
    if (e == ERR_OK) e = terminal_print(&text);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct diff_options *o = given;
    json_t *diff = NULL;
    (void)arena;
    TRY(release_diff(o->a, o->b, &diff));
    err e = o->json ? print_json(diff) : show_text(diff);
    if (e == ERR_OK && o->exit_code && json_is_true(json_object_get(diff, "differs")))
        e = fail(ERR_GATE, "'%s' and '%s' differ", o->a, o->b);
    json_decref(diff);
    return e;
}

const struct command cmd_release_diff = {
    .noun = "release",
    .verb = "diff",
    .summary = "what changed from one release to another",
    .details =
        "Compares requests, recipe, data, scores (item by item where the items are the same),\n"
        "answers to the golden prompts, gates and files, from what stands in both folders;\n"
        "no model is loaded. What cannot be held side by side is named. Both are held\n"
        "against their checksums first.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct diff_options),
    .run = run,
};
