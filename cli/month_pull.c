/* SPDX-License-Identifier: Apache-2.0
 * Collecting: the month's window from the calendar, the posts from GitHub or from files, and then
 * issues/pull.h.
 * Read next: cli/month_pull.h, the contract. */
#include "cli/month_pull.h"

#include "base/log.h"
#include "issues/github/collect.h"
#include "remote/token.h"
#include <string.h>

static err check_day(const struct month_pull *m) {
    char day[DAY_SIZE];
    TRY(schedule_collect_day(&m->program->schedule, m->month, day));
    if (m->early || strcmp(m->today, day) >= 0) return ERR_OK;
    err e = fail(ERR_GATE, "the requests of %s are collected on %s, and today is %s", m->month, day,
                 m->today);
    return fail_hint(e, "--early collects what there is; what comes later joins it then");
}

err month_github(const struct month_pull *m, struct arena *a, struct github **out) {
    static const enum env_name names[] = {ENV_GH_TOKEN, ENV_GITHUB_TOKEN}; /* in gh's order */
    struct str token = {0};
    const char *cache;
    TRY(program_path(m->program, PROGRAM_CACHE, a, &cache));
    err e = token_read(m->token_file, names, 2, &token);
    const struct github_options options = {.token = token.len > 0 ? str_text(&token) : NULL,
                                           .cache_dir = cache,
                                           .max_wait_s = m->max_wait_s > 0 ? m->max_wait_s : -1};
    if (e == ERR_OK) e = github_new(&options, out);
    token_release(&token);
    return e;
}

err month_pull(const struct month_pull *m, struct arena *a, struct pull_result *out) {
    const struct program_options *o = &m->program->options;
    struct collect_options options = {
        .path = m->from, .repository = o->repository, .issue = o->issue, .label = o->label};
    struct github *github = NULL;
    json_t *collection = NULL;
    struct plan_window window;
    TRY(check_day(m));
    TRY(schedule_window(&m->program->schedule, m->month, &window));
    options.from_s = window.from_s;
    options.to_s = window.to_s;
    err e = m->from ? ERR_OK : month_github(m, a, &github);
    options.github = github;
    if (e == ERR_OK) e = collect(&options, &collection);
    const char *moved = json_string_value(json_object_get(collection, "moved_to"));
    if (e == ERR_OK && moved)
        LOG(ISSUES, WARN, "'%s' is now '%s'; write that into %s", o->repository, moved,
            PROGRAM_FILE);
    if (e == ERR_OK) e = pull_apply(m->program, m->month, collection, a, out);
    json_decref(collection);
    github_free(github);
    return e;
}

err pull_result_text(const char *month, const struct pull_result *r, struct str *out) {
    TRY(str_printf(out, "%s: %lld posts, %lld requests, %lld of them new\n", month,
                   (long long)r->n_posts, (long long)r->n_requests, (long long)r->n_new));
    for (int64_t i = 0; i < r->edited.n; i++)
        TRY(str_printf(out, "edited since it was read: %s  ('cotrain issues show' has both)\n",
                       r->edited.items[i]));
    return ERR_OK;
}
