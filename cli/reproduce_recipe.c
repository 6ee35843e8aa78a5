/* SPDX-License-Identifier: Apache-2.0
 * The released recipe as a tree, with other paths, written out again (cli/reproduce_recipe.h).
 * Values stay the texts that they are in the file, so none is read and written by this.
 * Read next: recipes/yaml.h. */
#include "cli/reproduce_recipe.h"
#include "base/file.h"
#include "base/mem.h"
#include "recipes/write.h"
#include "recipes/yaml.h"
#include "release/pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err read_tree(const char *dir, json_t **out) {
    char *path = path_join(dir, PACK_RECIPE);
    err e = path ? yaml_file_json(path, PACK_RECIPE, out) : ERR_MEMORY;
    mem_free(path);
    return e;
}

err reproduce_recipe_base(const char *dir, struct str *out) {
    json_t *tree = NULL;
    TRY(read_tree(dir, &tree));
    err e = str_add(out, json_text_of(json_object_get(tree, "base_model"), "path"));
    json_decref(tree);
    return e;
}

/* The part of a map or list that the first word of *key names; moves *key behind it. */
static json_t *step_into(const json_t *at, const char **key, char *word, size_t room) {
    size_t n = strcspn(*key, ".");
    if (n >= room) return NULL;
    memcpy(word, *key, n);
    word[n] = '\0';
    *key += n + ((*key)[n] == '.');
    if (json_is_array(at)) return json_array_get(at, (size_t)strtoul(word, NULL, 10));
    return json_object_get(at, word);
}

/* Puts a text where the recipe has one already; NULL takes it away. */
static err set_at(json_t *tree, const char *key, const char *text) {
    char word[64];
    const char *rest = key;
    json_t *at = tree, *next = tree;
    while (*rest && next) {
        at = next;
        next = step_into(at, &rest, word, sizeof word);
    }
    if (!json_is_string(next))
        return fail(ERR_GATE, "'%s' names '%s', which the recipe does not have", PACK_SOURCES, key);
    if (!text && json_is_object(at)) return json_object_del(at, word) == 0 ? ERR_OK : ERR_MEMORY;
    json_t *value = json_string(text ? text : "");
    if (!value) return fail(ERR_MEMORY, "out of memory for a recipe");
    int bad = json_is_array(at) ? json_array_set_new(at, (size_t)strtoul(word, NULL, 10), value)
                                : json_object_set_new(at, word, value);
    return bad ? fail(ERR_MEMORY, "out of memory for a recipe") : ERR_OK;
}

static err need_array(json_t *map, const char *key, json_t **out) {
    *out = json_object_get(map, key);
    if (json_is_array(*out)) return ERR_OK;
    *out = json_array();
    return json_put(map, key, *out);
}

/* Rows that a teacher made: a source more. */
static err add_made(json_t *tree, const json_t *rows, const char *path) {
    json_t *data = json_object_get(tree, "data"), *sources = NULL, *item = json_object();
    err e = json_is_object(data) ? need_array(data, "sources", &sources)
                                 : fail(ERR_PARSE, "the recipe has no 'data'");
    if (e != ERR_OK) {
        json_decref(item);
        return e;
    }
    TRY(json_push(sources, item));
    TRY(json_put(item, "path", json_string(path)));
    TRY(json_put(item, "format", json_string(json_text_of(rows, "format"))));
    TRY(json_put(item, "request", json_string(json_text_of(rows, "request"))));
    const char *license = json_string_value(json_object_get(rows, "license"));
    return license ? json_put(item, "license", json_string(license)) : ERR_OK;
}

static bool filters_by(const json_t *tree, const char *name) {
    const json_t *filters = json_object_get(json_object_get(tree, "data"), "filters");
    size_t i;
    json_t *item;
    if (json_is_string(filters)) return strcmp(json_string_value(filters), name) == 0;
    json_array_foreach((json_t *)filters, i,
                       item) if (json_is_string(item) &&
                                 strcmp(json_string_value(item), name) == 0) return true;
    return false;
}

