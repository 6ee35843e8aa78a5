/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues pull: collects the requests of a month into the program.
 * Run again it changes nothing, but for posts that came later, and edits, which are kept aside.
 * Read next: cli/month_pull.h. */
#include "cli/command.h"
#include "cli/month_pull.h"
#include "cli/programme.h"

struct pull_options {
    const char *program, *month, *from, *token_file, *today;
    int64_t max_wait;
    bool early, json;
};

#define ROW(field, ...) OPT(struct pull_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = MONTH_HELP),
    ROW(from, .value = "PATH", .help = FROM_HELP),
    ROW(token_file, .value = "FILE", .help = TOKEN_FILE_HELP),
    ROW(max_wait, .min = 0, .max = 86400, .preset = "900", .help = MAX_WAIT_HELP),
    ROW(early, .help = "before the collection day, too"),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
    ROW(json, .help = "as JSON"),
};

static err result_json(const char *month, const struct pull_result *r, json_t **out) {
    json_t *edited = json_array();
    *out = json_pack("{s:s, s:I, s:I, s:I, s:o}", "month", month, "posts", (json_int_t)r->n_posts,
                     "requests", (json_int_t)r->n_requests, "new", (json_int_t)r->n_new, "edited",
                     edited);
    if (!*out) return fail(ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < r->edited.n; i++)
        TRY(json_push(edited, json_string(r->edited.items[i])));
    return ERR_OK;
}

static err pull(const struct pull_options *o, struct program *p, struct arena *a) {
    char today[DAY_SIZE], month[MONTH_SIZE];
    struct pull_result result;
    struct str text = {0};
    json_t *value = NULL;
    TRY(programme_today(p, o->today, today));
    TRY(programme_month(o->month, today, month));
    const struct month_pull m = {.program = p,
                                 .month = month,
                                 .today = today,
                                 .from = o->from,
                                 .token_file = o->token_file,
                                 .max_wait_s = o->max_wait,
                                 .early = o->early};
    TRY(month_pull(&m, a, &result));
    err e = o->json ? result_json(month, &result, &value) : pull_result_text(month, &result, &text);
    if (e == ERR_OK) e = o->json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct pull_options *o = given;
    struct program p;
    TRY(program_open(o->program, &p));
    err e = pull(o, &p, arena);
    program_close(&p);
    return e;
}

const struct command cmd_issues_pull = {
    .noun = "issues",
    .verb = "pull",
    .summary = "collects a month's requests from GitHub, or from saved JSON",
    .details =
        "The month is the plan month: its requests were posted in the month before, and are\n"
        "collected on the programme's day. GITHUB_API_URL points it at another server.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct pull_options),
    .run = run,
};
