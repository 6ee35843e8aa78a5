/* SPDX-License-Identifier: Apache-2.0
 * The inputs of a recipe, one after the other (cli/release_inputs.h). Keys are those of the
 * resolved recipe, list items by number.
 * Read next: release/sources.c, which packs them. */
#include "cli/release_inputs.h"
#include "release/ledger.h"
#include <string.h>

struct listing {
    const struct chain *chain;
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

static const char *why_withheld(const struct chain *c, const struct data_source *s) {
    if (s->withhold) return "the recipe says so";
    if (!s->license || strcmp(s->license, LEDGER_UNKNOWN) == 0) return "no licence is said";
    return drawn_from(c, s->request) ? "sealed cases were drawn from it" : NULL;
}

static err add_sources(struct listing *l, int64_t n_made) {
    const struct data_source_list *list = &l->chain->data.sources;
    int64_t own = list->n - n_made;
    for (int64_t i = 0; i < list->n; i++) {
        const struct data_source *s = &list->items[i];
        const char *key = i < own
                              ? arena_printf(l->arena, "data.sources.%lld.path", (long long)i)
                              : arena_printf(l->arena, "data.expand.%lld", (long long)(i - own));
        TRY(add(l, (struct release_input){.key = key,
                                          .path = s->path,
                                          .format = s->format ? s->format : "auto",
                                          .withheld = why_withheld(l->chain, s),
                                          .made = i >= own,
                                          .request = i < own ? NULL : s->request,
                                          .license = i < own ? NULL : s->license}));
    }
    const struct data_replay *replay = &l->chain->data.replay;
    const struct data_source as_source = {.withhold = replay->withhold, .license = replay->license};
    return add(l, (struct release_input){.key = "data.replay.path",
                                         .path = replay->path,
                                         .format = replay->format ? replay->format : "auto",
                                         .withheld = why_withheld(l->chain, &as_source)});
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

err release_inputs_list(const struct chain *c, int64_t n_made, struct arena *arena,
                        struct release_inputs *out) {
    struct listing l = {c, arena, out};
    int64_t most = c->data.sources.n + c->requests.n + c->data.filter.earlier.n +
                   c->data.filter.forbidden.n + c->eval.task_files.n + 4;
    *out = (struct release_inputs){.items = arena_alloc(arena, (size_t)most, sizeof *out->items)};
    if (!out->items) return ERR_MEMORY;
    TRY(add_sources(&l, n_made));
    TRY(add_cases(&l));
    return add_others(&l);
}
