/* SPDX-License-Identifier: Apache-2.0
 * `cotrain eval compare A B`: what changed between two evaluations of the same items, paired item
 * by item, and whether that is more than chance.
 * Read next: eval/compare.h. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "eval/compare.h"
#include "eval/report.h"
#include "eval/score.h"
#include "eval/suite.h"
#include "eval/user_task.h"
#include "release/pack.h"
#include <string.h>

struct eval_compare_options {
    const char *a, *b, *datasets;
    struct opt_list task_file;
    bool allow_changed, json;
};

#define ROW(field, ...) OPT(struct eval_compare_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(a, .required = true, .positional = true, .value = "A", .path = true,
        .help = "a report (JSON), a release (its evaluation after training), or answers kept by "
                "--generations (JSON Lines)"),
    ROW(b, .required = true, .positional = true, .value = "B", .path = true,
        .help = "the one that is held against it"),
    ROW(task_file, .repeated = true, .path = true, .value = "FILE",
        .help = "a task of one's own, for scoring kept answers"),
    ROW(datasets, .value = "DIR", .path = true,
        .help = "files of the published suites, for scoring kept answers"),
    ROW(allow_changed, .help = "take files of suites whose hash is another one"),
    ROW(json, .help = "as JSON, with the items that were won and lost"),
};

/* What kept answers are scored with. */
struct scoring_files {
    struct user_tasks own;
    struct datasets where;
};

/* The part of the task of that name. */
static err score_task(const struct scoring_files *f, const char *name, const json_t *answers,
                      json_t *parts) {
    const struct eval_task *task = NULL;
    struct suite_items items = {0};
    json_t *part = NULL;
    err result = user_tasks_find(&f->own, name, &task);
    if (result != ERR_OK)
        return fail_hint(result, "a task of one's own is scored with its file: --task-file FILE");
    if (task->suite == NULL) return fail(ERR_UNSUPPORTED, "'%s' keeps no answers", name);
    TRY(suite_load(task->suite, &f->where, &items));
    result = score_answers(task, &items, answers, false, &part);
    if (result == ERR_OK) result = json_push(parts, part);
    suite_items_release(&items);
    return result;
}

static err score_tasks(const struct scoring_files *f, json_t *kept, json_t *report) {
    const char *name = NULL;
    json_t *answers = NULL, *parts = json_array();
    TRY(json_put(report, "tasks", parts));
    json_object_foreach(kept, name, answers) {
        err result = score_task(f, name, answers, parts);
        if (result != ERR_OK) return fail_in(result, "task '%s'", name);
    }
    return ERR_OK;
}

static err score_kept(const char *path, const struct scoring_files *f, json_t **out) {
    json_t *kept = NULL, *report = NULL;
    TRY(score_read_all(path, &kept));
    report = json_object();
    err result = score_tasks(f, kept, report);
    json_decref(kept);
    if (result != ERR_OK) {
        json_decref(report);
        return fail_in(result, "'%s'", path);
    }
    *out = report;
    return ERR_OK;
}

static err read_release(const char *dir, json_t **out) {
    char *path = path_join(dir, PACK_AFTER);
    if (path == NULL) return ERR_MEMORY;
    err result = file_exists(path)
                     ? report_read(path, out)
                     : fail(ERR_MISSING, "'%s' is no release: it has no '%s'", dir, PACK_AFTER);
    mem_free(path);
    return result;
}

static err read_any(const char *path, const struct scoring_files *f, json_t **out) {
    if (dir_exists(path)) return read_release(path, out);
    if (str_ends(path, ".jsonl")) return score_kept(path, f, out);
    err result = report_read(path, out);
    if (result != ERR_PARSE || strstr(err_message(), "end of file expected") == NULL) return result;
    return fail_hint(result,
                     "a file of kept answers, JSON Lines, has a name that ends in '.jsonl'");
}

static err show(const json_t *comparison, bool as_json) {
    struct str text = {0};
    if (as_json) return print_json(comparison);
    err result = compare_text(comparison, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err compare(const struct eval_compare_options *o, const struct scoring_files *f) {
    json_t *a = NULL, *b = NULL, *comparison = NULL;
    err result = read_any(o->a, f, &a);
    if (result == ERR_OK) result = read_any(o->b, f, &b);
    if (result == ERR_OK) result = compare_reports(a, b, &comparison);
    if (result == ERR_OK) result = show(comparison, o->json);
    json_decref(comparison);
    json_decref(b);
    json_decref(a);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct eval_compare_options *o = given;
    struct scoring_files f = {.where = {.folder = o->datasets, .allow_changed = o->allow_changed}};
    (void)arena;
    TRY(user_tasks_open(&f.own, &o->task_file));
    err result = compare(o, &f);
    user_tasks_close(&f.own);
    return result;
}

const struct command cmd_eval_compare = {
    .noun = "eval",
    .verb = "compare",
    .summary = "two evaluations of the same items, item by item",
    .details =
        "Says what B won and lost against A, with McNemar's exact test and an interval of the\n"
        "difference. Suites of different items are refused; of requests the cases that both\n"
        "have are compared, and the others counted, so that months can be, too.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct eval_compare_options),
    .run = run,
};
