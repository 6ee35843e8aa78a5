/* SPDX-License-Identifier: Apache-2.0
 * Looking things up in a schema: sections by path and key, nearest names, and where a misplaced key
 * belongs. What a schema says to people is in recipes/schema_text.c.
 * Read next: recipes/schema.h, the contract. */
#include "recipes/schema.h"

#include <string.h>

#define ROW(field, ...) OPT(struct recipe_head, field, __VA_ARGS__)
static const struct opt head_rows[] = {
    ROW(cotrain, .min = RECIPE_VERSION, .max = RECIPE_VERSION, .required = true,
        .help = "version of the recipe format: 1"),
    ROW(inherit, .value = "FILE",
        .help = "recipe that this one changes: maps merge, lists replace"),
};

struct opt_table recipe_head_table(void) {
    return OPT_TABLE(head_rows);
}

const char *section_key(const struct recipe_section *section, const char *path) {
    size_t n = strlen(path);
    if (strncmp(section->path, path, n) != 0) return NULL;
    const char *key = section->path + n;
    if (n > 0) {
        if (*key != '.') return NULL;
        key++;
    }
    return strpbrk(key, ".[") ? NULL : key;
}

const struct recipe_section *schema_section(const struct recipe_schema *schema, const char *path,
                                            const char *key) {
    for (size_t i = 0; i < schema->n; i++) {
        const char *present = section_key(&schema->sections[i], path);
        if (present && strcmp(present, key) == 0) return &schema->sections[i];
    }
    return NULL;
}

/* The better of a present best name and one more candidate. */
static const char *nearer(const char *key, const char *best, const char *candidate) {
    const char *pair[2] = {best ? best : candidate, candidate};
    return str_nearest(key, pair, 2);
}

const char *schema_nearest(const struct recipe_schema *schema, struct opt_table table,
                           const char *path, const char *key) {
    const char *best = opt_nearest(table, key);
    for (size_t i = 0; i < schema->n; i++) {
        const char *candidate = section_key(&schema->sections[i], path);
        if (candidate) best = nearer(key, best, candidate);
    }
    struct opt_table head = recipe_head_table();
    for (size_t i = 0; path[0] == '\0' && i < head.n; i++)
        best = nearer(key, best, head.rows[i].name);
    return best;
}

const char *schema_home(const struct recipe_schema *schema, const char *key) {
    for (size_t i = 0; i < schema->n; i++)
        if (opt_find(schema->sections[i].table(), key, NULL)) return schema->sections[i].path;
    return NULL;
}
