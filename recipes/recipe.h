/* SPDX-License-Identifier: Apache-2.0
 * Recipe files: read, inherited, overridden by --set, checked against a schema, put into structs.
 *   - maps merge and lists replace, with `inherit: base.yaml` (a path relative to the file that
 * says it) and then with each --set a.b=c in order
 *   - a path row comes out usable from the present folder: relative to the file that wrote it, or
 * to the present folder when --set did
 *   - all faults are found in one reading; aliases are accepted and noted */
#ifndef COTRAIN_RECIPES_RECIPE_H
#define COTRAIN_RECIPES_RECIPE_H

#include "recipes/schema.h"
#include "recipes/write.h"
#include "recipes/yaml.h"

enum { RECIPE_INHERIT_MAX = 16 };

struct recipe {
    struct arena arena;          /* every text that reading puts into the target lives here */
    const char *path, *dir;      /* of the recipe; dir is "." for a bare name */
    struct recipe_node *top;     /* merged, keys under their own names; NULL: not readable */
    struct recipe_faults faults; /* what is wrong */
    struct recipe_faults notes;  /* what is accepted but worth knowing; codes are ERR_OK */
    bool elsewhere;              /* paths are not looked for */
};

/* Reads a recipe into `target`, the struct that schema->table and its sections fill. `sets` may be
 * NULL. With faults the error is the first of them and r->faults holds all; without a readable file
 * there may be none. Either way the caller releases `r`. */
MUST_CHECK err recipe_read(struct recipe *r, const char *path, const struct opt_list *sets,
                           const struct recipe_schema *schema, void *target);
/* The same of a recipe from another machine: whether anything is where its paths say is not looked
 * at. */
MUST_CHECK err recipe_read_elsewhere(struct recipe *r, const char *path,
                                     const struct recipe_schema *schema, void *target);
/* The same without a file: every key at its default. */
MUST_CHECK err recipe_presets(struct recipe *r, const struct recipe_schema *schema, void *target);
void recipe_release(struct recipe *r);

/* The recipe with everything resolved, defaults included and keys in the order of their tables; the
 * paths stand as they were written, relative to the recipe. The caller json_decref()s. */
MUST_CHECK err recipe_resolved(struct recipe *r, const struct recipe_schema *schema,
                               const void *target, json_t **out);
/* The same of a struct that no recipe was read for, and as the text of a file, appended. */
MUST_CHECK err options_json(const struct recipe_schema *schema, const void *options, json_t **out);
MUST_CHECK err options_yaml(const struct recipe_schema *schema, const void *options,
                            const struct recipe_comments *comments, struct str *out);
/* Whether the recipe says a.b itself (else it is a default); list items count from 0: "a.0.b". */
bool recipe_says(const struct recipe *r, const char *dotted);
/* Records the thread's present error (of `code`) as a fault at that key, or at the nearest part
 * around it that the recipe says. Fails only for want of memory. */
MUST_CHECK err recipe_fault_at(struct recipe *r, const char *dotted, err code);
/* Whether it is a month as in 2024-03. */
MUST_CHECK err recipe_month_check(const char *month);

#endif
