/* SPDX-License-Identifier: Apache-2.0
 * From the month's records to its plan file and commit.
 * What is printed is made from the plan that is written, and the speed of this machine.
 * Read next: cli/month_plan.h, the contract. */
#include "cli/month_plan.h"

#include "cli/memory.h"
#include "cli/month_recipe.h"
#include "cli/terminal.h"
#include "cli/timing.h"
#include "issues/status.h"
#include <string.h>

static int64_t all_tokens(const struct month_plan *plan) {
    int64_t n = 0;
    for (int64_t i = 0; i < plan->requests.n; i++) n += plan->requests.items[i].tokens;
    return n;
}

static err requests_text(const struct month_plan *plan, struct str *out) {
    for (int64_t i = 0; i < plan->requests.n; i++) {
        const struct plan_request *q = &plan->requests.items[i];
        TRY(str_printf(out, "%3lld  %s  ", (long long)q->rank, q->id));
        TRY(terminal_add_line(q->scenario ? q->scenario : "", 90, out));
        TRY(str_printf(out, "\n     %s; %lld rows, %lld tokens\n", q->reason, (long long)q->rows,
                       (long long)q->tokens));
        for (int64_t k = 0; k < q->with.n; k++)
            TRY(str_printf(out, "     with %s\n", q->with.items[k]));
    }
    return ERR_OK;
}

static err waiting_text(const struct month_plan *plan, struct str *out) {
    if (plan->waiting.n > 0) TRY(str_add(out, "not planned:\n"));
    for (int64_t i = 0; i < plan->waiting.n; i++) {
        const struct plan_waiting *w = &plan->waiting.items[i];
        TRY(str_printf(out, "     %s  %s: ", w->id, w->state));
        TRY(terminal_add_line(w->reason, 200, out));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

static err plan_for_people(const struct month_plan *plan, double tokens_per_second,
                           struct str *out) {
    char memory[MEMORY_TEXT_SIZE], span[TIME_TEXT_SIZE];
    TRY(str_printf(out, "plan of %s: %lld of at most %lld requests\n", plan->month,
                   (long long)plan->requests.n, (long long)plan->capacity));
    TRY(requests_text(plan, out));
    TRY(waiting_text(plan, out));
    if (plan->requests.n == 0) return ERR_OK;
    return str_printf(out, "training %s needs %s, and about %s on this machine\n", plan->base_model,
                      memory_text(plan->memory, memory),
                      time_span_text((double)all_tokens(plan) / tokens_per_second, span));
}

static err month_plan_json(const struct month_plan *plan, double tokens_per_second, json_t **out) {
    json_t *requests = json_array(), *waiting = json_array();
    *out = json_pack("{s:s, s:I, s:I, s:o, s:o}", "month", plan->month, "capacity",
                     (json_int_t)plan->capacity, "memory", (json_int_t)plan->memory, "requests",
                     requests, "waiting", waiting);
    if (!*out) return fail(ERR_MEMORY, "out of memory");
    if (plan->requests.n > 0)
        TRY(json_put(*out, "seconds_here",
                     json_real((double)all_tokens(plan) / tokens_per_second)));
    for (int64_t i = 0; i < plan->requests.n; i++) {
        const struct plan_request *q = &plan->requests.items[i];
        TRY(json_push(requests,
                      json_pack("{s:I, s:s, s:s?, s:s, s:I, s:I}", "rank", (json_int_t)q->rank,
                                "id", q->id, "scenario", q->scenario, "reason", q->reason, "rows",
                                (json_int_t)q->rows, "tokens", (json_int_t)q->tokens)));
    }
    for (int64_t i = 0; i < plan->waiting.n; i++) {
        const struct plan_waiting *w = &plan->waiting.items[i];
        TRY(json_push(waiting, json_pack("{s:s, s:s, s:s}", "id", w->id, "state", w->state,
                                         "reason", w->reason)));
    }
    return ERR_OK;
}

/* A month that was released keeps the plan that it was released by. */
static err check_released(const struct program *p, const char *month, const struct str *text,
                          const char *path, struct arena *a) {
    const char *release;
    struct str now = {0};
    bool is_released, found;
    TRY(month_release_path(month, a, &release));
    TRY(program_has(p, release, &is_released));
    if (!is_released) return ERR_OK;
    err e = program_read(p, path, &now, &found);
    if (e == ERR_OK && (!found || strcmp(str_text(&now), str_text(text)) != 0))
        e = fail(ERR_EXISTS, "%s is released; its plan stays as it is", month);
    str_release(&now);
    return e;
}

static err write_and_commit(struct program *p, const struct month_plan *plan, struct arena *a) {
    char on[DAY_SIZE];
    struct str text = {0};
    struct program_step step = {.on = on};
    const char *path;
    TRY(plan_path(plan->month, a, &path));
    TRY(schedule_collect_day(&p->schedule, plan->month, on));
    err e = plan_text(plan, &text);
    if (e == ERR_OK) e = check_released(p, plan->month, &text, path, a);
    if (e == ERR_OK) e = program_write(p, path, &text);
    str_release(&text);
    if (e != ERR_OK) return e;
    step.message = arena_printf(a, "plan: %s, %lld request%s", plan->month,
                                (long long)plan->requests.n, plan->requests.n == 1 ? "" : "s");
    if (!step.message) return ERR_MEMORY;
    TRY(program_step_add(&step, a, path));
    return program_commit(p, &step);
}

err month_plan_write(struct program *p, const char *month, struct arena *a, struct str *out_text,
                     json_t **out_json) {
    struct month_plan plan;
    struct record_list all;
    double tokens_per_second = 0;
    err e = records_read(p, NULL, &all);
    if (e == ERR_OK) e = plan_make(p, month, &all, a, &plan);
    if (e == ERR_OK) e = month_cost(p, &all, &plan, &tokens_per_second);
    if (e == ERR_OK) e = write_and_commit(p, &plan, a);
    if (e == ERR_OK && out_text) e = plan_for_people(&plan, tokens_per_second, out_text);
    if (e == ERR_OK && out_json) e = month_plan_json(&plan, tokens_per_second, out_json);
    record_list_release(&all);
    return e;
}
