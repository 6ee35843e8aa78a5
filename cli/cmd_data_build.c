/* SPDX-License-Identifier: Apache-2.0
 * cotrain data build: a recipe's requests and sources become a dataset folder, and what is in it is
 * told: rows, tokens and answers of each request and source, and what of them an epoch of the
 * recipe's training holds. The work is cli/data_stage.c, which `cotrain run` calls as well. */
#include "cli/command.h"
#include "cli/data_stage.h"
#include "cli/expand_stage.h"
#include "cli/train_rows.h"
#include "data/dataset/dataset.h"
#include <string.h>

struct build_options {
    const char *recipe, *out, *cache, *expanded;
    struct opt_list set;
    bool json;
};

#define ROW(field, ...) OPT(struct build_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .positional = true, .required = true, .value = "RECIPE", .help = "recipe file"),
    ROW(out, .required = true, .value = "DIR",
        .help = "the dataset folder; an earlier dataset is replaced"),
    ROW(cache, .value = "DIR",
        .help = "keeps encoded rows for the next build (default: COTRAIN_CACHE, or none)"),
    ROW(expanded, .path = true, .value = "DIR",
        .help = "what `data expand` made of the recipe, if it wants any"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "change a key; may be repeated"),
    ROW(json, .help = "as JSON"),
};

struct group_report {
    const char *name;
    int64_t rows[SPLIT_COUNT], tokens, answer_tokens, cases;
    struct loader_epoch epoch; /* its part of the first one */
    double trained;            /* share of that epoch's trained tokens */
};

/* What is told, of the first epoch of training. */
struct told {
    const struct dataset *d;
    struct loader *loader;
    struct loader_epoch epoch;
    const struct train_options *train;
};

static err count_group(const struct told *t, int64_t group, struct group_report *out) {
    const struct dataset *d = t->d;
    *out = (struct group_report){.name = dataset_group(d, group)->name};
    TRY(loader_epoch_group(t->loader, 0, group, &out->epoch));
    out->trained = (double)out->epoch.n_trained / (double)t->epoch.n_trained;
    for (int split = 0; split < SPLIT_COUNT; split++) {
        int64_t first;
        dataset_group_rows(d, (enum dataset_split)split, group, &first, &out->rows[split]);
        if (split != SPLIT_TRAIN) continue;
        for (int64_t row = first; row < first + out->rows[split]; row++) {
            int64_t n = dataset_rows(d, SPLIT_TRAIN)[row].n_tokens;
            const uint8_t *answer = dataset_answer(d, SPLIT_TRAIN, row);
            out->tokens += n;
            for (int64_t i = 0; i < n; i++) out->answer_tokens += answer[i];
        }
    }
    for (int64_t i = 0; i < dataset_n_cases(d); i++)
        out->cases += strcmp(dataset_cases(d)[i].request, out->name) == 0;
    return ERR_OK;
}

/* A line for each filter and group that it did something to. */
static err filters_text(const struct dataset *d, struct str *text) {
    if (dataset_n_filters(d) == 0) return ERR_OK;
    TRY(str_printf(text, "%-14s %-40s %9s %9s %9s %9s\n", "filter", "group", "dropped", "changed",
                   "noted", "spared"));
    for (int64_t i = 0; i < dataset_n_filters(d); i++)
        for (int64_t g = -1; g < dataset_n_groups(d); g++) {
            struct dataset_filter f;
            TRY(dataset_filter(d, i, g, &f));
            if (g >= 0 && f.dropped + f.changed + f.noted + f.spared == 0) continue;
            TRY(str_printf(text, "%-14s %-40s %9lld %9lld %9lld %9lld\n", g < 0 ? f.name : "",
                           g < 0 ? "all" : dataset_group(d, g)->name, (long long)f.dropped,
                           (long long)f.changed, (long long)f.noted, (long long)f.spared));
        }
    return ERR_OK;
}

