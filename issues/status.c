/* SPDX-License-Identifier: Apache-2.0
 * The state of each month out of its files.
 * Months run without a gap from the first that a folder or file bears the name of, so one that
 * nobody collected shows as late.
 * Read next: issues/status.h, the contract. */
#include "issues/status.h"

#include "base/file.h"
#include "base/mem.h"
#include "issues/pull.h"
#include <string.h>

const char *const month_step_names[STEP_COUNT] = {"collect", "review", "plan", "recipe", "release"};

err month_recipe_path(const struct program *p, const char *month, struct arena *a,
                      const char **out) {
    *out = arena_printf(a, PROGRAM_RECIPES "/%s/%s-%s.yaml", month, p->options.name, month);
    return *out ? ERR_OK : ERR_MEMORY;
}

err month_release_path(const char *month, struct arena *a, const char **out) {
    *out = arena_printf(a, PROGRAM_RELEASES "/%s/release.yaml", month);
    return *out ? ERR_OK : ERR_MEMORY;
}

/* ---- one month ---- */

static err count_requests(const struct program *p, struct month_status *m) {
    struct record_list records;
    err e = records_read(p, m->month, &records);
    for (int64_t i = 0; i < records.n && e == ERR_OK; i++)
        m->n_undecided += record_state(&records.items[i]) == RECORD_NEW;
    m->n_requests = records.n;
    record_list_release(&records);
    return e;
}

static err find_next(const struct program *p, struct arena *a, struct month_status *m) {
    struct month_plan plan;
    const char *recipe, *release;
    bool collected, planned, has_recipe, released;
    TRY(pull_done(p, m->month, &collected));
    TRY(plan_read(p, m->month, a, &plan, &planned));
    TRY(month_recipe_path(p, m->month, a, &recipe));
    TRY(month_release_path(m->month, a, &release));
    TRY(program_committed(p, recipe, &has_recipe));
    TRY(program_committed(p, release, &released));
    m->n_planned = planned ? plan.requests.n : -1;
    m->next = !collected                      ? STEP_COLLECT
              : m->n_undecided > 0            ? STEP_REVIEW
              : !planned                      ? STEP_PLAN
              : m->n_planned == 0 || released ? STEP_COUNT
              : !has_recipe                   ? STEP_RECIPE
                                              : STEP_RELEASE;
    return ERR_OK;
}

static err read_one(const struct program *p, const char *today, struct arena *a,
                    struct month_status *m) {
    TRY(count_requests(p, m));
    TRY(find_next(p, a, m));
    if (m->next == STEP_COLLECT)
        TRY(schedule_collect_day(&p->schedule, m->month, m->due));
    else
        TRY(month_last_day(m->month, m->due));
    m->late = m->next != STEP_COUNT && strcmp(today, m->due) > 0;
    return ERR_OK;
}

/* ---- which months ---- */

/* The first and the last month that anything bears the name of; "" before any is found. */
struct span_of_months {
    char first[MONTH_SIZE], last[MONTH_SIZE];
};

static void add_month(struct span_of_months *span, const char *name) {
    if (!month_is(name)) return;
    if (!span->first[0] || strcmp(name, span->first) < 0) memcpy(span->first, name, MONTH_SIZE);
    if (strcmp(name, span->last) > 0) memcpy(span->last, name, MONTH_SIZE);
}

static err months_in(const struct program *p, const char *folder, struct span_of_months *span) {
    struct name_list names = {0};
    char *dir = path_join(p->dir, folder);
    if (!dir) return ERR_MEMORY;
    err e = dir_exists(dir) ? dir_list(dir, &names) : ERR_OK;
    mem_free(dir);
    for (size_t i = 0; i < names.n; i++) {
        char *dot = strstr(names.names[i], ".yaml");
        if (dot) *dot = '\0';
        add_month(span, names.names[i]);
    }
    name_list_release(&names);
    return e;
}

/* The next month to collect: today's, or the one after when today's has been. */
static err next_month(const struct program *p, const char *today, struct span_of_months *span) {
    char month[MONTH_SIZE] = {0};
    bool done;
    memcpy(month, today, MONTH_SIZE - 1);
    TRY(pull_done(p, month, &done));
    if (done) TRY(month_next(month, month));
    add_month(span, month);
    return ERR_OK;
}

static err read_all(const struct program *p, const char *today, struct arena *a,
                    const struct span_of_months *span, struct program_status *out) {
    enum { MONTHS_MAX = 1200 };
    out->items = arena_alloc(a, MONTHS_MAX, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    char month[MONTH_SIZE];
    memcpy(month, span->first, MONTH_SIZE);
    while (strcmp(month, span->last) <= 0) {
        if (out->n == MONTHS_MAX)
            return fail(ERR_LIMIT, "months from %s to %s", span->first, month);
        struct month_status *m = &out->items[out->n++];
        memcpy(m->month, month, MONTH_SIZE);
        TRY(read_one(p, today, a, m));
        TRY(month_next(month, month));
    }
    return ERR_OK;
}

err status_read(const struct program *p, const char *today, struct arena *a,
                struct program_status *out) {
    static const char *const folders[] = {PROGRAM_COLLECTIONS, PROGRAM_REQUESTS, PROGRAM_PLANS,
                                          PROGRAM_RECIPES, PROGRAM_RELEASES};
    struct span_of_months span = {"", ""};
    *out = (struct program_status){0};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        TRY(months_in(p, folders[i], &span));
    TRY(next_month(p, today, &span));
    return read_all(p, today, a, &span, out);
}
