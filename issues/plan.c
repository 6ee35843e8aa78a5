/* SPDX-License-Identifier: Apache-2.0
 * Ranking, and the plan's file.
 * Each line's reason is written from the same numbers that the order was made from.
 * Read next: issues/plan.h, the contract. */
#include "issues/plan.h"

#include "base/file.h"
#include <stdlib.h>
#include <string.h>

#define ROW(field, ...) OPT(struct month_plan, field, __VA_ARGS__)
static struct opt_table plan_table(void) {
    static const struct opt rows[] = {
        ROW(month, .required = true, .help = "of the plan"),
        ROW(base_model, .help = "that is trained"),
        ROW(capacity, .min = 1, .max = 1000, .preset = "1", .help = "most requests of a plan"),
        ROW(memory, .min = 0, .max = 9e18, .help = "bytes that training needs"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct plan_request, field, __VA_ARGS__)
static struct opt_table request_table(void) {
    static const struct opt rows[] = {
        ROW(rank, .min = 1, .max = 1e6, .help = "place in the plan"),
        ROW(id, .required = true, .help = "of the request"),
        ROW(scenario, .help = "where the model is used"),
        ROW(reason, .help = "why it stands there"),
        ROW(with, .help = "ids of requests that were merged into it"),
        ROW(rows, .min = 0, .max = 9e18, .help = "that are trained, over all epochs"),
        ROW(tokens, .min = 0, .max = 9e18, .help = "of them"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct plan_waiting, field, __VA_ARGS__)
static struct opt_table waiting_table(void) {
    static const struct opt rows[] = {
        ROW(id, .required = true, .help = "of the request"),
        ROW(state, .help = "of its review"),
        ROW(reason, .help = "why it waits"),
    };
    return OPT_TABLE(rows);
}
#undef ROW

static const struct recipe_section sections[] = {
    {.path = "requests",
     .kind = SECTION_IS_LIST,
     .table = request_table,
     .offset = offsetof(struct month_plan, requests),
     .item_size = sizeof(struct plan_request)},
    {.path = "waiting",
     .kind = SECTION_IS_LIST,
     .table = waiting_table,
     .offset = offsetof(struct month_plan, waiting),
     .item_size = sizeof(struct plan_waiting)},
};
_Static_assert(sizeof(struct plan_requests) == sizeof(struct section_items), "items and n");
_Static_assert(sizeof(struct plan_waitings) == sizeof(struct section_items), "items and n");
static const struct recipe_schema plan_schema = {plan_table, sections, 2, NULL};

err plan_path(const char *month, struct arena *a, const char **out) {
    *out = arena_printf(a, PROGRAM_PLANS "/%s.yaml", month);
    return *out ? ERR_OK : ERR_MEMORY;
}

static const char *comment_above(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "cotrain") == 0)
        return "Written by 'cotrain issues plan'. The rule: more problem reports by the requester\n"
               "come first, then more votes, then the earlier post.";
    if (strcmp(path, "waiting") == 0) return "Not in this month's plan, and why.";
    return NULL;
}

err plan_text(const struct month_plan *plan, struct str *out) {
    struct recipe_comments comments = {.above = comment_above};
    return options_yaml(&plan_schema, plan, &comments, out);
}

err plan_read(const struct program *p, const char *month, struct arena *a, struct month_plan *out,
              bool *out_found) {
    const char *path;
    *out = (struct month_plan){.month = month};
    TRY(plan_path(month, a, &path));
    TRY(program_load(p, path, &plan_schema, a, out, out_found));
    if (strcmp(out->month, month) != 0)
        return fail(ERR_MISMATCH, "'%s' is the plan of '%s'", path, out->month);
    return ERR_OK;
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const struct planned *)a)->id, ((const struct planned *)b)->id);
}

