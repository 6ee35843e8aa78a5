/* SPDX-License-Identifier: Apache-2.0
 * cotrain program status: the calendar of a programme, what is next in each month, and what is
 * late.
 * Read next: issues/status.h. */
#include "cli/command.h"
#include "cli/programme.h"
#include "issues/status.h"

struct status_options {
    const char *program, *today;
    bool json;
};

#define ROW(field, ...) OPT(struct status_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
    ROW(json, .help = "as JSON"),
};

static const char *next_text(const struct month_status *m) {
    static const char *const texts[STEP_COUNT + 1] = {
        "collect the requests:  cotrain issues pull",
        "decide on requests:    cotrain issues review",
        "make the plan:         cotrain issues plan",
        "write the recipe:      cotrain recipe new --month",
        "train and release:     cotrain month run",
        "done",
    };
    return m->next == STEP_COUNT && m->n_planned == 0 ? "done, nothing was planned"
                                                      : texts[m->next];
}

static err status_text(const struct month_status *m, struct str *out) {
    TRY(str_printf(out, "%s  %3lld request%s  ", m->month, (long long)m->n_requests,
                   m->n_requests == 1 ? " " : "s"));
    if (m->n_undecided > 0)
        TRY(str_printf(out, "%3lld undecided  ", (long long)m->n_undecided));
    else if (m->n_planned >= 0)
        TRY(str_printf(out, "%3lld planned    ", (long long)m->n_planned));
    else
        TRY(str_printf(out, "%-15s", ""));
    TRY(str_add(out, next_text(m)));
    if (m->next != STEP_COUNT)
        TRY(str_printf(out, "  (due %s%s)", m->due, m->late ? ", LATE" : ""));
    return str_add(out, "\n");
}

static err status_json(const struct month_status *m, json_t *list) {
    json_t *row = json_object();
    bool done = m->next == STEP_COUNT;
    TRY(json_push(list, row));
    TRY(json_put(row, "month", json_string(m->month)));
    TRY(json_put(row, "requests", json_integer(m->n_requests)));
    TRY(json_put(row, "undecided", json_integer(m->n_undecided)));
    TRY(json_put(row, "planned", m->n_planned < 0 ? json_null() : json_integer(m->n_planned)));
    TRY(json_put(row, "next", done ? json_null() : json_string(month_step_names[m->next])));
    TRY(json_put(row, "due", done ? json_null() : json_string(m->due)));
    return json_put(row, "late", json_boolean(m->late));
}

static err show(const struct status_options *o, const struct program *p, struct arena *a) {
    struct program_status status;
    char today[DAY_SIZE];
    struct str text = {0};
    json_t *list = json_array();
    err e = programme_today(p, o->today, today);
    if (e == ERR_OK) e = status_read(p, today, a, &status);
    if (e == ERR_OK)
        e = str_printf(&text, "%s, %s: requests of %s#%lld are collected on day %lld\n",
                       p->options.name, today, p->options.repository, (long long)p->options.issue,
                       (long long)p->options.collect_day);
    for (int64_t i = 0; e == ERR_OK && i < status.n; i++)
        e = o->json ? status_json(&status.items[i], list) : status_text(&status.items[i], &text);
    if (e == ERR_OK) e = o->json ? print_json(list) : print_text(&text);
    json_decref(list);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct status_options *o = given;
    struct program p;
    TRY(program_open(o->program, &p));
    err e = show(o, &p, arena);
    program_close(&p);
    return e;
}

const struct command cmd_program_status = {
    .noun = "program",
    .verb = "status",
    .summary = "where each month stands, what is next, and what is late",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct status_options),
    .run = run,
};
