/* SPDX-License-Identifier: Apache-2.0
 * The text of a month's recipe, from plan and records alone: the same program gives the same bytes.
 * Writing it beside what a person made of it is cli/month_recipe_write.c.
 * Read next: cli/month_recipe.h, the contract. */
#include "cli/month_recipe.h"

#include "base/hash.h"
#include "eval/options.h"
#include "recipes/write.h"
#include <string.h>

enum { HELD_OUT_PER_REQUEST = 1 }; /* of requests without cases of their own */

static err put_text(json_t *map, const char *key, const char *text) {
    return text && *text ? json_put(map, key, json_string(text)) : ERR_OK;
}

/* ---- requests ---- */

/* The capability as one text: the items, and what must hold beside them. */
static err capability_text(const struct record *r, struct str *out) {
    for (int64_t i = 0; i < r->capability.n; i++)
        TRY(str_printf(out, "%s%s", i ? "; " : "", r->capability.items[i]));
    for (int64_t i = 0; i < r->constraints.n; i++)
        TRY(str_printf(out, "%s%s", out->len > 0 ? "; " : "", r->constraints.items[i]));
    return ERR_OK;
}

static err put_examples(const struct record *r, json_t *request) {
    if (r->examples.n == 0) return ERR_OK;
    json_t *list = json_array();
    TRY(json_put(request, "examples", list));
    for (int64_t i = 0; i < r->examples.n; i++) {
        json_t *example = json_object();
        TRY(json_push(list, example));
        TRY(put_text(example, "prompt", r->examples.items[i].prompt));
        TRY(put_text(example, "response", r->examples.items[i].response));
    }
    return ERR_OK;
}

/* The file of cases and its hash, which seals it. */
static err put_cases(const struct program *p, const struct record *r, json_t *request) {
    struct arena a = {0};
    char hash[SHA256_HEX_SIZE];
    const char *whole;
    if (!r->cases) return ERR_OK;
    const char *path = arena_printf(&a, PROGRAM_REQUESTS "/%s/%s", r->month, r->cases);
    const char *named = path ? arena_printf(&a, "../../%s", path) : NULL;
    err e = named ? put_text(request, "cases", named) : ERR_MEMORY;
    if (e == ERR_OK) e = program_path(p, path, &a, &whole);
    if (e == ERR_OK) e = sha256_file(whole, hash);
    if (e == ERR_OK) e = put_text(request, "cases_sha256", hash);
    arena_release(&a);
    return e;
}

static err put_request(const struct program *p, const struct record *r, json_t *list) {
    struct str text = {0};
    json_t *request = json_object();
    TRY(json_push(list, request));
    TRY(put_text(request, "id", r->id));
    TRY(put_text(request, "scenario", r->scenario));
    err e = capability_text(r, &text);
    if (e == ERR_OK) e = put_text(request, "capability", str_text(&text));
    str_release(&text);
    if (e == ERR_OK) e = json_put(request, "weight", json_real(r->weight));
    if (e == ERR_OK) e = put_cases(p, r, request);
    return e == ERR_OK ? put_examples(r, request) : e;
}

static err put_requests(const struct program *p, const struct month_plan *plan,
                        const struct record_list *all, json_t *top, bool *out_all_have_cases) {
    json_t *list = json_array();
    TRY(json_put(top, "requests", list));
    *out_all_have_cases = true;
    for (int64_t i = 0; i < plan->requests.n; i++) {
        struct record *r;
        TRY(record_find(all, plan->requests.items[i].id, &r));
        TRY(put_request(p, r, list));
        *out_all_have_cases = *out_all_have_cases && r->cases;
    }
    return ERR_OK;
}

static err put_data(bool all_have_cases, json_t *top) {
    json_t *data = json_object();
    TRY(json_put(top, "data", data));
    json_t *holdout = json_object();
    TRY(json_put(data, "holdout", holdout));
    if (!all_have_cases) TRY(json_put(holdout, "per_request", json_integer(HELD_OUT_PER_REQUEST)));
    return json_put(holdout, "sealed", json_true());
}

