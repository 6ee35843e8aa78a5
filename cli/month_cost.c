/* SPDX-License-Identifier: Apache-2.0
 * What a month's plan would train and need, before anything is decided: the recipe that it would
 * give is written into the work folder, its dataset built, its memory planned. Only numbers that
 * are the same on every machine go into the plan; the time is for the screen.
 * Read next: cli/month_recipe.h, the contract. */
#include "cli/month_recipe.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/chain.h"
#include "cli/data_stage.h"
#include "cli/planning.h"
#include "cli/timing.h"
#include "data/dataset/dataset.h"
#include <string.h>

/* Draft recipe and its dataset; both stand two folders below the program's, as recipes do. */
static err draft_paths(const struct program *p, const char *month, struct arena *a,
                       const char **recipe, const char **dataset) {
    const char *file = arena_printf(a, PROGRAM_WORK "/%s/draft.yaml", month);
    const char *dir = arena_printf(a, PROGRAM_WORK "/%s/draft", month);
    if (!file || !dir) return ERR_MEMORY;
    *recipe = file;
    return program_path(p, dir, a, dataset);
}

/* Rows and tokens of a request's group, over all epochs. */
static void count_group(const struct dataset *d, int64_t group, double epochs,
                        struct plan_request *q) {
    int64_t first, n, tokens = 0;
    const struct dataset_row *rows = dataset_rows(d, SPLIT_TRAIN);
    dataset_group_rows(d, SPLIT_TRAIN, group, &first, &n);
    for (int64_t i = first; i < first + n; i++) tokens += rows[i].n_tokens;
    q->rows = (int64_t)((double)n * epochs + 0.5);
    q->tokens = (int64_t)((double)tokens * epochs + 0.5);
}

static err count_rows(const char *dataset_dir, const struct chain *c, struct month_plan *plan) {
    struct dataset *d;
    const double epochs = c->train.num_epochs > 0 ? c->train.num_epochs : 1;
    TRY(dataset_open(&d, dataset_dir));
    for (int64_t g = 0; g < dataset_n_groups(d); g++)
        for (int64_t i = 0; i < plan->requests.n; i++)
            if (strcmp(dataset_group(d, g)->name, plan->requests.items[i].id) == 0)
                count_group(d, g, epochs, &plan->requests.items[i]);
    dataset_close(d);
    return ERR_OK;
}

static err plan_memory(const struct program *p, const struct chain *c, struct month_plan *plan,
                       double *out_tokens_per_second) {
    struct planning planning;
    struct timing timing = {0};
    const struct planned_for on = {
        .device = "cpu", .data = DATA_UNKNOWN, .limit = p->options.memory};
    err e = planning_open(&planning, c, &on);
    if (e == ERR_OK) {
        plan->memory = fit_resident_bytes(&planning.fit);
        e = timing_start(&timing, &planning.trainer, planning.fit.planned_bytes);
    }
    if (e == ERR_OK) *out_tokens_per_second = timing_tokens_per_second(&timing, &planning.trainer);
    planning_close(&planning);
    return e;
}

static err estimate(const struct program *p, struct month_plan *plan, const char *recipe,
                    const char *dataset, double *out_tokens_per_second) {
    struct arena a = {0};
    struct chain chain;
    const char *whole;
    err e = program_path(p, recipe, &a, &whole);
    if (e == ERR_OK) e = chain_read(&chain, whole, NULL);
    arena_release(&a);
    if (e != ERR_OK) return e;
    e = data_stage(&chain, dataset, NULL);
    if (e == ERR_OK) e = count_rows(dataset, &chain, plan);
    if (e == ERR_OK) e = plan_memory(p, &chain, plan, out_tokens_per_second);
    chain_release(&chain);
    return e;
}

err month_cost(struct program *p, const struct record_list *all, struct month_plan *plan,
               double *out_tokens_per_second) {
    struct arena a = {0};
    struct str text = {0};
    const char *recipe, *dataset;
    *out_tokens_per_second = 0;
    if (plan->requests.n == 0) return ERR_OK;
    err e = draft_paths(p, plan->month, &a, &recipe, &dataset);
    if (e == ERR_OK) e = month_recipe_text(p, plan, all, false, &text);
    if (e == ERR_OK) e = program_write(p, recipe, &text);
    if (e == ERR_OK) e = estimate(p, plan, recipe, dataset, out_tokens_per_second);
    str_release(&text);
    arena_release(&a);
    return e == ERR_OK ? e : fail_in(e, "what %s would train", plan->month);
}
