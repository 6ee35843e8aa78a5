/* SPDX-License-Identifier: Apache-2.0
 * cotrain month run: a whole month, from the collection of its requests to its release and the
 * answers to those who asked. Each step is the command of its own name and leaves a commit; what is
 * done already is passed over, so a run that was stopped or killed goes on where it was. It ends
 * with exit code 3 where a person must decide.
 * Read next: docs/monthly-cycle.md; issues/status.h for the order of the steps. */
#include "base/file.h"
#include "base/par.h"
#include "cli/chain_run.h"
#include "cli/command.h"
#include "cli/memory.h"
#include "cli/month_plan.h"
#include "cli/month_pull.h"
#include "cli/month_recipe.h"
#include "cli/month_replies.h"
#include "cli/programme.h"
#include "eval/report.h"
#include "issues/plan.h"
#include "issues/release_record.h"
#include "issues/review.h"
#include "issues/status.h"
#include "release/seal.h"
#include <string.h>

struct run_options {
    const char *program, *month, *from, *decisions, *token_file, *device, *today;
    int64_t max_wait, memory, threads;
};

#define ROW(field, ...) OPT(struct run_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = MONTH_HELP),
    ROW(from, .value = "PATH", .help = FROM_HELP),
    ROW(decisions, .value = "FILE", .help = "decisions as YAML, as `issues review` takes them"),
    ROW(token_file, .value = "FILE", .help = TOKEN_FILE_HELP),
    ROW(max_wait, .min = 0, .max = 86400, .preset = "900", .help = MAX_WAIT_HELP),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .help = MEMORY_HELP),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
};

struct month_run {
    const struct run_options *options;
    struct program *program;
    struct arena *arena;
    char month[MONTH_SIZE], today[DAY_SIZE];
};

/* "collect      3 posts, ...": a step's name and what came of it. */
static err tell(const char *step, const char *what) {
    struct str line = {0};
    err e = str_printf(&line, "%-9s %s%s", step, what, str_ends(what, "\n") ? "" : "\n");
    if (e == ERR_OK) e = print_text(&line);
    str_release(&line);
    return e;
}

static err collect_step(struct month_run *r) {
    const struct run_options *o = r->options;
    struct pull_result result;
    struct str text = {0};
    bool done;
    TRY(pull_done(r->program, r->month, &done));
    if (done) return tell("collect", "done before");
    const struct month_pull m = {.program = r->program,
                                 .month = r->month,
                                 .today = r->today,
                                 .from = o->from,
                                 .token_file = o->token_file,
                                 .max_wait_s = o->max_wait};
    TRY(month_pull(&m, r->arena, &result));
    err e = pull_result_text(r->month, &result, &text);
    if (e == ERR_OK) e = tell("collect", str_text(&text));
    str_release(&text);
    return e;
}

static err decide_all(struct month_run *r, struct record_list *all) {
    struct decision_list list;
    bool changed;
    err e = decisions_read(r->options->decisions, &list);
    for (int64_t i = 0; i < list.n && e == ERR_OK; i++) {
        struct record *record;
        e = record_find(all, list.items[i].id, &record);
        if (e == ERR_OK && strcmp(record->month, r->month) <= 0)
            e = review_decide(r->program, &list.items[i], all, &changed);
    }
    decision_list_release(&list);
    return e;
}

static err count_undecided(const struct month_run *r, const struct record_list *all) {
    int64_t n = 0, n_undecided = 0;
    for (int64_t i = 0; i < all->n; i++) {
        const struct record *record = &all->items[i];
        if (strcmp(record->month, r->month) != 0) continue;
        n++;
        n_undecided += record_state(record) == RECORD_NEW;
    }
    if (n_undecided > 0) {
        err e = fail(ERR_GATE, "%lld of %lld requests of %s are undecided", (long long)n_undecided,
                     (long long)n, r->month);
        return fail_hint(e, "decide with 'cotrain issues review --month %s', then run this again",
                         r->month);
    }
    struct str text = {0};
    err e = str_printf(&text, "%lld requests, all decided", (long long)n);
    if (e == ERR_OK) e = tell("review", str_text(&text));
    str_release(&text);
    return e;
}