/* What is missing may be left away where no row depends on it. */
static err leave_out(json_t *tree, const char *key, const char *what,
                     struct reproduce_recipe_result *out) {
    if (str_starts(key, "data.") || filters_by(tree, "decontaminate"))
        return fail_hint(fail(ERR_MISSING, "%s", what),
                         "name a folder that holds it with --sources");
    out->evaluates = false;
    out->why_not = what;
    return str_starts(key, "eval.") ? ERR_OK : set_at(tree, key, NULL);
}

static err put_input(const struct reproduce_recipe *r, json_t *tree, const json_t *item,
                     int64_t number, struct reproduce_recipe_result *out) {
    const char *key = json_text_of(item, "key");
    const json_t *rows = json_object_get(item, "rows");
    const char *missing = json_string_value(json_object_get(r->missing, key));
    struct str path = {0};
    if (missing) return leave_out(tree, key, missing, out);
    err e = str_printf(&path, "sources/%lld/%s", (long long)number, json_text_of(item, "at"));
    if (e == ERR_OK && json_is_object(rows)) {
        e = add_made(tree, rows, str_text(&path));
        out->n_made++;
    } else if (e == ERR_OK) {
        e = set_at(tree, key, str_text(&path));
    }
    str_release(&path);
    return e;
}

/* Synthesis is over: what it made is among the inputs. */
static err end_synthesis(json_t *tree) {
    json_t *request, *data = json_object_get(tree, "data");
    size_t i;
    (void)json_object_del(data, "expand");
    json_array_foreach(json_object_get(tree, "requests"), i, request)(void)
        json_object_del(request, "checks");
    return ERR_OK;
}

static err put_base(const struct reproduce_recipe *r, json_t *tree) {
    json_t *base = json_object(), *release = json_object_get(tree, "release");
    const json_t *about = json_object_get(r->manifest, "about");
    TRY(json_put(tree, "base_model", base));
    TRY(json_put(base, "path", json_string(r->base)));
    if (!json_is_object(release)) return fail(ERR_PARSE, "the recipe has no 'release'");
    /* What the base is called for the public, whatever its folder is called here. */
    return json_put(release, "base_model", json_string(json_text_of(about, "base_model")));
}

/* Without all that an evaluation needs there is none. */
static err put_evaluation(const struct reproduce_recipe *r, json_t *tree,
                          struct reproduce_recipe_result *out) {
    json_t *eval = json_object_get(tree, "eval");
    if (json_object_get(eval, "task_files") && out->evaluates) {
        out->evaluates = false;
        out->why_not = "it has tasks of its own";
    }
    if (!out->evaluates) {
        if (filters_by(tree, "decontaminate"))
            return fail(ERR_UNSUPPORTED, "data.filters has 'decontaminate', which depends on tasks "
                                         "that the release does not have");
        (void)json_object_del(tree, "eval");
        return ERR_OK;
    }
    if (!json_is_object(eval)) return ERR_OK;
    (void)json_object_del(eval, "datasets");
    return r->datasets ? json_put(eval, "datasets", json_string(r->datasets)) : ERR_OK;
}

static err change(const struct reproduce_recipe *r, json_t *tree,
                  struct reproduce_recipe_result *out) {
    json_t *item;
    size_t i;
    TRY(end_synthesis(tree));
    json_array_foreach(json_object_get(r->sources, "inputs"), i, item)
        TRY(put_input(r, tree, item, (int64_t)i + 1, out));
    TRY(put_base(r, tree));
    return put_evaluation(r, tree, out);
}

err reproduce_recipe_write(const struct reproduce_recipe *r, struct reproduce_recipe_result *out) {
    json_t *tree = NULL;
    struct str text = {0};
    *out = (struct reproduce_recipe_result){.evaluates = true};
    err e = read_tree(r->dir, &tree);
    if (e == ERR_OK) e = change(r, tree, out);
    if (e == ERR_OK) e = recipe_write(tree, NULL, &text);
    if (e == ERR_OK) e = file_write(r->path, str_text(&text), text.len);
    json_decref(tree);
    str_release(&text);
    return e;
}
