/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues propose: asks a language model what requests leave unsaid. What it answers is
 * filled into empty fields, marked as proposed, and decides nothing.
 * Read next: issues/propose.h, cli/proposers.h. */
#include "cli/command.h"
#include "cli/programme.h"
#include "cli/proposers.h"
#include "cli/terminal.h"
#include <string.h>

struct propose_options {
    const char *id, *program, *month, *url, *model, *model_dir, *token_file, *device, *today;
    int64_t max_new_tokens;
};

#define ROW(field, ...) OPT(struct propose_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(id, .positional = true, .value = "REQUEST",
        .help = "only this request (default: all of the month that nobody has decided on)"),
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = MONTH_HELP),
    ROW(url, .value = "URL", .help = "endpoint that speaks OpenAI's protocol, http://.../v1"),
    ROW(model, .help = "name of the model there"),
    ROW(model_dir, .value = "DIR", .help = "a model on this machine instead"),
    ROW(token_file, .value = "FILE", .help = "the endpoint's token; only its owner may read it"),
    ROW(max_new_tokens, .min = 1, .max = 65536, .preset = "512", .help = "longest answer"),
    ROW(device, .value = "NAME", .help = "compute backend of a local model"),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
};

struct proposing {
    const struct propose_options *options;
    struct program *program;
    struct record_list all;
    struct arena *arena;
    char today[DAY_SIZE], month[MONTH_SIZE];
};

static bool wanted(const struct proposing *s, const struct record *r, const struct record *one) {
    if (one) return r == one;
    return record_state(r) == RECORD_NEW && strcmp(r->month, s->month) == 0;
}

static err tell(const struct record *r, int64_t n) {
    struct str text = {0};
    err e = str_printf(&text, "%s: %lld proposed", r->id, (long long)n);
    for (int64_t i = 0; i < r->proposed.n && n > 0 && e == ERR_OK; i++)
        e = str_printf(&text, "%s%s", i ? ", " : " (", r->proposed.items[i]);
    if (e == ERR_OK) e = str_add(&text, n > 0 ? ")\n" : "\n");
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err ask_all(struct proposing *s, const struct proposer *proposer) {
    struct record *one = NULL;
    if (s->options->id) TRY(record_find(&s->all, s->options->id, &one));
    for (int64_t i = 0; i < s->all.n; i++) {
        struct record *r = &s->all.items[i];
        int64_t n;
        if (!wanted(s, r, one) || !propose_wanted(r)) continue;
        TRY(propose(s->program, proposer, s->today, s->arena, r, &n));
        TRY(tell(r, n));
    }
    return ERR_OK;
}

static err propose_for(struct proposing *s) {
    const struct propose_options *o = s->options;
    const struct proposer_options how = {.url = o->url,
                                         .model_dir = o->model_dir,
                                         .model = o->model,
                                         .token_file = o->token_file,
                                         .device = o->device,
                                         .max_new_tokens = o->max_new_tokens};
    struct proposer_use use;
    TRY(programme_today(s->program, o->today, s->today));
    TRY(programme_month(o->month, s->today, s->month));
    TRY(records_read(s->program, NULL, &s->all));
    err e = proposer_open(&use, &how);
    if (e == ERR_OK) e = ask_all(s, &use.proposer);
    proposer_close(&use);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct propose_options *o = given;
    struct program p;
    struct proposing s = {.options = o, .program = &p, .arena = arena};
    TRY(program_open(o->program, &p));
    err e = propose_for(&s);
    record_list_release(&s.all);
    program_close(&p);
    return e;
}

const struct command cmd_issues_propose = {
    .noun = "issues",
    .verb = "propose",
    .summary = "asks a language model what requests leave unsaid; decides nothing",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct propose_options),
    .run = run,
};
