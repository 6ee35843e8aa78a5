/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues plan: ranks the accepted requests and writes the month's plan, with the reason for
 * every rank and what it would train.
 * Read next: issues/plan.h, cli/month_plan.h. */
#include "cli/command.h"
#include "cli/month_plan.h"
#include "cli/programme.h"

struct plan_options {
    const char *program, *month, *today;
    bool json;
};

#define ROW(field, ...) OPT(struct plan_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = MONTH_HELP),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
    ROW(json, .help = "as JSON"),
};

static err plan(const struct plan_options *o, struct program *p, struct arena *a) {
    char today[DAY_SIZE], month[MONTH_SIZE];
    struct str text = {0};
    json_t *value = NULL;
    TRY(programme_today(p, o->today, today));
    TRY(programme_month(o->month, today, month));
    err e = month_plan_write(p, month, a, o->json ? NULL : &text, o->json ? &value : NULL);
    if (e == ERR_OK) e = o->json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct plan_options *o = given;
    struct program p;
    TRY(program_open(o->program, &p));
    err e = plan(o, &p, arena);
    program_close(&p);
    return e;
}

const struct command cmd_issues_plan = {
    .noun = "issues",
    .verb = "plan",
    .summary = "ranks the accepted requests and writes the month's plan",
    .details = "The rule: more problem reports by the requester come first, then more votes, then\n"
               "the earlier post. What does not fit the month's capacity is carried over.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct plan_options),
    .run = run,
};
