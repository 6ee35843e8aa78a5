/* SPDX-License-Identifier: Apache-2.0
 * cotrain recipe show: a recipe as the stages get it, with `inherit`, --set, aliases and defaults
 * resolved. The text is a recipe again; what it does not say itself is marked as a default.
 * Read next: recipes/resolve.c. */
#include "cli/chain.h"
#include "cli/command.h"
#include "recipes/write.h"

struct show_options {
    const char *recipe;
    struct opt_list set;
    bool json;
};

#define ROW(field, ...) OPT(struct show_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .positional = true, .required = true, .value = "RECIPE", .help = "recipe file"),
    ROW(set, .repeated = true, .value = "A.B=C", .help = "change a key; may be repeated"),
    ROW(json, .help = "as JSON"),
};

static const char *mark_default(void *recipe, const char *path) {
    return recipe_says(recipe, path) ? NULL : "default";
}

/* Notes stand first, as comments. */
static err notes_text(const struct recipe *r, struct str *out) {
    for (int64_t i = 0; i < r->notes.n && i < RECIPE_FAULTS_MAX; i++) {
        TRY(str_add(out, "# "));
        TRY(recipe_place_text(r->notes.items[i].place, out));
        TRY(str_printf(out, ": %s\n", r->notes.items[i].text));
    }
    return ERR_OK;
}

static err print_yaml(struct recipe *r, const json_t *value) {
    struct recipe_comments comments = {.ctx = r, .behind = mark_default};
    struct str text = {0};
    err code = notes_text(r, &text);
    if (code == ERR_OK) code = recipe_write(value, &comments, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct show_options *options = given;
    struct chain c;
    struct recipe r;
    json_t *value = NULL;
    err code = chain_fill(&c, &r, options->recipe, &options->set);
    if (code == ERR_OK) code = recipe_resolved(&r, &chain_schema, &c, &value);
    if (code == ERR_OK) code = options->json ? print_json(value) : print_yaml(&r, value);
    json_decref(value);
    recipe_release(&r);
    return code;
}

const struct command cmd_recipe_show = {
    .noun = "recipe",
    .verb = "show",
    .summary = "a recipe with everything resolved, defaults included",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct show_options),
    .run = run,
};