static err index_plan(const struct program *p, const char *month, struct arena *a,
                      struct plan_index *out) {
    struct month_plan plan;
    bool found;
    TRY(plan_read(p, month, a, &plan, &found));
    struct planned *items =
        arena_alloc(a, (size_t)(out->n + plan.requests.n) + 1, sizeof *out->items);
    if (!items) return ERR_MEMORY;
    if (out->n > 0) memcpy(items, out->items, (size_t)out->n * sizeof *items);
    for (int64_t i = 0; i < plan.requests.n; i++)
        items[out->n++] = (struct planned){plan.requests.items[i].id, month};
    out->items = items;
    return ERR_OK;
}

err plan_index_read(const struct program *p, struct arena *a, struct plan_index *out) {
    struct name_list names = {0};
    const char *dir;
    *out = (struct plan_index){0};
    TRY(program_path(p, PROGRAM_PLANS, a, &dir));
    err e = dir_exists(dir) ? dir_list(dir, &names) : ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        if (!str_ends(names.names[i], ".yaml")) continue;
        const char *month =
            arena_strndup(a, names.names[i], strlen(names.names[i]) - strlen(".yaml"));
        e = month ? index_plan(p, month, a, out) : ERR_MEMORY;
    }
    name_list_release(&names);
    if (e == ERR_OK && out->n > 0) qsort(out->items, (size_t)out->n, sizeof *out->items, by_id);
    return e;
}

const char *plan_index_find(const struct plan_index *index, const char *id) {
    const struct planned key = {.id = id};
    const struct planned *found =
        index->n > 0 ? bsearch(&key, index->items, (size_t)index->n, sizeof key, by_id) : NULL;
    return found ? found->month : NULL;
}

/* ---- ranking ---- */

struct candidate {
    const struct record *record;
    int64_t problem_reports, votes; /* with those of what was merged into it */
    int64_t created_s;
    struct opt_list with;
};

static int by_rule(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    if (a->problem_reports != b->problem_reports)
        return a->problem_reports < b->problem_reports ? 1 : -1;
    if (a->votes != b->votes) return a->votes < b->votes ? 1 : -1;
    if (a->created_s != b->created_s) return a->created_s < b->created_s ? -1 : 1;
    return strcmp(a->record->id, b->record->id);
}

/* A merged request counts for the one that it was merged into: the larger number of problem
 * reports, since it is a person's, and the sum of the votes, since they are others'. */
static err add_merged(struct candidate *c, const struct record_list *all, struct arena *a) {
    for (int64_t i = 0; i < all->n; i++) {
        const struct record *r = &all->items[i];
        if (record_state(r) != RECORD_MERGED) continue;
        if (strcmp(r->review.items[r->review.n - 1].into, c->record->id) != 0) continue;
        TRY(opt_list_add(&c->with, a, r->id));
        c->votes += r->votes;
        if (r->problem_reports > c->problem_reports) c->problem_reports = r->problem_reports;
    }
    return ERR_OK;
}

static err reason_text(const struct candidate *c, const char *month, struct arena *a,
                       const char **out) {
    const struct record *r = c->record;
    const char *carried = "";
    if (strcmp(r->month, month) != 0) carried = arena_printf(a, ", carried over from %s", r->month);
    if (!carried) return ERR_MEMORY;
    *out =
        arena_printf(a, "%lld problem report%s, %lld vote%s, posted %.10s%s",
                     (long long)c->problem_reports, c->problem_reports == 1 ? "" : "s",
                     (long long)c->votes, c->votes == 1 ? "" : "s", r->source.created_at, carried);
    return *out ? ERR_OK : ERR_MEMORY;
}

static err waiting_reason(const struct record *r, struct arena *a, const char **out) {
    const struct record_decision *last = r->review.n > 0 ? &r->review.items[r->review.n - 1] : NULL;
    const char *missing[3];
    int n = record_missing(r, missing);
    struct str text = {0};
    err e = ERR_OK;
    if (record_state(r) == RECORD_NEW)
        e = str_add(&text, "nobody has decided yet");
    else if (record_state(r) == RECORD_MERGED)
        e = str_printf(&text, "part of %s", last->into);
    else if (last->reason)
        e = str_add(&text, last->reason);
    else
        for (int i = 0; i < n && e == ERR_OK; i++)
            e = str_printf(&text, "%s%s", i ? ", " : "lacks ", missing[i]);
    if (e == ERR_OK) *out = arena_strdup(a, str_text(&text));
    str_release(&text);
    return e == ERR_OK && !*out ? ERR_MEMORY : e;
}

