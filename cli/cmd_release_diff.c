/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release diff A B`: what changed from one release to another. Exit code 0 whatever it is;
 * with --exit-code 3 where anything did.
 * Read next: release/diff.h. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "release/diff.h"
#include "release/diff_page.h"
#include "release/page.h"

struct diff_options {
    const char *a, *b, *html;
    bool exit_code, json;
};

#define ROW(field, ...) OPT(struct diff_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(a, .required = true, .positional = true, .value = "A", .path = true,
        .help = "release folder"),
    ROW(b, .required = true, .positional = true, .value = "B", .path = true,
        .help = "the release that is held against it"),
    ROW(html, .value = "FILE", .help = "the result as one page; not inside a release"),
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

static err write_page(const json_t *diff, const char *path) {
    struct str page = {0};
    err e = release_diff_page(diff, &page);
    if (e == ERR_OK) e = file_write(path, page.data, page.len);
    str_release(&page);
    return e;
}

static err show(const struct diff_options *o, const json_t *diff) {
    if (o->html) TRY(write_page(diff, o->html));
    if (o->json) return print_json(diff);
    return o->html ? ERR_OK : show_text(diff);
}

static err run(const void *given, struct arena *arena) {
    const struct diff_options *o = given;
    json_t *diff = NULL;
    (void)arena;
    if (o->html) TRY(release_page_place(o->html));
    TRY(release_diff(o->a, o->b, &diff));
    err e = show(o, diff);
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
