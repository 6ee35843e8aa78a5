/* SPDX-License-Identifier: Apache-2.0
 * The merged tree into the stages' structs, by their option rows. Every row is set to its preset
 * first; then each key of the tree is read, and whatever is wrong with it is recorded with its
 * place while reading goes on. Loading and merging is recipes/load.c, writing back
 * recipes/resolve.c. */
#include "recipes/recipe.h"

#include "base/file.h"
#include "base/mem.h"
#include "recipes/load_int.h"
#include <ctype.h>
#include <string.h>

/* Where reading stands: one map and what it is read into. */
struct filling {
    const char *path; /* of the section; "requests[]" for an item; "" at the top */
    struct opt_table table;
    const struct recipe_node *map; /* NULL: the recipe does not have it */
    char *target;
    bool required;
};

/* "train.seed" for messages. */
static const char *dotted(struct arena *a, const char *path, const char *key) {
    return path[0] ? arena_printf(a, "%s.%s", path, key) : key;
}

/* A path as written to one that is usable here, and there. NULL: out of memory. */
static const char *usable_path(struct recipe *r, const struct recipe_node *node) {
    if (node->place.line == 0) return node->text; /* --set: from the present folder */
    char *dir = path_dir(node->place.file);
    char *joined = dir ? path_join(strcmp(dir, ".") == 0 ? "" : dir, node->text) : NULL;
    const char *copy = joined ? arena_strdup(&r->arena, joined) : NULL;
    mem_free(joined);
    mem_free(dir);
    return copy;
}

/* The text of one value, paths made usable; NULL with ERR_OK when a fault was recorded instead. */
static err value_text(struct recipe *r, const struct opt *row, const char *name,
                      const struct recipe_node *node, const char **out) {
    *out = NULL;
    if (node->kind == NODE_BROKEN) return ERR_OK;
    if (node->kind == NODE_NONE) {
        TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->place, "'%s' has no value", name));
        return recipe_fault_hint(&r->faults, &r->arena,
                                 "leave the key out for its default, or quote the text");
    }
    if (node->kind != NODE_TEXT)
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->place,
                            "'%s' must be %s, not %s", name,
                            row->type == OPT_LIST ? "a list of single values" : "a single value",
                            node_kind_text(node));
    if (!row->path) {
        *out = node->text;
        return ERR_OK;
    }
    const char *path = usable_path(r, node);
    if (!path) return ERR_MEMORY;
    if (r->elsewhere || file_exists(path) || (row->pattern && strpbrk(path, "*?["))) {
        *out = path;
        return ERR_OK;
    }
    return recipe_fault(&r->faults, &r->arena, ERR_MISSING, node->place,
                        "'%s': there is no file or folder '%s'", name, path);
}

/* A list, or a map whose parts become "key: value". */
static err fill_list(struct recipe *r, const struct filling *f, const struct opt *row,
                     const char *name, const struct recipe_node *node) {
    const char **items = arena_alloc(&r->arena, (size_t)node->n + 1, sizeof(*items));
    if (!items) return ERR_MEMORY;
    int64_t n = 0;
    for (const struct recipe_node *part = node->first; part; part = part->next) {
        TRY(value_text(r, row, name, part, &items[n]));
        if (items[n] && node->kind == NODE_MAP) {
            items[n] = arena_printf(&r->arena, "%s: %s", part->key, items[n]);
            if (!items[n]) return ERR_MEMORY;
        }
        if (items[n]) n++;
    }
    err code = opt_set_list(row, f->target, items, n, &r->arena);
    return code == ERR_OK ? code : recipe_fault_take(&r->faults, &r->arena, code, node->place);
}

static err fill_row(struct recipe *r, const struct filling *f, const struct opt *row,
                    const struct recipe_node *node) {
    const char *name = dotted(&r->arena, f->path, row->name);
    if (!name) return ERR_MEMORY;
    if (row->type == OPT_LIST && (node->kind == (row->map ? NODE_MAP : NODE_LIST)))
        return fill_list(r, f, row, name, node);
    if (row->type == OPT_LIST && row->map && node->kind != NODE_BROKEN && node->kind != NODE_NONE)
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->place,
                            "'%s' must be a mapping, not %s", name, node_kind_text(node));
    if (row->type == OPT_LIST && node->kind == NODE_MAP)
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->place,
                            "'%s' must be a list, not a mapping", name);
    const char *text;
    TRY(value_text(r, row, name, node, &text));
    if (!text) return ERR_OK;
    err code = opt_set(row, f->target, text, &r->arena);
    return code == ERR_OK ? code : recipe_fault_take(&r->faults, &r->arena, code, node->place);
}