static void add_waiting(struct month_plan *plan, const struct record *r, const char *reason) {
    plan->waiting.items[plan->waiting.n++] =
        (struct plan_waiting){r->id, state_rows[record_state(r)].word, reason};
}

static err add_planned(struct month_plan *plan, const struct candidate *c, struct arena *a) {
    struct plan_request *q = &plan->requests.items[plan->requests.n++];
    *q = (struct plan_request){.rank = plan->requests.n,
                               .id = c->record->id,
                               .scenario = c->record->scenario,
                               .with = c->with};
    return reason_text(c, plan->month, a, &q->reason);
}

/* Whether a record may be planned this month: accepted, and in no earlier plan. */
static bool is_candidate(const struct plan_index *index, const struct record *r,
                         const char *month) {
    const char *planned = plan_index_find(index, r->id);
    return strcmp(r->month, month) <= 0 && record_state(r) == RECORD_ACCEPTED &&
           (!planned || strcmp(planned, month) >= 0);
}

/* Whether its fate is told in the month's plan: it is this month's, or still open. */
static bool waits(const struct record *r, const char *month) {
    enum record_state state = record_state(r);
    if (strcmp(r->month, month) > 0 || state == RECORD_ACCEPTED) return false;
    return state == RECORD_NEW || state == RECORD_NEEDS_INFO || strcmp(r->month, month) == 0;
}

static err collect(const struct program *p, const struct record_list *all, struct arena *a,
                   struct month_plan *plan, struct candidate *found, int64_t *out_n) {
    struct plan_index index;
    *out_n = 0;
    TRY(plan_index_read(p, a, &index));
    for (int64_t i = 0; i < all->n; i++) {
        const struct record *r = &all->items[i];
        if (waits(r, plan->month)) {
            const char *reason = "";
            TRY(waiting_reason(r, a, &reason));
            add_waiting(plan, r, reason);
        }
        if (!is_candidate(&index, r, plan->month)) continue;
        struct candidate *c = &found[(*out_n)++];
        *c = (struct candidate){
            .record = r, .problem_reports = r->problem_reports, .votes = r->votes};
        TRY(time_parse(r->source.created_at, &c->created_s));
        TRY(add_merged(c, all, a));
    }
    return ERR_OK;
}

err plan_make(const struct program *p, const char *month, const struct record_list *all,
              struct arena *a, struct month_plan *out) {
    int64_t n = 0;
    *out = (struct month_plan){.month = month, .capacity = p->options.capacity};
    out->requests.items = arena_alloc(a, (size_t)all->n + 1, sizeof *out->requests.items);
    out->waiting.items = arena_alloc(a, (size_t)all->n + 1, sizeof *out->waiting.items);
    struct candidate *found = arena_alloc(a, (size_t)all->n + 1, sizeof *found);
    if (!out->requests.items || !out->waiting.items || !found) return ERR_MEMORY;
    TRY(collect(p, all, a, out, found, &n));
    qsort(found, (size_t)n, sizeof *found, by_rule);
    for (int64_t i = 0; i < n; i++) {
        if (out->requests.n < out->capacity) {
            TRY(add_planned(out, &found[i], a));
            continue;
        }
        const char *rank;
        TRY(reason_text(&found[i], month, a, &rank));
        rank = arena_printf(a, "the month is full; %s", rank);
        if (!rank) return ERR_MEMORY;
        add_waiting(out, found[i].record, rank);
    }
    if (out->requests.n > 0 && p->options.base_models.n > 0)
        out->base_model = p->options.base_models.items[0].name;
    return ERR_OK;
}
