/* SPDX-License-Identifier: Apache-2.0
 * Files, `inherit` and --set to one tree of nodes. Each tree is brought to the rows' own key names
 * before it is merged; what is unknown stays and is reported when the merged tree is read.
 * Read next: recipes/recipe.h. */
#include "recipes/load_int.h"

#include "base/file.h"
#include "base/mem.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Files being read, innermost first, to find a circle of `inherit`. */
struct reading {
    const char *real_path;
    const struct reading *outer;
    int depth;
};

static err name_map(struct recipe *r, const struct recipe_schema *schema, const char *path,
                    struct opt_table table, struct recipe_node *map);

/* Below a section's key: a map is named by the section's own rows, a list item by item. */
static err name_part(struct recipe *r, const struct recipe_schema *schema, const char *path,
                     struct recipe_node *part) {
    const struct recipe_section *section = schema_section(schema, path, part->key);
    if (!section) return ERR_OK;
    if (section->kind == SECTION_IS_MAP && part->kind == NODE_MAP)
        return name_map(r, schema, section->path, section->table(), part);
    if (section->kind != SECTION_IS_LIST || part->kind != NODE_LIST) return ERR_OK;
    const char *item_path = arena_printf(&r->arena, "%s[]", section->path);
    if (!item_path) return ERR_MEMORY;
    for (struct recipe_node *item = part->first; item; item = item->next)
        if (item->kind == NODE_MAP) TRY(name_map(r, schema, item_path, section->table(), item));
    return ERR_OK;
}

/* Gives a key the name of its row, unless the map has that name as well. */
static err name_key(struct recipe *r, const struct opt *row, bool alias, struct recipe_node *map,
                    struct recipe_node *part) {
    if (strcmp(part->key, row->name) == 0) return ERR_OK;
    if (alias)
        TRY(recipe_fault(&r->notes, &r->arena, ERR_OK, part->key_place, "'%s' is read as '%s'",
                         part->key, row->name));
    const struct recipe_node *other = node_find(map, row->name);
    if (other) {
        TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, part->key_place,
                         "'%s' is another spelling of '%s', which is given as well (line %lld)",
                         part->key, row->name, (long long)other->key_place.line));
        part->kind = NODE_BROKEN;
    }
    part->key = row->name;
    return ERR_OK;
}

static err name_map(struct recipe *r, const struct recipe_schema *schema, const char *path,
                    struct opt_table table, struct recipe_node *map) {
    for (struct recipe_node *part = map->first; part; part = part->next) {
        bool alias;
        const struct opt *row = opt_find(table, part->key, &alias);
        if (row)
            TRY(name_key(r, row, alias, map, part));
        else
            TRY(name_part(r, schema, path, part));
    }
    return ERR_OK;
}

/* Puts `over` upon `base`: maps merge, anything else replaces and keeps the base's position. */
static void merge(struct recipe_node *base, struct recipe_node *over) {
    struct recipe_node *next;
    for (struct recipe_node *part = over->first; part; part = next) {
        next = part->next;
        struct recipe_node *present = node_find(base, part->key);
        if (!present) {
            node_add(base, part);
        } else if (present->kind == NODE_MAP && part->kind == NODE_MAP) {
            present->place = part->place;
            present->key_place = part->key_place;
            merge(present, part);
        } else {
            struct recipe_node *following = present->next;
            *present = *part;
            present->next = following;
        }
    }
}

/* Takes a part out of a map. */
static void take_out(struct recipe_node *map, const struct recipe_node *part) {
    struct recipe_node *first = map->first;
    map->first = map->last = NULL;
    map->n = 0;
    for (struct recipe_node *next; first; first = next) {
        next = first->next;
        if (first != part) node_add(map, first);
    }
}

/* `name` beside `file`; NULL: out of memory. */
static const char *beside(struct arena *a, const char *file, const char *name) {
    char *dir = path_dir(file);
    char *joined = dir ? path_join(strcmp(dir, ".") == 0 ? "" : dir, name) : NULL;
    const char *copy = joined ? arena_strdup(a, joined) : NULL;
    mem_free(joined);
    mem_free(dir);
    return copy;
}

static err read_file(struct recipe *r, const char *path, struct recipe_node **out) {
    struct str text = {0};
    err code = file_read(path, YAML_MAX_BYTES, &text);
    if (code == ERR_OK)
        code = yaml_read(str_text(&text), text.len, path, &r->arena, &r->faults, out);
    str_release(&text);
    if (code != ERR_OK || !*out) return code;
    if ((*out)->kind == NODE_MAP) return ERR_OK;
    TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, (*out)->place,
                     "a recipe must be a mapping of keys, not %s", node_kind_text(*out)));
    *out = NULL;
    return ERR_OK;
}

static err load_file(struct recipe *r, const char *path, const struct recipe_schema *schema,
                     const struct reading *outer, struct recipe_node **out);