static err unknown_key(struct recipe *r, const struct recipe_schema *schema,
                       const struct filling *f, const struct recipe_node *node) {
    const char *where = f->path[0] ? arena_printf(&r->arena, " in '%s'", f->path) : "";
    if (!where) return ERR_MEMORY;
    const char *nearest = schema_nearest(schema, f->table, f->path, node->key);
    const char *home = schema_home(schema, node->key);
    if (home)
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->key_place,
                            "unknown key '%s'%s (it belongs in '%s')", node->key, where, home);
    if (nearest)
        return recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->key_place,
                            "unknown key '%s'%s (did you mean '%s'?)", node->key, where, nearest);
    TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->key_place, "unknown key '%s'%s",
                     node->key, where));
    return schema->keys_hint ? recipe_fault_hint(&r->faults, &r->arena, "%s", schema->keys_hint)
                             : ERR_OK;
}

/* `cotrain: 1`, the version of the format; looked at before anything else. */
static err check_version(struct recipe *r) {
    const struct recipe_node *node = node_find(r->top, "cotrain");
    if (!node) {
        TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, r->top->place, "missing key 'cotrain'"));
        return recipe_fault_hint(&r->faults, &r->arena,
                                 "write 'cotrain: %d', the version of the recipe format",
                                 RECIPE_VERSION);
    }
    int64_t version;
    if (node->kind == NODE_TEXT && str_to_int64(node->text, &version) == ERR_OK &&
        version == RECIPE_VERSION)
        return ERR_OK;
    err_clear();
    return recipe_fault(&r->faults, &r->arena, ERR_UNSUPPORTED, node->place,
                        "recipe format '%s' is not known; this program reads 'cotrain: %d'",
                        node->kind == NODE_TEXT ? node->text : node_kind_text(node),
                        RECIPE_VERSION);
}

static err fill_keys(struct recipe *r, const struct recipe_schema *schema,
                     const struct filling *f) {
    for (const struct recipe_node *node = f->map->first; node; node = node->next) {
        const struct opt *row = opt_find(f->table, node->key, NULL);
        bool own = !f->path[0] && opt_find(recipe_head_table(), node->key, NULL);
        if (row)
            TRY(fill_row(r, f, row, node));
        else if (!own && !schema_section(schema, f->path, node->key))
            TRY(unknown_key(r, schema, f, node));
    }
    return ERR_OK;
}

static err check_required(struct recipe *r, const struct filling *f) {
    for (size_t i = 0; i < f->table.n; i++) {
        const struct opt *row = &f->table.rows[i];
        if (!row->required || (!f->map && !f->required)) continue;
        if (f->map && node_find(f->map, row->name)) continue;
        const char *name = dotted(&r->arena, f->path, row->name);
        if (!name) return ERR_MEMORY;
        TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, f->map ? f->map->place : r->top->place,
                         "missing key '%s'", name));
        if (row->help) TRY(recipe_fault_hint(&r->faults, &r->arena, "%s: %s", name, row->help));
    }
    return ERR_OK;
}

static err fill_map(struct recipe *r, const struct recipe_schema *schema, const struct filling *f);

static err fill_items(struct recipe *r, const struct recipe_schema *schema,
                      const struct recipe_section *section, const struct recipe_node *list,
                      struct section_items *out) {
    out->n = 0;
    out->items = arena_alloc(&r->arena, (size_t)list->n + 1, section->item_size);
    const char *path = arena_printf(&r->arena, "%s[]", section->path);
    if (!out->items || !path) return ERR_MEMORY;
    for (const struct recipe_node *item = list->first; item; item = item->next) {
        if (item->kind == NODE_BROKEN) continue;
        if (item->kind != NODE_MAP) {
            TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, item->place,
                             "an item of '%s' must be a mapping, not %s", section->path,
                             node_kind_text(item)));
            continue;
        }
        char *target = (char *)out->items + (size_t)out->n++ * section->item_size;
        struct filling f = {path, section->table(), item, target, true};
        TRY(fill_map(r, schema, &f));
        if (section->file_offset != section->line_offset) {
            int line = (int)item->place.line;
            memcpy(target + section->file_offset, &item->place.file, sizeof(item->place.file));
            memcpy(target + section->line_offset, &line, sizeof(line));
        }
    }
    return ERR_OK;
}