static err review_step(struct month_run *r) {
    struct record_list all;
    err e = records_read(r->program, NULL, &all);
    if (e == ERR_OK && r->options->decisions) e = decide_all(r, &all);
    if (e == ERR_OK) e = count_undecided(r, &all);
    record_list_release(&all);
    return e;
}

static err plan_step(struct month_run *r) {
    struct str text = {0};
    err e = month_plan_write(r->program, r->month, r->arena, &text, NULL);
    if (e == ERR_OK) e = tell("plan", str_text(&text));
    str_release(&text);
    return e;
}

static err recipe_step(struct month_run *r, const char **out_path) {
    struct record_list all;
    struct str conflicts = {0};
    err e = records_read(r->program, NULL, &all);
    const struct month_recipe m = {.program = r->program, .month = r->month, .all = &all};
    if (e == ERR_OK) e = month_recipe_write(&m, r->arena, out_path, &conflicts);
    if (conflicts.len > 0) {
        err told = print_text(&conflicts);
        e = told == ERR_OK ? e : told;
    }
    if (e == ERR_OK) e = tell("recipe", *out_path ? *out_path : "none: nothing is planned");
    str_release(&conflicts);
    record_list_release(&all);
    return e;
}

/* ---- the release ---- */

/* Each request's held-out score before and after. */
static err read_scores(const struct chain_run_result *result, struct arena *a,
                       struct release_record *out, json_t **before, json_t **after) {
    const json_t *task;
    TRY(report_read(result->before, before));
    TRY(report_read(result->after, after));
    TRY(report_task(*after, "requests", &task));
    const json_t *now = json_object_get(task, "requests"), *then;
    TRY(report_task(*before, "requests", &task));
    then = json_object_get(task, "requests");
    size_t n = json_array_size(now);
    out->requests.items = arena_alloc(a, n + 1, sizeof *out->requests.items);
    if (!out->requests.items) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(now, i), *old = json_array_get(then, i);
        struct release_score *score = &out->requests.items[out->requests.n++];
        score->id = arena_strdup(a, json_string_value(json_object_get(row, "request")));
        score->cases = json_integer_value(json_object_get(row, "n"));
        score->after = json_number_value(json_object_get(row, "exact_match"));
        score->before = json_number_value(json_object_get(old, "exact_match"));
        if (!score->id) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err record_release(struct month_run *r, const struct chain_run_result *result) {
    enum { MANIFEST_MAX_BYTES = 16 << 20 };
    struct release_record record = {.month = r->month,
                                    .name = path_base(result->release),
                                    .hash = result->hash,
                                    .date = r->today};
    json_t *before = NULL, *after = NULL;
    struct str manifest = {0};
    const char *path = arena_printf(r->arena, "%s/manifest.json", result->release);
    err e = path ? read_scores(result, r->arena, &record, &before, &after) : ERR_MEMORY;
    if (e == ERR_OK) e = file_read(path, MANIFEST_MAX_BYTES, &manifest);
    if (e == ERR_OK) e = release_record_write(r->program, &record, &manifest, r->arena);
    str_release(&manifest);
    json_decref(before);
    json_decref(after);
    return e;
}

/* A month's release in its work folder, or NULL where it is not there as the record has it. */
static err kept_release(struct month_run *r, const char *month, const char **out) {
    struct release_record record;
    struct seal seal = {0};
    bool found;
    const char *path;
    *out = NULL;
    TRY(release_record_read(r->program, month, r->arena, &record, &found));
    if (!found) return ERR_OK;
    path = arena_printf(r->arena, PROGRAM_WORK "/%s/release/%s", month, record.name);
    if (!path) return ERR_MEMORY;
    TRY(program_path(r->program, path, r->arena, &path));
    err e = dir_exists(path) ? seal_read(&seal, path) : ERR_MISSING;
    if (e == ERR_OK && strcmp(seal.release, record.hash) == 0) *out = path;
    seal_clear(&seal);
    if (e == ERR_MEMORY) return e;
    err_clear();
    return ERR_OK;
}

/* The newest release of an earlier month that lies here, for the changelog; NULL: there is none. */
static err release_before(struct month_run *r, const char **out) {
    struct name_list months = {0};
    const char *folder;
    *out = NULL;
    TRY(program_path(r->program, PROGRAM_RELEASES, r->arena, &folder));
    if (!dir_exists(folder)) return ERR_OK;
    err e = dir_list(folder, &months);
    for (size_t i = months.n; i > 0 && e == ERR_OK && !*out; i--)
        if (strcmp(months.names[i - 1], r->month) < 0)
            e = kept_release(r, months.names[i - 1], out);
    name_list_release(&months);
    return e;
}

static err previous_set(struct month_run *r, struct opt_list *sets) {
    const char *before, *set;
    TRY(release_before(r, &before));
    if (!before) return ERR_OK;
    set = arena_printf(r->arena, "release.previous=%s", before);
    return set ? opt_list_add(sets, r->arena, set) : ERR_MEMORY;
}

static err release_step(struct month_run *r, const char *recipe) {
    const struct run_options *o = r->options;
    struct chain_run_result result;
    struct opt_list sets = {0};
    const char *whole, *work, *plan;
    TRY(previous_set(r, &sets));
    TRY(program_path(r->program, recipe, r->arena, &whole));
    TRY(plan_path(r->month, r->arena, &plan));
    TRY(program_path(r->program, plan, r->arena, &plan));
    const char *dir = arena_printf(r->arena, PROGRAM_WORK "/%s", r->month);
    if (!dir) return ERR_MEMORY;
    TRY(program_path(r->program, dir, r->arena, &work));
    TRY(tell("release", ""));
    TRY(chain_run(&(struct chain_run_options){.recipe = whole,
                                              .work = work,
                                              .device = o->device,
                                              .plan = plan,
                                              .sets = &sets,
                                              .memory = o->memory},
                  r->arena, &result));
    return record_release(r, &result);
}

/* ---- all steps ---- */

static err reply_step(struct month_run *r) {
    const struct month_replies m = {.program = r->program, .month = r->month, .today = r->today};
    struct month_replies_result drafted;
    struct str text = {0};
    err e = month_replies_draft(&m, r->arena, &drafted);
    if (e == ERR_OK)
        e = str_printf(&text, "%lld drafts in " PROGRAM_REPLIES "/%s, %lld of them new",
                       (long long)drafted.n, r->month, (long long)drafted.n_new);
    if (e == ERR_OK) e = tell("reply", str_text(&text));
    str_release(&text);
    record_list_release(&drafted.records);
    return e;
}

static err train_steps(struct month_run *r) {
    const char *recipe;
    TRY(plan_step(r));
    TRY(recipe_step(r, &recipe));
    return recipe ? release_step(r, recipe) : ERR_OK;
}

static err run_month(struct month_run *r) {
    const char *release;
    bool is_released;
    TRY(programme_today(r->program, r->options->today, r->today));
    TRY(programme_month(r->options->month, r->today, r->month));
    TRY(collect_step(r));
    TRY(review_step(r));
    TRY(month_release_path(r->month, r->arena, &release));
    TRY(program_committed(r->program, release, &is_released));
    TRY(is_released ? tell("release", "done before") : train_steps(r));
    return reply_step(r);
}

static err run(const void *given, struct arena *arena) {
    const struct run_options *o = given;
    struct program p;
    struct month_run r = {.options = o, .program = &p, .arena = arena};
    par_set_threads(o->threads);
    TRY(program_open(o->program, &p));
    err e = run_month(&r);
    program_close(&p);
    return e;
}

const struct command cmd_month_run = {
    .noun = "month",
    .verb = "run",
    .summary = "a whole month: collect, review, plan, recipe, train, release, reply",
    .details =
        "Every step leaves a commit, and what is done is passed over: run it again after it\n"
        "was stopped or killed. Where a person must decide it ends with exit code 3 and says\n"
        "by which command.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct run_options),
    .run = run,
};
