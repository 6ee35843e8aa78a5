/* SPDX-License-Identifier: Apache-2.0
 * What each requester is due to hear, from review, plan and release.
 * Before a draft is posted the thread is asked whether it has it already, by the mark at its end:
 * a run that was killed between posting and noting it does not post twice.
 * Read next: cli/month_replies.h, the contract. */
#include "cli/month_replies.h"

#include "base/file.h"
#include "issues/github/github.h"
#include "issues/plan.h"
#include "issues/pull.h"
#include "issues/release_record.h"
#include "issues/reply/reply.h"
#include <string.h>

struct drafting {
    const struct month_replies *m;
    struct arena *arena;
    struct month_replies_result *out;
    struct month_plan plan; /* of the month; no requests when there is none */
    bool has_plan, is_released;
    struct release_record release;
    struct program_step step;
};

/* ---- what is due ---- */

static const struct plan_request *planned_here(const struct drafting *d, const struct record *r) {
    for (int64_t i = 0; i < d->plan.requests.n; i++)
        if (strcmp(d->plan.requests.items[i].id, r->id) == 0) return &d->plan.requests.items[i];
    return NULL;
}

static void released(const struct drafting *d, struct reply *reply) {
    reply->kind = REPLY_released;
    reply->reason = NULL;
    reply->release_name = d->release.name;
    reply->release_url = d->release.url;
    for (int64_t i = 0; i < d->release.requests.n; i++) {
        const struct release_score *score = &d->release.requests.items[i];
        if (strcmp(score->id, reply->id) != 0) continue;
        reply->before = score->before;
        reply->after = score->after;
        reply->n_cases = score->cases;
    }
}

/* An accepted request is on the month's plan, or was not taken, or waits for the plan. */
static err accepted(const struct drafting *d, const struct record *r, struct reply *reply) {
    const struct plan_request *planned = planned_here(d, r);
    char *next = arena_alloc(d->arena, MONTH_SIZE, 1);
    if (!next) return ERR_MEMORY;
    TRY(month_next(d->m->month, next));
    if (!planned) {
        reply->kind = d->has_plan ? REPLY_carried_over : REPLY_received;
        reply->reason = NULL;
        reply->to_month = next;
        return ERR_OK;
    }
    reply->kind = REPLY_accepted;
    reply->rank = planned->rank;
    reply->of = d->plan.requests.n;
    if (d->is_released) released(d, reply);
    return ERR_OK;
}

static err merged(const struct drafting *d, const struct record *r, struct reply *reply) {
    struct record *into;
    reply->kind = REPLY_merged;
    TRY(record_find(&d->out->records, r->review.items[r->review.n - 1].into, &into));
    reply->merged_with = into->id;
    if (into->source.url && str_starts(into->source.url, "https://"))
        reply->merged_url = into->source.url;
    return ERR_OK;
}

static err due(const struct drafting *d, const struct record *r, struct reply *reply) {
    const char **missing = arena_alloc(d->arena, 3, sizeof *missing);
    if (!missing) return ERR_MEMORY;
    *reply = (struct reply){.kind = REPLY_received,
                            .language = r->language,
                            .id = r->id,
                            .month = d->m->month,
                            .login = r->requester,
                            .scenario = r->scenario,
                            .missing = missing};
    if (r->review.n > 0) reply->reason = r->review.items[r->review.n - 1].reason;
    switch (record_state(r)) {
    case RECORD_NEW:
    case RECORD_STATE_COUNT: return ERR_OK;
    case RECORD_REJECTED: reply->kind = REPLY_rejected; return ERR_OK;
    case RECORD_MERGED: return merged(d, r, reply);
    case RECORD_ACCEPTED: return accepted(d, r, reply);
    case RECORD_NEEDS_INFO: break;
    }
    reply->kind = REPLY_needs_information;
    reply->n_missing = record_missing(r, missing);
    return ERR_OK;
}

/* ---- drafts ---- */

static err paths_of(const struct drafting *d, const struct reply *reply, struct month_reply *out) {
    const char *stem;
    TRY(record_stem(reply->id, d->arena, &stem));
    const char *base = arena_printf(d->arena, PROGRAM_REPLIES "/%s/%s.%s", d->m->month, stem,
                                    reply_rows[reply->kind].name);
    if (!base) return ERR_MEMORY;
    out->path = arena_printf(d->arena, "%s.md", base);
    out->json_path = arena_printf(d->arena, "%s.json", base);
    return out->path && out->json_path ? ERR_OK : ERR_MEMORY;
}

static err draft(struct drafting *d, const struct record *r) {
    struct reply reply;
    struct str text = {0};
    bool there;
    struct month_reply *out = &d->out->items[d->out->n];
    *out = (struct month_reply){.record = r};
    TRY(due(d, r, &reply));
    TRY(paths_of(d, &reply, out));
    TRY(program_has(d->m->program, out->json_path, &out->posted));
    TRY(program_has(d->m->program, out->path, &there));
    d->out->n++;
    TRY(program_step_add(&d->step, d->arena, out->path));
    if (there) return ERR_OK; /* as it is: a person may have edited it */
    d->out->n_new++;
    err e = reply_draft(&reply, &text);
    if (e == ERR_OK) e = program_write(d->m->program, out->path, &text);
    str_release(&text);
    return e == ERR_OK ? e : fail_in(e, "the reply to '%s'", r->id);
}

