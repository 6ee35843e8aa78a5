/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues show: one request with everything that a reviewer looks at.
 * It only reads.
 * Read next: cli/request_view.h. */
#include "cli/command.h"
#include "cli/programme.h"
#include "cli/request_view.h"

struct show_options {
    const char *id, *program;
    bool json;
};

#define ROW(field, ...) OPT(struct show_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(id, .positional = true, .required = true, .value = "REQUEST",
        .help = "id of the request, or its number"),
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(json, .help = "as JSON"),
};

static err show(const struct show_options *o, struct program *p, struct record_list *all,
                struct arena *a) {
    struct request_view view = {.program = p, .all = all, .arena = a, .whole = true};
    struct record *r;
    struct str text = {0};
    json_t *value = NULL;
    TRY(records_read(p, NULL, all));
    TRY(record_find(all, o->id, &r));
    err e = o->json ? request_view_json(&view, r, &value) : request_view_text(&view, r, &text);
    if (e == ERR_OK) e = o->json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct show_options *o = given;
    struct program p;
    struct record_list all = {0};
    TRY(program_open(o->program, &p));
    err e = show(o, &p, &all, arena);
    record_list_release(&all);
    program_close(&p);
    return e;
}

const struct command cmd_issues_show = {
    .noun = "issues",
    .verb = "show",
    .summary = "one request: what was asked, what is missing, what to look at",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct show_options),
    .run = run,
};
