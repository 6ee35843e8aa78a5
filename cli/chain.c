/* SPDX-License-Identifier: Apache-2.0
 * From a recipe file to struct chain: the generic reading of recipes/ with this program's sections,
 * then what no single row can check.
 * Read next: cli/chain.h, the contract. */
#include "cli/chain.h"

#include "base/hash.h"
#include "base/log.h"
#include "cli/packable.h"
#include "cli/train_eval.h"
#include "data/lint.h"
#include "eval/task.h"
#include "recipes/write.h"
#include <ctype.h>
#include <string.h>

static err check_name(const char *name) {
    bool good = isalnum((unsigned char)name[0]);
    for (const char *c = name; *c; c++)
        good = good && (isalnum((unsigned char)*c) || strchr("-_.", *c));
    if (good) return ERR_OK;
    return fail(
        ERR_RANGE,
        "'name': '%s' must begin with a letter or digit and hold only those, '-', '_' and '.'",
        name);
}

static err check_digest(const char *digest) {
    if (sha256_is_hex(digest)) return ERR_OK;
    return fail(ERR_RANGE, "'base_model.digest' must be 64 digits 0-9, a-f");
}

/* Two requests of one id would be one line in the release's table. */
static err check_ids(const struct request_list *requests) {
    for (int64_t i = 0; i < requests->n; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(requests->items[i].id, requests->items[j].id) == 0)
                return fail(ERR_PARSE, "two requests have the id '%s'", requests->items[i].id);
    return ERR_OK;
}

/* A copy is settled: what a recipe leaves out stays left out. */
static err check_expand(const struct chain *c) {
    struct expand_options settled = c->data.expand;
    return settled.per_request > 0 ? expand_settle(&settled) : ERR_OK;
}

static err check_whole(struct chain *c, struct recipe *r) {
    err code = check_name(c->name);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "name", code));
    code = c->month ? recipe_month_check(c->month) : ERR_OK;
    if (code != ERR_OK) TRY(recipe_fault_at(r, "month", code));
    code = c->base_model.digest ? check_digest(c->base_model.digest) : ERR_OK;
    if (code != ERR_OK) TRY(recipe_fault_at(r, "base_model", code));
    code = check_ids(&c->requests);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "requests", code));
    for (int64_t i = 0; i < c->requests.n; i++) {
        code = checks_verify(&c->requests.items[i]);
        if (code != ERR_OK) TRY(recipe_fault_at(r, "requests", code));
    }
    code = check_expand(c);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "data", code));
    code = adapter_options_check(&c->adapter);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "adapter", code));
    code = lint_limits_check(&c->data.lint);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "data", code));
    code = train_options_check(&c->train);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "train", code));
    code = train_eval_check(c);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "train", code));
    code = eval_check_options(&c->eval);
    if (code != ERR_OK) TRY(recipe_fault_at(r, "eval", code));
    return recipe_faults_err(&r->faults);
}

static err resolve(struct chain *c, struct recipe *r) {
    json_t *value = NULL;
    struct str text = {0};
    err code = recipe_resolved(r, &chain_schema, c, &value);
    /* Keys are somebody's, on some machine: they are no part of how the weights come about. */
    if (code == ERR_OK) json_object_del(json_object_get(value, "release"), "sign");
    if (code == ERR_OK) json_object_del(json_object_get(value, "release"), "previous");
    if (code == ERR_OK) code = recipe_write(value, NULL, &text);
    if (code == ERR_OK) {
        c->resolved = arena_strdup(&r->arena, str_text(&text));
        if (!c->resolved) code = ERR_MEMORY;
    }
    json_decref(value);
    str_release(&text);
    return code;
}

err chain_fill(struct chain *c, struct recipe *r, const char *recipe_path,
               const struct opt_list *sets) {
    memset(c, 0, sizeof(*c));
    TRY(recipe_read(r, recipe_path, sets, &chain_schema, c));
    TRY(check_whole(c, r));
    c->recipe_path = r->path;
    return resolve(c, r);
}

static err log_notes(const struct recipe *r) {
    for (int64_t i = 0; i < r->notes.n && i < RECIPE_FAULTS_MAX; i++) {
        struct str place = {0};
        err code = recipe_place_text(r->notes.items[i].place, &place);
        if (code == ERR_OK) LOG(RECIPES, WARN, "%s: %s", str_text(&place), r->notes.items[i].text);
        str_release(&place);
        if (code != ERR_OK) return code;
    }
    return ERR_OK;
}

static err read_chain(struct chain *c, const char *recipe_path, const struct opt_list *sets,
                      bool to_pack) {
    struct recipe r;
    err code = chain_fill(c, &r, recipe_path, sets);
    if (code == ERR_OK && to_pack) code = packable_check(c, &r);
    if (code == ERR_OK) code = log_notes(&r);
    if (code != ERR_OK) {
        if (r.faults.n > 1) code = fail_hint(code, "'cotrain recipe check' shows all of them");
        recipe_release(&r);
        memset(c, 0, sizeof(*c));
        return code;
    }
    c->arena = r.arena; /* its texts are the chain's now */
    return ERR_OK;
}

err chain_read(struct chain *c, const char *recipe_path, const struct opt_list *sets) {
    return read_chain(c, recipe_path, sets, false);
}

err chain_read_to_pack(struct chain *c, const char *recipe_path, const struct opt_list *sets) {
    return read_chain(c, recipe_path, sets, true);
}

err chain_defaults(json_t **out) {
    struct chain c = {0};
    struct recipe r;
    err code = recipe_presets(&r, &chain_schema, &c);
    if (code == ERR_OK) code = recipe_resolved(&r, &chain_schema, &c, out);
    recipe_release(&r);
    return code;
}

err chain_read_packed(struct chain *c, const char *recipe_path) {
    struct recipe r;
    memset(c, 0, sizeof(*c));
    err code = recipe_read_elsewhere(&r, recipe_path, &chain_schema, c);
    if (code != ERR_OK) {
        recipe_release(&r);
        memset(c, 0, sizeof(*c));
        return code;
    }
    c->arena = r.arena; /* its texts are the chain's now */
    return ERR_OK;
}

void chain_release(struct chain *c) {
    arena_release(&c->arena);
    memset(c, 0, sizeof(*c));
}

err chain_need_release(const struct chain *c) {
    if (c->release.name) return ERR_OK;
    err code = fail(ERR_MISSING, "recipe '%s': no 'release' section", c->recipe_path);
    return fail_hint(code, "add 'release: {name: ...}', or train alone with 'cotrain train'");
}

err chain_check_base(struct chain *c) {
    TRY(sha256_dir(c->base_model.path, c->base_digest));
    if (!c->base_model.digest || strcmp(c->base_digest, c->base_model.digest) == 0) return ERR_OK;
    err code = fail(ERR_MISMATCH, "base model '%s' has the digest %s, not %s", c->base_model.path,
                    c->base_digest, c->base_model.digest);
    return fail_hint(code, "it is not the model that '%s' was written for, or a file of it changed",
                     c->recipe_path);
}
