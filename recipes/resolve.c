/* SPDX-License-Identifier: Apache-2.0
 * A read recipe back to a value tree, everything resolved: what `recipe show` prints and a release
 * carries. It is made from the filled structs, so it says what the stages really got.
 * Read next: recipes/write.h. */
#include "recipes/recipe.h"

#include <stdlib.h>
#include <string.h>

/* Paths below the recipe's folder stand relative to it, as they are written in a recipe. */
static const char *written_path(const struct recipe *r, const char *path) {
    size_t n = strlen(r->dir);
    if (strcmp(r->dir, ".") == 0 || strncmp(path, r->dir, n) != 0) return path;
    if (r->dir[n - 1] == '/') return path + n;
    return path[n] == '/' ? path + n + 1 : path;
}

/* "key: value" items as an object. */
static err pairs_json(const struct recipe *r, const struct opt *row, const struct opt_list *list,
                      json_t *out) {
    for (int64_t i = 0; i < list->n; i++) {
        const char *item = list->items[i], *colon = strstr(item, ": ");
        if (!colon)
            return fail(ERR_PARSE, "%s: item '%s' of '%s' is not 'key: value'", r->path, item,
                        row->name);
        char *key = arena_strndup((struct arena *)&r->arena, item, (size_t)(colon - item));
        if (!key) return ERR_MEMORY;
        TRY(json_put(out, key, json_string(colon + 2)));
    }
    return ERR_OK;
}

static err list_json(const struct recipe *r, const struct opt *row, const struct opt_list *list,
                     json_t *map) {
    if (list->n == 0) return ERR_OK;
    json_t *value = row->map ? json_object() : json_array();
    TRY(json_put(map, row->name, value));
    if (row->map) return pairs_json(r, row, list, value);
    for (int64_t i = 0; i < list->n; i++) {
        const char *text = row->path ? written_path(r, list->items[i]) : list->items[i];
        TRY(json_push(value, json_string(text)));
    }
    return ERR_OK;
}

static err row_json(const struct recipe *r, const struct opt *row, const char *target,
                    json_t *map) {
    const void *at = target + row->offset;
    if (opt_left_out(row, target)) return ERR_OK;
    switch (row->type) {
    case OPT_BOOL: return json_put(map, row->name, json_boolean(*(const bool *)at));
    case OPT_INT: return json_put(map, row->name, json_integer(*(const int64_t *)at));
    case OPT_FLOAT: return json_put(map, row->name, json_real(*(const double *)at));
    case OPT_STRING: {
        const char *text = *(const char *const *)at;
        if (!text) return ERR_OK;
        return json_put(map, row->name, json_string(row->path ? written_path(r, text) : text));
    }
    case OPT_LIST: return list_json(r, row, at, map);
    }
    return ERR_OK;
}

static err map_json(struct recipe *r, const struct recipe_schema *schema, const char *path,
                    struct opt_table table, const char *target, json_t *map);

/* Whether a section is not there: one with a required key was left out as a whole. */
static bool left_out(const struct recipe_section *section, const char *target) {
    struct opt_table table = section->table();
    for (size_t i = 0; i < table.n; i++)
        if (table.rows[i].required && table.rows[i].type == OPT_STRING &&
            !*(const char *const *)(const void *)(target + table.rows[i].offset))
            return true;
    return false;
}

static err section_json(struct recipe *r, const struct recipe_schema *schema,
                        const struct recipe_section *section, const char *key, const char *target,
                        json_t *map) {
    if (section->kind == SECTION_IS_MAP) {
        if (left_out(section, target)) return ERR_OK;
        json_t *part = json_object();
        TRY(json_put(map, key, part));
        TRY(map_json(r, schema, section->path, section->table(), target, part));
        /* Of keys without presets, none given: as if it were not there (opt_left_out). */
        if (json_object_size(part) == 0) (void)json_object_del(map, key);
        return ERR_OK;
    }
    struct section_items items;
    memcpy(&items, target, sizeof(items));
    if (items.n == 0) return ERR_OK;
    const char *path = arena_printf(&r->arena, "%s[]", section->path);
    if (!path) return ERR_MEMORY;
    json_t *list = json_array();
    TRY(json_put(map, key, list));
    for (int64_t i = 0; i < items.n; i++) {
        json_t *part = json_object();
        TRY(json_push(list, part));
        TRY(map_json(r, schema, path, section->table(),
                     (const char *)items.items + (size_t)i * section->item_size, part));
    }
    return ERR_OK;
}

static err map_json(struct recipe *r, const struct recipe_schema *schema, const char *path,
                    struct opt_table table, const char *target, json_t *map) {
    for (size_t i = 0; i < table.n; i++) TRY(row_json(r, &table.rows[i], target, map));
    for (size_t i = 0; i < schema->n; i++) {
        const struct recipe_section *section = &schema->sections[i];
        const char *key = section_key(section, path);
        if (key) TRY(section_json(r, schema, section, key, target + section->offset, map));
    }
    return ERR_OK;
}

err recipe_resolved(struct recipe *r, const struct recipe_schema *schema, const void *target,
                    json_t **out) {
    json_t *top = json_object();
    if (!top) return fail(ERR_MEMORY, "out of memory");
    err code = json_put(top, "cotrain", json_integer(RECIPE_VERSION));
    if (code == ERR_OK) code = map_json(r, schema, "", schema->table(), target, top);
    if (code != ERR_OK) {
        json_decref(top);
        return code;
    }
    *out = top;
    return ERR_OK;
}

err options_json(const struct recipe_schema *schema, const void *options, json_t **out) {
    struct recipe nowhere = {.path = ".", .dir = "."};
    err e = recipe_resolved(&nowhere, schema, options, out);
    arena_release(&nowhere.arena);
    return e;
}

err options_yaml(const struct recipe_schema *schema, const void *options,
                 const struct recipe_comments *comments, struct str *out) {
    json_t *value;
    TRY(options_json(schema, options, &value));
    err e = recipe_write(value, comments, out);
    json_decref(value);
    return e;
}

/* The part of a map or list that `dotted` begins with, or NULL; *dotted is moved behind it. */
static const struct recipe_node *part_of(const struct recipe_node *node, const char **dotted) {
    size_t n = strcspn(*dotted, ".");
    const struct recipe_node *part = node->first;
    if (node->kind == NODE_LIST) {
        for (long at = strtol(*dotted, NULL, 10); part && at > 0; at--) part = part->next;
    } else {
        while (part && (strlen(part->key) != n || strncmp(part->key, *dotted, n) != 0))
            part = part->next;
    }
    *dotted += n + ((*dotted)[n] == '.');
    return part;
}

bool recipe_says(const struct recipe *r, const char *dotted) {
    const struct recipe_node *node = r->top;
    while (node && *dotted) node = part_of(node, &dotted);
    return node != NULL;
}

err recipe_fault_at(struct recipe *r, const char *dotted, err code) {
    const struct recipe_node *node = r->top;
    for (const struct recipe_node *part = node; part && *dotted;) {
        part = part_of(node, &dotted);
        if (part) node = part;
    }
    return recipe_fault_take(&r->faults, &r->arena, code,
                             node->key ? node->key_place : node->place);
}
