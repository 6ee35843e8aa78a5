/* SPDX-License-Identifier: Apache-2.0
 * cotrain data stats: what the lints find in the rows of a dataset, or in those that a recipe would
 * give. A recipe's rows are built into a folder that is taken away again, so that what is told is
 * what a build does, filters and all; its limits (data.lint) are held against it. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/data_stage.h"
#include "cli/terminal.h"
#include "data/dataset/dataset.h"
#include "data/lint.h"
#include <stdio.h>

struct stats_options {
    const char *source;
    struct opt_list set;
    int64_t worst;
    bool json;
};

#define ROW(field, ...) OPT(struct stats_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(source, .positional = true, .required = true, .value = "RECIPE|DATASET",
        .help = "recipe file, or a dataset folder as `data build` writes it"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "change a key of the recipe"),
    ROW(worst, .min = 0, .max = LINT_WORST, .preset = "3",
        .help = "how many of the worst rows of each lint are shown, at most ten"),
    ROW(json, .help = "as JSON, with the ten worst rows of each"),
};

static err add_worst(const json_t *item, int64_t max, struct str *out) {
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(item, "worst"), i, row) {
        if ((int64_t)i == max) break;
        TRY(str_add(out, "  "));
        TRY(terminal_add_line(json_text_of(row, "file"), 0, out));
        TRY(str_printf(out, " line %lld",
                       (long long)json_integer_value(json_object_get(row, "line"))));
        json_t *part = json_object_get(row, "part");
        if (part) TRY(str_printf(out, " turn %lld", (long long)json_integer_value(part)));
        TRY(str_add(out, ": "));
        TRY(terminal_add_line(json_text_of(row, "note"), 0, out));
        TRY(str_add(out, "\n    "));
        TRY(terminal_add_line(json_text_of(row, "excerpt"), 0, out));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

static err add_report(const json_t *report, const struct opt_list *limits, int64_t worst,
                      struct str *out) {
    json_t *item;
    size_t i;
    TRY(str_printf(out, "%-18s %9s %8s %8s  what\n", "lint", "rows", "share", "limit"));
    json_array_foreach(json_object_get(report, "lints"), i, item) {
        double limit, share = json_real_value(json_object_get(item, "share"));
        const char *name = json_text_of(item, "name");
        char text[32] = "-";
        if (lint_limit(limits, name, &limit)) snprintf(text, sizeof text, "%g", limit);
        TRY(str_printf(out, "%-18s %9lld %7.2f%% %8s  %s\n", name,
                       (long long)json_integer_value(json_object_get(item, "rows")), 100 * share,
                       text, json_text_of(item, "summary")));
    }
    json_array_foreach(json_object_get(report, "lints"), i, item) {
        if (worst == 0 || json_array_size(json_object_get(item, "worst")) == 0) continue;
        TRY(str_printf(out, "\n%s\n", json_text_of(item, "name")));
        TRY(add_worst(item, worst, out));
    }
    return str_printf(out, "\n%lld rows\n",
                      (long long)json_integer_value(json_object_get(report, "rows")));
}

static err print_report(const struct stats_options *o, const json_t *report,
                        const struct opt_list *limits) {
    struct str text = {0};
    if (o->json) return print_json(report);
    err e = add_report(report, limits, o->worst, &text);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err of_dataset(const struct stats_options *o, const char *dir, const struct chain *c) {
    struct dataset *d;
    json_t *report = NULL;
    TRY(dataset_open(&d, dir));
    err e = lint_read(d, c ? c->train.sequence_len : 0, &report);
    if (e == ERR_OK) e = print_report(o, report, c ? &c->data.lint : NULL);
    if (e == ERR_OK && c) e = lint_gate(report, &c->data.lint);
    json_decref(report);
    dataset_close(d);
    return e;
}

static err build_and_report(const struct stats_options *o, const struct chain *c, const char *dir) {
    char *set = path_join(dir, "dataset");
    err e = set ? data_stage_build(c, set) : ERR_MEMORY;
    if (e == ERR_OK) e = of_dataset(o, set, c);
    mem_free(set);
    return e;
}

static err of_recipe(const struct stats_options *o) {
    struct chain c;
    struct str dir = {0};
    TRY(chain_read(&c, o->source, &o->set));
    err e = dir_make_temporary(&dir);
    if (e == ERR_OK) {
        e = build_and_report(o, &c, str_text(&dir));
        if (e == ERR_OK) e = dir_remove(str_text(&dir));
        if (e != ERR_OK) e = dir_give_up(e, str_text(&dir));
    }
    chain_release(&c);
    str_release(&dir);
    return e;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct stats_options *o = given;
    return dir_exists(o->source) ? of_dataset(o, o->source, NULL) : of_recipe(o);
}

const struct command cmd_data_stats = {
    .noun = "data",
    .verb = "stats",
    .summary = "what is wrong with the rows: duplicates, conflicts, cut answers, secrets, ...",
    .details = "Of a recipe, the rows that it gives are looked through and its limits (data.lint)\n"
               "are held against what is found: exit code 3 when one is exceeded.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct stats_options),
    .run = run,
};