/* ---- what requests demand of the release ---- */

/* The tasks that recipes/base.yaml names, or the default ones. */
static err base_tasks(const struct program *p, json_t *tasks) {
    struct arena a = {0};
    struct str text = {0};
    struct recipe_faults faults = {0};
    struct recipe_node *top = NULL, *eval = NULL, *list = NULL;
    struct eval_options defaults;
    bool found;
    err e = program_read(p, PROGRAM_BASE_RECIPE, &text, &found);
    if (e == ERR_OK && found)
        e = yaml_read(str_text(&text), text.len, PROGRAM_BASE_RECIPE, &a, &faults, &top);
    if (e == ERR_OK && top) eval = node_find(top, "eval");
    if (eval) list = node_find(eval, "tasks");
    if (e == ERR_OK && list)
        for (struct recipe_node *part = list->first; part && e == ERR_OK; part = part->next)
            e = part->text ? json_push(tasks, json_string(part->text)) : ERR_OK;
    if (e == ERR_OK && !list) {
        e = opt_presets(eval_options_table(), &defaults, &a);
        for (int64_t i = 0; e == ERR_OK && i < defaults.tasks.n; i++)
            e = json_push(tasks, json_string(defaults.tasks.items[i]));
    }
    str_release(&text);
    arena_release(&a);
    return e;
}

static err wants_retention(const struct month_plan *plan, const struct record_list *all,
                           const struct record **out) {
    *out = NULL;
    for (int64_t i = 0; i < plan->requests.n && !*out; i++) {
        struct record *r;
        TRY(record_find(all, plan->requests.items[i].id, &r));
        if (record_keeps_ability(r)) *out = r;
    }
    return ERR_OK;
}

static err put_retention(const struct program *p, json_t *top) {
    const struct program_options *o = &p->options;
    struct str path = {0};
    json_t *eval = json_object();
    TRY(json_put(top, "eval", eval));
    json_t *tasks = json_array();
    TRY(json_put(eval, "tasks", tasks));
    json_t *gates = json_object();
    TRY(json_put(eval, "gates", gates));
    TRY(base_tasks(p, tasks));
    TRY(json_push(tasks, json_string("retention")));
    for (int64_t i = 0; i < o->retention_gates.n; i++) {
        char key[64] = "";
        const char *item = o->retention_gates.items[i], *colon = strstr(item, ": ");
        if (!colon || (size_t)(colon - item) >= sizeof key) continue;
        memcpy(key, item, (size_t)(colon - item));
        TRY(put_text(gates, key, colon + 2));
    }
    err e = o->retention_cases[0] == '/' ? ERR_OK : str_add(&path, "../../");
    if (e == ERR_OK) e = str_add(&path, o->retention_cases);
    if (e == ERR_OK) e = put_text(eval, "retention", str_text(&path));
    str_release(&path);
    return e;
}

static err put_eval(const struct program *p, const struct month_plan *plan,
                    const struct record_list *all, json_t *top) {
    const struct record *asking;
    TRY(wants_retention(plan, all, &asking));
    if (!asking) return ERR_OK;
    if (p->options.retention_cases) return put_retention(p, top);
    err e = fail(ERR_MISSING,
                 "request '%s' asks to keep the model's ability, and the program has "
                 "no cases to hold it to",
                 asking->id);
    return fail_hint(e, "give a file of general cases as 'retention_cases' in %s", PROGRAM_FILE);
}

/* ---- the rest ---- */

static err find_base(const struct program *p, const char *name, const struct program_base **out) {
    const struct program_bases *bases = &p->options.base_models;
    for (int64_t i = 0; i < bases->n; i++) {
        *out = &bases->items[i];
        if (strcmp((*out)->name, name) == 0) return ERR_OK;
    }
    err e = fail(ERR_MISSING, "%s has no base model '%s'", PROGRAM_FILE, name);
    return fail_hint(e, "add it under base_models: [{name: %s, path: DIR}]", name);
}

