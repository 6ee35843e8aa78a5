/* SPDX-License-Identifier: Apache-2.0
 * The inputs of a recipe, one after the other (cli/release_inputs.h). Keys are those of the
 * resolved recipe, list items by number.
 * Read next: release/sources.c, which packs them. */
#include "cli/release_inputs.h"
#include "data/dataset/dataset.h"
#include "release/ledger.h"
#include <string.h>

struct listing {
    const struct chain *chain;
    const struct dataset *dataset;
    int64_t n_alone; /* sources without a request so far: each is a group of its own */
    struct arena *arena;
    struct release_inputs *out;
};

static err add(struct listing *l, struct release_input item) {
    if (!item.path) return ERR_OK;
    if (!item.key) return ERR_MEMORY;
    l->out->items[l->out->n++] = item;
    return ERR_OK;
}

/* Whether held-out cases that nobody may see were drawn from a request's rows. */
static bool drawn_from(const struct chain *c, const char *request) {
    if (!c->data.holdout.sealed || c->data.holdout.per_request == 0 || !request) return false;
    for (int64_t i = 0; i < c->requests.n; i++)
        if (strcmp(c->requests.items[i].id, request) == 0) return !c->requests.items[i].cases;
    return false;
}

/* The group of the dataset that a source's rows are in; -1: none has it. */
static int64_t group_of(struct listing *l, const char *request, enum group_role role) {
    if (!l->dataset) return -1;
    int64_t before = role == GROUP_SOURCE ? l->n_alone++ : 0;
    for (int64_t g = 0; g < dataset_n_groups(l->dataset); g++) {
        const struct dataset_group *group = dataset_group(l->dataset, g);
        if (group->role != role || (request && strcmp(group->name, request) != 0)) continue;
        if (before-- == 0) return g;
    }
    return -1;
}

/* What filters took out of a group for its content must not come back beside the release. */
static err why_filtered(const struct listing *l, int64_t group, const char **out) {
    const bool sealed = l->chain->data.holdout.sealed;
    for (int64_t i = 0; group >= 0 && i < dataset_n_filters(l->dataset) && !*out; i++) {
        struct dataset_filter f;
        TRY(dataset_filter(l->dataset, i, group, &f));
        if (f.dropped + f.changed == 0) continue;
        if (strcmp(f.name, "personal_data") == 0) *out = "personal data was filtered out of it";
        if (strcmp(f.name, "decontaminate") == 0 && sealed)
            *out = "rows like sealed cases were "
                   "filtered out of it";
    }
    return ERR_OK;
}

static err why_withheld(struct listing *l, const struct data_source *s, enum group_role role,
                        const char **out) {
    const int64_t group = group_of(l, s->request, role);
    *out = NULL;
    if (s->withhold)
        *out = "the recipe says so";
    else if (!s->license || strcmp(s->license, LEDGER_UNKNOWN) == 0)
        *out = "no licence is said";
    else if (drawn_from(l->chain, s->request))
        *out = "sealed cases were drawn from it";
    return *out ? ERR_OK : why_filtered(l, group, out);
}

static err add_sources(struct listing *l, int64_t n_made) {
    const struct data_source_list *list = &l->chain->data.sources;
    int64_t own = list->n - n_made;
    for (int64_t i = 0; i < list->n; i++) {
        const struct data_source *s = &list->items[i];
        const char *why;
        TRY(why_withheld(l, s, s->request ? GROUP_REQUEST : GROUP_SOURCE, &why));
        const char *key = i < own
                              ? arena_printf(l->arena, "data.sources.%lld.path", (long long)i)
                              : arena_printf(l->arena, "data.expand.%lld", (long long)(i - own));
        TRY(add(l, (struct release_input){.key = key,
                                          .path = s->path,
                                          .format = s->format ? s->format : "auto",
                                          .withheld = why,
                                          .made = i >= own,
                                          .request = i < own ? NULL : s->request,
                                          .license = i < own ? NULL : s->license}));
    }
    const struct data_replay *replay = &l->chain->data.replay;
    const struct data_source as_source = {.withhold = replay->withhold, .license = replay->license};
    const char *why;
    TRY(why_withheld(l, &as_source, GROUP_REPLAY, &why));
    return add(l, (struct release_input){.key = "data.replay.path",
                                         .path = replay->path,
                                         .format = replay->format ? replay->format : "auto",
                                         .withheld = why});
}

static err add_cases(struct listing *l) {
    const char *sealed = l->chain->data.holdout.sealed ? "it is sealed" : NULL;
    for (int64_t i = 0; i < l->chain->requests.n; i++)
        TRY(add(l, (struct release_input){
                       .key = arena_printf(l->arena, "requests.%lld.cases", (long long)i),
                       .path = l->chain->requests.items[i].cases,
                       .withheld = sealed}));
    return add(l, (struct release_input){.key = "eval.retention",
                                         .path = l->chain->eval.retention,
                                         .withheld = sealed});
}

static err add_list(struct listing *l, const char *key, const struct opt_list *paths) {
    for (int64_t i = 0; i < paths->n; i++)
        TRY(add(l,
                (struct release_input){.key = arena_printf(l->arena, "%s.%lld", key, (long long)i),
                                       .path = paths->items[i],
                                       .withheld = "it is no row of this release"}));
    return ERR_OK;
}

static err add_others(struct listing *l) {
    const struct chain *c = l->chain;
    TRY(add(l, (struct release_input){.key = "data.sensitive_words",
                                      .path = c->data.sensitive_words,
                                      .withheld = "it is no row of this release"}));
    TRY(add_list(l, "data.filter.earlier", &c->data.filter.earlier));
    TRY(add_list(l, "data.filter.forbidden", &c->data.filter.forbidden));
    TRY(add_list(l, "eval.task_files", &c->eval.task_files));
    return add(l, (struct release_input){
                      .key = "eval.text", .path = c->eval.text, .withheld = "no licence is said"});
}

static err list_all(struct listing *l, int64_t n_made) {
    TRY(add_sources(l, n_made));
    TRY(add_cases(l));
    return add_others(l);
}

err release_inputs_list(const struct chain *c, const char *dataset_dir, int64_t n_made,
                        struct arena *arena, struct release_inputs *out) {
    struct dataset *dataset = NULL;
    int64_t most = c->data.sources.n + c->requests.n + c->data.filter.earlier.n +
                   c->data.filter.forbidden.n + c->eval.task_files.n + 4;
    *out = (struct release_inputs){.items = arena_alloc(arena, (size_t)most, sizeof *out->items)};
    if (!out->items) return ERR_MEMORY;
    if (dataset_dir) TRY(dataset_open(&dataset, dataset_dir));
    struct listing l = {.chain = c, .dataset = dataset, .arena = arena, .out = out};
    err e = list_all(&l, n_made);
    dataset_close(dataset);
    return e;
}