/* Reads the file that `inherit` names and puts `top` upon it. */
static err load_base(struct recipe *r, const struct recipe_node *inherit,
                     const struct recipe_schema *schema, const struct reading *here,
                     struct recipe_node **top) {
    if (inherit->kind != NODE_TEXT || !inherit->text[0])
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, inherit->place,
                            "'inherit' must be the path of one recipe, not %s",
                            inherit->kind == NODE_TEXT ? "an empty text" : node_kind_text(inherit));
    const char *path = beside(&r->arena, inherit->place.file, inherit->text);
    if (!path) return ERR_MEMORY;
    int64_t n_before = r->faults.n;
    struct recipe_node *base = NULL;
    err code = load_file(r, path, schema, here, &base);
    if (code != ERR_OK) return recipe_fault_take(&r->faults, &r->arena, code, inherit->place);
    if (!base) {
        if (r->faults.n == n_before) /* a circle */
            return recipe_fault(&r->faults, &r->arena, ERR_PARSE, inherit->place,
                                "'%s' inherits itself", path);
        return ERR_OK;
    }
    merge(base, *top);
    base->place = (*top)->place;
    *top = base;
    return ERR_OK;
}

static bool in_circle(const struct reading *here) {
    for (const struct reading *outer = here->outer; outer; outer = outer->outer)
        if (strcmp(outer->real_path, here->real_path) == 0) return true;
    return false;
}

/* `*out` stays NULL for a file that is being read already, and after faults that end the reading.
 */
static err load_file(struct recipe *r, const char *path, const struct recipe_schema *schema,
                     const struct reading *outer, struct recipe_node **out) {
    char real_path[PATH_MAX];
    if (!realpath(path, real_path)) snprintf(real_path, sizeof(real_path), "%s", path);
    struct reading here = {real_path, outer, outer ? outer->depth + 1 : 0};
    if (in_circle(&here)) return ERR_OK;
    if (here.depth == RECIPE_INHERIT_MAX)
        return fail(ERR_LIMIT, "'inherit' goes through more than %d files", RECIPE_INHERIT_MAX);
    struct recipe_node *top = NULL;
    TRY(read_file(r, path, &top));
    if (!top) return ERR_OK;
    TRY(name_map(r, schema, "", schema->table(), top));
    struct recipe_node *inherit = node_find(top, "inherit");
    if (inherit) {
        take_out(top, inherit);
        TRY(load_base(r, inherit, schema, &here, &top));
    }
    *out = top;
    return ERR_OK;
}

/* All places of a tree read from a --set are that --set as a whole. */
static void set_place(struct recipe_node *node, struct recipe_place place) {
    node->place = node->key_place = place;
    for (struct recipe_node *part = node->first; part; part = part->next) set_place(part, place);
}

/* The value of a --set: a quoted text or a flow list is YAML, any other text is what it is. */
static err set_value(struct recipe *r, const char *text, struct recipe_place place,
                     struct recipe_node **out) {
    if (text[0] != '[' && text[0] != '"' && text[0] != '\'') {
        *out = arena_alloc(&r->arena, 1, sizeof(**out));
        if (!*out) return ERR_MEMORY;
        (*out)->kind = text[0] ? NODE_TEXT : NODE_NONE;
        (*out)->text = arena_strdup(&r->arena, text);
        return (*out)->text ? ERR_OK : ERR_MEMORY;
    }
    int64_t n_before = r->faults.n;
    TRY(yaml_read(text, strlen(text), place.file, &r->arena, &r->faults, out));
    for (int64_t i = n_before; i < r->faults.n && i < RECIPE_FAULTS_MAX; i++)
        r->faults.items[i].place = place;
    return ERR_OK;
}

/* "a.b" and a value to {a: {b: value}}, from the inside out; NULL when a name is empty. */
static err set_tree(struct recipe *r, const char *dotted, size_t n, struct recipe_node *value,
                    struct recipe_node **out) {
    *out = NULL;
    struct recipe_node *top = value;
    for (size_t end = n;;) {
        size_t start = end;
        while (start > 0 && dotted[start - 1] != '.') start--;
        if (start == end) return ERR_OK;
        struct recipe_node *map = arena_alloc(&r->arena, 1, sizeof(*map));
        top->key = arena_strndup(&r->arena, dotted + start, end - start);
        if (!map || !top->key) return ERR_MEMORY;
        map->kind = NODE_MAP;
        node_add(map, top);
        top = map;
        if (start == 0) break;
        end = start - 1;
    }
    *out = top;
    return ERR_OK;
}

static err apply_set(struct recipe *r, const char *set, const struct recipe_schema *schema) {
    struct recipe_place place = {.file = arena_printf(&r->arena, "--set %s", set)};
    if (!place.file) return ERR_MEMORY;
    const char *equals = strchr(set, '=');
    struct recipe_node *value = NULL, *tree = NULL;
    if (equals && utf8_invalid_at(set, strlen(set)) < 0) {
        int64_t n_before = r->faults.n;
        TRY(set_value(r, equals + 1, place, &value));
        if (!value || r->faults.n > n_before) return ERR_OK;
        TRY(set_tree(r, set, (size_t)(equals - set), value, &tree));
    }
    if (!tree)
        return recipe_fault(&r->faults, &r->arena, ERR_USAGE, place,
                            "must be a key, '=' and a value, as in --set train.seed=7");
    set_place(tree, place);
    TRY(name_map(r, schema, "", schema->table(), tree));
    if (node_find(tree, "inherit"))
        return recipe_fault(&r->faults, &r->arena, ERR_USAGE, place,
                            "'inherit' cannot be set; write it in a recipe");
    merge(r->top, tree);
    return ERR_OK;
}

err recipe_load(struct recipe *r, const struct opt_list *sets, const struct recipe_schema *schema) {
    TRY(load_file(r, r->path, schema, NULL, &r->top));
    for (int64_t i = 0; r->top && sets && i < sets->n; i++)
        TRY(apply_set(r, sets->items[i], schema));
    return ERR_OK;
}
