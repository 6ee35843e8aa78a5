/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues reply: drafts the answers to a month's requesters, and posts them with --post.
 * Drafts are files in the program; what a person changed in one is what is posted.
 * Read next: cli/month_replies.h. */
#include "cli/command.h"
#include "cli/month_pull.h"
#include "cli/month_replies.h"
#include "cli/programme.h"

#include "base/log.h"
#include "issues/github/github.h"

struct reply_options {
    const char *id, *program, *month, *token_file, *today;
    int64_t max_wait;
    bool post, json;
};

#define ROW(field, ...) OPT(struct reply_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(id, .positional = true, .value = "REQUEST", .help = "only this request (default: all)"),
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = MONTH_HELP),
    ROW(post, .help = "post them on GitHub; without it nothing leaves this machine"),
    ROW(token_file, .value = "FILE", .help = TOKEN_FILE_HELP),
    ROW(max_wait, .min = 0, .max = 86400, .preset = "900", .help = MAX_WAIT_HELP),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
    ROW(json, .help = "as JSON"),
};

static err post_all(const struct reply_options *o, const struct month_replies *m, struct arena *a,
                    struct month_replies_result *drafted) {
    struct github *github;
    const struct month_pull access = {
        .program = m->program, .token_file = o->token_file, .max_wait_s = o->max_wait};
    TRY(month_github(&access, a, &github));
    err e = ERR_OK;
    for (int64_t i = 0; i < drafted->n && e == ERR_OK; i++)
        e = month_reply_post(m, github, a, &drafted->items[i]);
    github_free(github);
    return e;
}

static err show_text(const struct month_replies *m, const struct month_replies_result *drafted,
                     struct str *out) {
    for (int64_t i = 0; i < drafted->n; i++) {
        const struct month_reply *reply = &drafted->items[i];
        bool found;
        TRY(str_printf(out, "---- %s%s\n", reply->path, reply->posted ? " (posted)" : ""));
        TRY(program_read(m->program, reply->path, out, &found));
    }
    return drafted->n > 0 ? ERR_OK : str_printf(out, "%s has no request\n", m->month);
}

static err show_json(const struct month_replies_result *drafted, json_t *list) {
    for (int64_t i = 0; i < drafted->n; i++) {
        const struct month_reply *reply = &drafted->items[i];
        TRY(json_push(list, json_pack("{s:s, s:s, s:b}", "id", reply->record->id, "draft",
                                      reply->path, "posted", reply->posted)));
    }
    return ERR_OK;
}

static err show(const struct reply_options *o, const struct month_replies *m,
                const struct month_replies_result *drafted) {
    struct str text = {0};
    json_t *list = json_array();
    err e = o->json ? show_json(drafted, list) : show_text(m, drafted, &text);
    if (e == ERR_OK) e = o->json ? print_json(list) : print_text(&text);
    json_decref(list);
    str_release(&text);
    return e;
}

static err reply(const struct reply_options *o, struct program *p, struct arena *a) {
    char today[DAY_SIZE], month[MONTH_SIZE];
    struct month_replies_result drafted;
    TRY(programme_today(p, o->today, today));
    TRY(programme_month(o->month, today, month));
    const struct month_replies m = {.program = p, .month = month, .today = today, .id = o->id};
    err e = month_replies_draft(&m, a, &drafted);
    if (e == ERR_OK && o->post) e = post_all(o, &m, a, &drafted);
    if (e == ERR_OK) e = show(o, &m, &drafted);
    record_list_release(&drafted.records);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct reply_options *o = given;
    struct program p;
    TRY(program_open(o->program, &p));
    err e = reply(o, &p, arena);
    program_close(&p);
    return e;
}

const struct command cmd_issues_reply = {
    .noun = "issues",
    .verb = "reply",
    .summary = "drafts the answers to a month's requesters; posts them with --post",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct reply_options),
    .run = run,
};