static bool wanted(const struct drafting *d, const struct record *r) {
    if (d->m->id) return strcmp(r->id, d->m->id) == 0;
    return strcmp(r->month, d->m->month) == 0 || planned_here(d, r);
}

static err draft_all(struct drafting *d) {
    struct record_list *all = &d->out->records;
    d->out->items = arena_alloc(d->arena, (size_t)all->n + 1, sizeof *d->out->items);
    if (!d->out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < all->n; i++)
        if (wanted(d, &all->items[i])) TRY(draft(d, &all->items[i]));
    d->step.on = d->m->today;
    d->step.message =
        arena_printf(d->arena, "replies: %lld drafted for %s", (long long)d->out->n, d->m->month);
    return d->step.message ? program_commit(d->m->program, &d->step) : ERR_MEMORY;
}

err month_replies_draft(const struct month_replies *m, struct arena *a,
                        struct month_replies_result *out) {
    struct drafting d = {.m = m, .arena = a, .out = out};
    struct record *one;
    struct month_replies named = *m;
    *out = (struct month_replies_result){0};
    err e = records_read(m->program, NULL, &out->records);
    if (e == ERR_OK && m->id) {
        e = record_find(&out->records, m->id, &one);
        if (e == ERR_OK) named.id = one->id;
    }
    d.m = &named;
    if (e == ERR_OK) e = plan_read(m->program, m->month, a, &d.plan, &d.has_plan);
    if (e == ERR_OK) e = release_record_read(m->program, m->month, a, &d.release, &d.is_released);
    return e == ERR_OK ? draft_all(&d) : e;
}

/* ---- posting ---- */

/* A draft on its way to the issue that its request was posted in. */
struct posting {
    const struct program *program;
    struct github *github;
    const char *repository;
    int64_t issue;
    const char *since; /* when the request was posted */
    const char *text;
};

/* Anybody can write a mark; it counts in what the programme's people have posted. */
static bool is_ours(const struct program *p, const json_t *comment) {
    struct reading_context context;
    const char *association = json_string_value(json_object_get(comment, "author_association"));
    const char *login =
        json_string_value(json_object_get(json_object_get(comment, "user"), "login"));
    program_reading_context(p, &context);
    return reading_is_staff(login, association, &context);
}

/* The comment of the thread that has the draft's mark already, or NULL. */
static err find_posted(const struct posting *s, json_t **out) {
    struct github_found found = {0};
    struct reply_marker ours, theirs;
    *out = NULL;
    if (!reply_marker_find(s->text, &ours))
        return fail(ERR_PARSE, "the draft has lost the mark at its end");
    TRY(github_comments(s->github, s->repository, s->issue, s->since, &found));
    for (size_t i = 0; i < json_array_size(found.value) && !*out; i++) {
        json_t *comment = json_array_get(found.value, i);
        const char *body = json_string_value(json_object_get(comment, "body"));
        if (body && is_ours(s->program, comment) && reply_marker_find(body, &theirs) &&
            strcmp(ours.id, theirs.id) == 0 && ours.kind == theirs.kind &&
            strcmp(ours.month, theirs.month) == 0)
            *out = json_incref(comment);
    }
    github_found_release(&found);
    return ERR_OK;
}

static err post(struct posting *s, const struct record *r, struct arena *a, json_t **out) {
    const char *hash = strrchr(r->id, '#');
    s->repository = arena_strndup(a, r->id, (size_t)(hash - r->id));
    if (!s->repository) return ERR_MEMORY;
    s->issue = strtoll(hash + 1, NULL, 10);
    s->since = r->source.created_at;
    TRY(find_posted(s, out));
    return *out ? ERR_OK : github_comment(s->github, s->repository, s->issue, s->text, out);
}

static err note_posted(const struct month_replies *m, const struct month_reply *reply,
                       const json_t *comment, struct arena *a) {
    struct str text = {0};
    struct program_step step = {.on = m->today};
    err e = json_text(comment, JSON_TEXT_PRETTY | JSON_TEXT_SORTED, &text);
    if (e == ERR_OK) e = program_write(m->program, reply->json_path, &text);
    str_release(&text);
    if (e != ERR_OK) return e;
    step.message = arena_printf(a, "replies: posted %s", path_base(reply->path));
    if (!step.message) return ERR_MEMORY;
    TRY(program_step_add(&step, a, reply->path));
    TRY(program_step_add(&step, a, reply->json_path));
    return program_commit(m->program, &step);
}

err month_reply_post(const struct month_replies *m, struct github *github, struct arena *a,
                     struct month_reply *reply) {
    struct str text = {0};
    json_t *comment = NULL;
    bool found;
    if (reply->posted) return ERR_OK;
    err e = program_read(m->program, reply->path, &text, &found);
    struct posting s = {.program = m->program, .github = github, .text = str_text(&text)};
    if (e == ERR_OK) e = post(&s, reply->record, a, &comment);
    if (e == ERR_OK) e = note_posted(m, reply, comment, a);
    if (e == ERR_OK) reply->posted = true;
    json_decref(comment);
    str_release(&text);
    return e == ERR_OK ? e : fail_in(e, "posting '%s'", reply->path);
}
