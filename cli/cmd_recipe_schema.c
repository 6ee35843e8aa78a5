/* SPDX-License-Identifier: Apache-2.0
 * cotrain recipe schema: every key that a recipe may have, with type, default and meaning; as JSON
 * Schema for editors that complete and check YAML while it is typed.
 * Read next: recipes/schema.h. */
#include "cli/chain.h"
#include "cli/command.h"

struct schema_options {
    bool json;
};

#define ROW(field, ...) OPT(struct schema_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(json, .help = "as JSON Schema (draft 2020-12)"),
};

static err print_schema_text(void) {
    struct str text = {0};
    err code = schema_text(&chain_schema, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err print_schema_json(void) {
    json_t *schema;
    TRY(schema_json(&chain_schema, &schema));
    err code = print_json(schema);
    json_decref(schema);
    return code;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct schema_options *options = given;
    return options->json ? print_schema_json() : print_schema_text();
}

const struct command cmd_recipe_schema = {
    .noun = "recipe",
    .verb = "schema",
    .summary = "every key that a recipe may have",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct schema_options),
    .run = run,
};
