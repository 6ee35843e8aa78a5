/* SPDX-License-Identifier: Apache-2.0
 * `cotrain eval compare A B`: what changed between two evaluations of the same items, paired item
 * by item, and whether that is more than chance.
 * Read next: eval/compare.h. */
#include "cli/command.h"
#include "eval/compare.h"
#include "eval/report.h"
#include "eval/score.h"
#include "eval/suite.h"
#include <string.h>

struct eval_compare_options {
    const char *a, *b, *datasets;
    bool allow_changed, json;
};

#define ROW(field, ...) OPT(struct eval_compare_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(a, .required = true, .positional = true, .value = "A", .path = true,
        .help = "a report (JSON), or answers kept by --generations (JSON Lines)"),
    ROW(b, .required = true, .positional = true, .value = "B", .path = true,
        .help = "the one that is held against it"),
    ROW(datasets, .value = "DIR", .path = true,
        .help = "files of the published suites, for scoring kept answers"),
    ROW(allow_changed, .help = "take files of suites whose hash is another one"),
    ROW(json, .help = "as JSON, with the items that were won and lost"),
};

/* The part of one suite, where the file has answers to it. */
static err add_part(const char *path, const struct eval_task *task, const struct datasets *where,
                    json_t *parts) {
    struct suite_items items = {0};
    json_t *answers = NULL, *part = NULL;
    err result = score_read(path, task->name, &answers);
    if (result == ERR_MISSING) return ERR_OK; /* none to this one */
    if (result == ERR_OK) result = suite_load(task->suite, where, &items);
    if (result == ERR_OK) result = score_answers(task, &items, answers, false, &part);
    if (result == ERR_OK) result = json_push(parts, part);
    suite_items_release(&items);
    json_decref(answers);
    return result;
}

static err score_kept(const char *path, const struct datasets *where, json_t **out) {
    json_t *report = json_object(), *parts = json_array();
    err result = json_put(report, "tasks", parts);
    for (int i = 0; i < n_eval_tasks && result == ERR_OK; i++)
        if (eval_tasks[i]->suite != NULL) result = add_part(path, eval_tasks[i], where, parts);
    if (result != ERR_OK) {
        json_decref(report);
        return result;
    }
    *out = report;
    return ERR_OK;
}

static err read_either(const char *path, const struct datasets *where, json_t **out) {
    return str_ends(path, ".jsonl") ? score_kept(path, where, out) : report_read(path, out);
}

static err show(const json_t *comparison, bool as_json) {
    struct str text = {0};
    if (as_json) return print_json(comparison);
    err result = compare_text(comparison, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct eval_compare_options *o = given;
    const struct datasets where = {.folder = o->datasets, .allow_changed = o->allow_changed};
    json_t *a = NULL, *b = NULL, *comparison = NULL;
    (void)arena;
    err result = read_either(o->a, &where, &a);
    if (result == ERR_OK) result = read_either(o->b, &where, &b);
    if (result == ERR_OK) result = compare_reports(a, b, &comparison);
    if (result == ERR_OK) result = show(comparison, o->json);
    json_decref(comparison);
    json_decref(b);
    json_decref(a);
    return result;
}

const struct command cmd_eval_compare = {
    .noun = "eval",
    .verb = "compare",
    .summary = "two evaluations of the same items, item by item",
    .details = "Says what B won and lost against A, with McNemar's exact test and a bootstrap\n"
               "interval of the difference. Evaluations of different items are refused.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct eval_compare_options),
    .run = run,
};