static err print_as_text(const struct told *t) {
    const struct dataset *d = t->d;
    struct str text = {0};
    err e = str_printf(&text, "%-40s %9s %9s %9s %11s %11s %9s %9s\n", "group", "train", "valid",
                       "held out", "tokens", "answers", "epoch", "trained");
    for (int64_t g = 0; g < dataset_n_groups(d) && e == ERR_OK; g++) {
        struct group_report r;
        e = count_group(t, g, &r);
        if (e == ERR_OK)
            e = str_printf(&text, "%-40s %9lld %9lld %9lld %11lld %11lld %9lld %7.2f %%\n", r.name,
                           (long long)r.rows[SPLIT_TRAIN], (long long)r.rows[SPLIT_VALID],
                           (long long)r.cases, (long long)r.tokens, (long long)r.answer_tokens,
                           (long long)r.epoch.n_documents, 100 * r.trained);
    }
    if (e == ERR_OK) e = train_epoch_text(t->loader, t->train, &text);
    if (e == ERR_OK) e = filters_text(d, &text);
    if (e == ERR_OK) e = str_printf(&text, "%s  digest %s\n", dataset_dir(d), dataset_digest(d));
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err group_json(const struct told *t, int64_t group, json_t *list) {
    struct group_report r;
    json_t *item = json_object();
    TRY(json_push(list, item));
    TRY(count_group(t, group, &r));
    TRY(json_put(item, "name", json_string(r.name)));
    TRY(json_put(item, "weight", json_real(dataset_group(t->d, group)->weight)));
    TRY(json_put(item, "train_rows", json_integer(r.rows[SPLIT_TRAIN])));
    TRY(json_put(item, "valid_rows", json_integer(r.rows[SPLIT_VALID])));
    TRY(json_put(item, "cases", json_integer(r.cases)));
    TRY(json_put(item, "train_tokens", json_integer(r.tokens)));
    TRY(json_put(item, "train_answer_tokens", json_integer(r.answer_tokens)));
    TRY(json_put(item, "epoch_documents", json_integer(r.epoch.n_documents)));
    TRY(json_put(item, "epoch_tokens", json_integer(r.epoch.n_tokens)));
    TRY(json_put(item, "epoch_trained_tokens", json_integer(r.epoch.n_trained)));
    return json_put(item, "epoch_trained_share", json_real(r.trained));
}

static err filter_json(const struct dataset *d, int64_t filter, json_t *list) {
    struct dataset_filter f;
    json_t *item = json_object();
    TRY(json_push(list, item));
    TRY(dataset_filter(d, filter, -1, &f));
    TRY(json_put(item, "name", json_string(f.name)));
    TRY(json_put(item, "seen", json_integer(f.seen)));
    TRY(json_put(item, "dropped", json_integer(f.dropped)));
    TRY(json_put(item, "changed", json_integer(f.changed)));
    TRY(json_put(item, "noted", json_integer(f.noted)));
    TRY(json_put(item, "spared", json_integer(f.spared)));
    json_t *groups = json_array();
    TRY(json_put(item, "groups", groups));
    for (int64_t g = 0; g < dataset_n_groups(d); g++) {
        struct dataset_filter of_group;
        json_t *counts = json_object();
        TRY(json_push(groups, counts));
        TRY(dataset_filter(d, filter, g, &of_group));
        TRY(json_put(counts, "name", json_string(dataset_group(d, g)->name)));
        TRY(json_put(counts, "dropped", json_integer(of_group.dropped)));
        TRY(json_put(counts, "changed", json_integer(of_group.changed)));
        TRY(json_put(counts, "noted", json_integer(of_group.noted)));
        TRY(json_put(counts, "spared", json_integer(of_group.spared)));
    }
    return ERR_OK;
}

static err fill_json(const struct told *t, json_t *report) {
    const struct dataset *d = t->d;
    json_t *groups = json_array();
    TRY(json_put(report, "groups", groups));
    json_t *epoch = json_object();
    TRY(json_put(report, "epoch", epoch));
    TRY(train_epoch_json(t->loader, epoch));
    TRY(json_put(report, "dataset", json_string(dataset_dir(d))));
    TRY(json_put(report, "digest", json_string(dataset_digest(d))));
    for (int64_t g = 0; g < dataset_n_groups(d); g++) TRY(group_json(t, g, groups));
    json_t *filters = json_array();
    TRY(json_put(report, "filters", filters));
    for (int64_t i = 0; i < dataset_n_filters(d); i++) TRY(filter_json(d, i, filters));
    return ERR_OK;
}

static err print_as_json(const struct told *t) {
    json_t *report = json_object();
    err e = report ? fill_json(t, report) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = print_json(report);
    json_decref(report);
    return e;
}

static err tell(const struct build_options *o, const struct chain *c) {
    struct dataset *d;
    struct loader_options options;
    struct told t = {.train = &c->train};
    TRY(dataset_open(&d, o->out));
    t.d = d;
    err e = train_loader_options(&c->train, SPLIT_TRAIN, &options, NULL);
    options.epochs = 1; /* the first is the same however many follow */
    options.max_steps = 0;
    if (e == ERR_OK) e = loader_open(&t.loader, d, SPLIT_TRAIN, &options);
    if (e == ERR_OK) e = loader_epoch(t.loader, 0, &t.epoch);
    if (e == ERR_OK) e = o->json ? print_as_json(&t) : print_as_text(&t);
    loader_close(t.loader);
    dataset_close(d);
    return e;
}

static err take_expanded(const struct build_options *o, struct chain *c) {
    if (o->expanded) return expand_sources(c, o->expanded);
    if (!expand_wanted(c)) return ERR_OK;
    return fail_hint(
        fail(ERR_USAGE, "the recipe wants rows that a teacher makes, and there are none"),
        "'cotrain data expand %s --out DIR', then --expanded DIR; 'cotrain run' does "
        "both",
        o->recipe);
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct build_options *o = given;
    struct chain c;
    TRY(chain_read(&c, o->recipe, &o->set));
    err e = take_expanded(o, &c);
    if (e == ERR_OK) e = data_stage(&c, o->out, o->cache);
    if (e == ERR_OK) e = tell(o, &c);
    chain_release(&c);
    return e;
}

const struct command cmd_data_build = {
    .noun = "data",
    .verb = "build",
    .summary = "a recipe's requests and sources become a dataset",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct build_options),
    .run = run,
};