static err fill_section(struct recipe *r, const struct recipe_schema *schema,
                        const struct recipe_section *section, const struct recipe_node *node,
                        char *target) {
    bool list = section->kind == SECTION_IS_LIST, broken = node && node->kind == NODE_BROKEN;
    if (node && !broken && node->kind != (list ? NODE_LIST : NODE_MAP)) {
        TRY(recipe_fault(&r->faults, &r->arena, ERR_PARSE, node->place, "'%s' must be a %s, not %s",
                         section->path, list ? "list of mappings" : "mapping",
                         node_kind_text(node)));
        broken = true;
    }
    if (list) {
        if (!node || broken) return ERR_OK;
        struct section_items items;
        TRY(fill_items(r, schema, section, node, &items));
        memcpy(target, &items, sizeof(items));
        return ERR_OK;
    }
    struct filling f = {section->path, section->table(), broken ? NULL : node, target,
                        section->required && r->top && !broken};
    return fill_map(r, schema, &f);
}

static err fill_map(struct recipe *r, const struct recipe_schema *schema, const struct filling *f) {
    TRY(opt_presets(f->table, f->target, &r->arena));
    if (f->map) TRY(fill_keys(r, schema, f));
    TRY(check_required(r, f));
    for (size_t i = 0; i < schema->n; i++) {
        const struct recipe_section *section = &schema->sections[i];
        const char *key = section_key(section, f->path);
        if (key)
            TRY(fill_section(r, schema, section, f->map ? node_find(f->map, key) : NULL,
                             f->target + section->offset));
    }
    return ERR_OK;
}

static err read_whole(struct recipe *r, const char *path, const struct opt_list *sets,
                      const struct recipe_schema *schema, void *target) {
    char *dir = path_dir(path);
    r->path = arena_strdup(&r->arena, path);
    r->dir = dir ? arena_strdup(&r->arena, dir) : NULL;
    mem_free(dir);
    if (!r->path || !r->dir) return ERR_MEMORY;
    TRY(recipe_load(r, sets, schema));
    if (!r->top) return recipe_faults_err(&r->faults);
    TRY(check_version(r));
    struct filling top = {"", schema->table(), r->top, target, true};
    TRY(fill_map(r, schema, &top));
    return recipe_faults_err(&r->faults);
}

err recipe_read(struct recipe *r, const char *path, const struct opt_list *sets,
                const struct recipe_schema *schema, void *target) {
    memset(r, 0, sizeof(*r));
    return read_whole(r, path, sets, schema, target);
}

err recipe_read_elsewhere(struct recipe *r, const char *path, const struct recipe_schema *schema,
                          void *target) {
    memset(r, 0, sizeof(*r));
    r->elsewhere = true;
    return read_whole(r, path, NULL, schema, target);
}

err recipe_presets(struct recipe *r, const struct recipe_schema *schema, void *target) {
    memset(r, 0, sizeof(*r));
    r->path = r->dir = ".";
    struct filling top = {.path = "", .table = schema->table(), .target = target};
    return fill_map(r, schema, &top);
}

void recipe_release(struct recipe *r) {
    arena_release(&r->arena);
    memset(r, 0, sizeof(*r));
}

err recipe_month_check(const char *month) {
    static const char form[] = "0000-00";
    bool good = strlen(month) == strlen(form);
    for (size_t i = 0; good && form[i]; i++)
        good = form[i] == '-' ? month[i] == '-' : isdigit((unsigned char)month[i]) != 0;
    if (good) {
        int number = (month[5] - '0') * 10 + month[6] - '0';
        good = number >= 1 && number <= 12;
    }
    return good ? ERR_OK : fail(ERR_RANGE, "'month': '%s' is not a month as in 2024-03", month);
}