static err put_base(const struct program *p, const struct program_base *base, bool digest,
                    json_t *top) {
    struct arena a = {0};
    char hash[SHA256_HEX_SIZE];
    const char *whole;
    json_t *map = json_object();
    TRY(json_put(top, "base_model", map));
    const char *path = base->path[0] == '/' ? base->path : arena_printf(&a, "../../%s", base->path);
    err e = path ? put_text(map, "path", path) : ERR_MEMORY;
    if (e == ERR_OK) e = program_path(p, base->path, &a, &whole);
    if (e == ERR_OK && digest) {
        e = sha256_dir(whole, hash);
        if (e == ERR_OK) e = put_text(map, "digest", hash);
        if (e != ERR_OK) e = fail_in(e, "base model '%s'", base->name);
    }
    arena_release(&a);
    return e;
}

/* "{base}-{month}" filled in. */
static err release_name(const struct program *p, const struct month_plan *plan, struct str *out) {
    const struct {
        const char *mark, *text;
    } marks[] = {
        {"{base}", plan->base_model}, {"{month}", plan->month}, {"{name}", p->options.name}};
    for (const char *at = p->options.release_name; *at;) {
        size_t used = 0;
        for (size_t i = 0; i < 3 && used == 0; i++) {
            if (!str_starts(at, marks[i].mark)) continue;
            TRY(str_add(out, marks[i].text));
            used = strlen(marks[i].mark);
        }
        if (used == 0) TRY(str_append(out, at, used = 1));
        at += used;
    }
    return ERR_OK;
}

static err put_release(const struct program *p, const struct month_plan *plan, json_t *top) {
    struct str name = {0};
    json_t *release = json_object();
    TRY(json_put(top, "release", release));
    err e = release_name(p, plan, &name);
    if (e == ERR_OK) e = put_text(release, "name", str_text(&name));
    if (e == ERR_OK) e = put_text(release, "base_model", plan->base_model);
    str_release(&name);
    return e;
}

static err put_name(const struct program *p, const struct month_plan *plan, json_t *top) {
    struct str name = {0};
    err e = str_printf(&name, "%s-%s", p->options.name, plan->month);
    if (e == ERR_OK) e = put_text(top, "name", str_text(&name));
    str_release(&name);
    return e;
}

static const char *words_above(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "cotrain") == 0)
        return "SPDX-License-Identifier: CC0-1.0\n"
               "Written by 'cotrain recipe new --month' from the month's plan. It may be edited: "
               "when it\n"
               "is written again, what was changed here stays.";
    if (strcmp(path, "requests") == 0)
        return "In the order of the plan. weight: share of the data, relative to the others.";
    return NULL;
}

static err build(const struct program *p, const struct month_plan *plan,
                 const struct record_list *all, bool digest, json_t *top) {
    const struct program_base *base = NULL;
    bool all_have_cases;
    if (!plan->base_model)
        return fail(ERR_MISSING, "the plan of %s names no base model", plan->month);
    TRY(find_base(p, plan->base_model, &base));
    TRY(json_put(top, "cotrain", json_integer(RECIPE_VERSION)));
    TRY(put_text(top, "inherit", "../../" PROGRAM_BASE_RECIPE));
    TRY(put_name(p, plan, top));
    TRY(put_text(top, "month", plan->month));
    TRY(put_base(p, base, digest, top));
    TRY(put_requests(p, plan, all, top, &all_have_cases));
    TRY(put_data(all_have_cases, top));
    TRY(put_eval(p, plan, all, top));
    return put_release(p, plan, top);
}

err month_recipe_text(const struct program *p, const struct month_plan *plan,
                      const struct record_list *all, bool digest, struct str *out) {
    struct recipe_comments comments = {.above = words_above};
    json_t *top = json_object();
    err e = top ? build(p, plan, all, digest, top) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = recipe_write(top, &comments, out);
    json_decref(top);
    return e;
}
