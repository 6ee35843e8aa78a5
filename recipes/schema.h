/* SPDX-License-Identifier: Apache-2.0
 * What a recipe may hold: sections, each with the option rows of the stage that owns it. The caller
 * hands the sections in (cli/sections.def), so this folder knows no stage.
 * Next: recipes/recipe.h. */
#ifndef COTRAIN_RECIPES_SCHEMA_H
#define COTRAIN_RECIPES_SCHEMA_H

#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"

enum section_kind { SECTION_IS_MAP, SECTION_IS_LIST };

struct recipe_section {
    const char *path; /* "data", "data.holdout", "requests[].examples" */
    enum section_kind kind;
    struct opt_table (*table)(void);
    bool required;
    size_t offset;    /* of the member in the struct of the section above */
    size_t item_size; /* of a list's item */
    /* Where an item notes its own place, `const char *file` and `int line`; both 0: nowhere. */
    size_t file_offset, line_offset;
};

struct recipe_schema {
    struct opt_table (*table)(void); /* keys of the top level */
    const struct recipe_section *sections;
    size_t n;
    const char
        *keys_hint; /* where all keys are listed, for who wrote an unknown one; NULL: nowhere */
};

/* A list's member: every item list has this form. */
struct section_items {
    void *items;
    int64_t n;
};

/* The section that `key` opens below `path` ("" at the top; "requests[]" within an item), or NULL.
 */
const struct recipe_section *schema_section(const struct recipe_schema *schema, const char *path,
                                            const char *key);
/* The key of a section when it stands directly below `path`, or NULL. */
const char *section_key(const struct recipe_section *section, const char *path);
/* The known key nearest to an unknown one below `path`, or NULL. */
const char *schema_nearest(const struct recipe_schema *schema, struct opt_table table,
                           const char *path, const char *key);
/* The path of a section that knows `key`, for a key that stands in the wrong place, or NULL. */
const char *schema_home(const struct recipe_schema *schema, const char *key);

/* The keys `cotrain` and `inherit`, which reading itself takes care of. */
struct recipe_head {
    int64_t cotrain;
    const char *inherit;
};
struct opt_table recipe_head_table(void);
enum { RECIPE_VERSION = 1 };

/* Every key with type, default and help: as text, one block a section, and as JSON Schema
 * (draft 2020-12). The caller json_decref()s. */
MUST_CHECK err schema_text(const struct recipe_schema *schema, struct str *out);
MUST_CHECK err schema_json(const struct recipe_schema *schema, json_t **out);

#endif
