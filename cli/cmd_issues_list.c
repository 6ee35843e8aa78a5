/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues list: the requests of a month, or all, one line each.
 * It only reads.
 * Read next: issues/record.h. */
#include "cli/command.h"
#include "cli/programme.h"
#include "cli/terminal.h"
#include "issues/plan.h"
#include "issues/pull.h"
#include <string.h>

struct list_options {
    const char *program, *month, *state;
    bool json;
};

#define STATE(name, word, help) "," word
static const char states[] =
#include "issues/states.def"
    ;
#undef STATE

#define ROW(field, ...) OPT(struct list_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = "plan month (default: all)"),
    ROW(state, .choices = states + 1, .help = "only those in this state"),
    ROW(json, .help = "as JSON"),
};

/* What is asked for each record. */
struct listing {
    struct plan_index index;
    struct pull_edits edits;
    struct arena *arena;
};

static err one_text(struct listing *l, const struct record *r, struct str *out) {
    const char *stem, *planned = plan_index_find(&l->index, r->id), *missing[3];
    const struct post *edited;
    TRY(record_stem(r->id, l->arena, &stem));
    TRY(pull_edits_find(&l->edits, r, &edited));
    TRY(str_printf(out, "%s  %-16s  %-10s  %-16s  ", r->month, stem,
                   state_rows[record_state(r)].word, r->requester ? r->requester : "-"));
    TRY(terminal_add_line(record_name(r), 90, out));
    int n = record_missing(r, missing);
    for (int i = 0; i < n; i++) TRY(str_printf(out, "%s%s", i ? ", " : "  [lacks ", missing[i]));
    TRY(str_add(out, n > 0 ? "]" : ""));
    if (planned) TRY(str_printf(out, "  [planned in %s]", planned));
    return str_add(out, edited ? "  [edited since]\n" : "\n");
}

static err one_json(struct listing *l, const struct record *r, json_t *list) {
    const char *planned = plan_index_find(&l->index, r->id);
    const struct post *edited;
    json_t *row = json_object();
    TRY(json_push(list, row));
    TRY(pull_edits_find(&l->edits, r, &edited));
    TRY(json_put(row, "id", json_string(r->id)));
    TRY(json_put(row, "month", json_string(r->month)));
    TRY(json_put(row, "state", json_string(state_rows[record_state(r)].word)));
    TRY(json_put(row, "requester", r->requester ? json_string(r->requester) : json_null()));
    TRY(json_put(row, "scenario", r->scenario ? json_string(r->scenario) : json_null()));
    TRY(json_put(row, "planned_in", planned ? json_string(planned) : json_null()));
    TRY(json_put(row, "edited", json_boolean(edited != NULL)));
    return json_put(row, "file", json_string(r->path));
}

static err list(const struct list_options *o, struct program *p, struct record_list *all,
                struct arena *a) {
    struct listing l = {.edits = {.program = p}, .arena = a};
    struct str text = {0};
    json_t *rows_json = json_array();
    err e = rows_json ? records_read(p, o->month, all) : ERR_MEMORY;
    if (e == ERR_OK) e = plan_index_read(p, a, &l.index);
    for (int64_t i = 0; i < all->n && e == ERR_OK; i++) {
        const struct record *r = &all->items[i];
        if (o->state && strcmp(o->state, state_rows[record_state(r)].word) != 0) continue;
        e = o->json ? one_json(&l, r, rows_json) : one_text(&l, r, &text);
    }
    if (e == ERR_OK) e = o->json ? print_json(rows_json) : print_text(&text);
    pull_edits_release(&l.edits);
    json_decref(rows_json);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct list_options *o = given;
    struct program p;
    struct record_list all = {0};
    char month[MONTH_SIZE];
    if (o->month) TRY(programme_month(o->month, "", month));
    TRY(program_open(o->program, &p));
    err e = list(o, &p, &all, arena);
    record_list_release(&all);
    program_close(&p);
    return e;
}

const struct command cmd_issues_list = {
    .noun = "issues",
    .verb = "list",
    .summary = "the requests that were collected, with the state of each",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct list_options),
    .run = run,
};
