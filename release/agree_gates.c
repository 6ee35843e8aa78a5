/* SPDX-License-Identifier: Apache-2.0
 * Whether a release's gates hold (release/agree.h): they are read from its recipe and held again,
 * so what was kept of them cannot say anything else than the reports do.
 * Read next: eval/gates.h. */
#include "base/file.h"
#include "base/mem.h"
#include "eval/gates.h"
#include "eval/report.h"
#include "recipes/yaml.h"
#include "release/agree.h"
#include "release/manifest.h"
#include "release/pack.h"

/* The map eval.gates of a resolved recipe as items "task: condition"; none: an empty list. */
static err take_gates(const struct recipe_node *top, struct arena *arena, struct opt_list *out) {
    const struct recipe_node *section = top->kind == NODE_MAP ? node_find(top, "eval") : NULL;
    const struct recipe_node *gates =
        section != NULL && section->kind == NODE_MAP ? node_find(section, "gates") : NULL;
    if (gates == NULL || gates->kind != NODE_MAP) return ERR_OK;
    for (const struct recipe_node *node = gates->first; node != NULL; node = node->next) {
        if (node->kind != NODE_TEXT) return fail(ERR_PARSE, "gate '%s' is no text", node->key);
        const char *item = arena_printf(arena, "%s: %s", node->key, node->text);
        if (item == NULL) return ERR_MEMORY;
        TRY(opt_list_add(out, arena, item));
    }
    return ERR_OK;
}

static err read_gates(const char *dir, struct arena *arena, struct opt_list *out) {
    struct recipe_faults faults = {0};
    struct recipe_node *top = NULL;
    struct str text = {0};
    char *path = path_join(dir, PACK_RECIPE);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, YAML_MAX_BYTES, &text);
    if (result == ERR_OK)
        result = yaml_read(str_text(&text), text.len, PACK_RECIPE, arena, &faults, &top);
    if (result == ERR_OK) result = recipe_faults_err(&faults);
    if (result == ERR_OK) result = take_gates(top, arena, out);
    str_release(&text);
    mem_free(path);
    return fail_in(result, "'%s'", PACK_RECIPE);
}

static err check(const json_t *kept, const json_t *again) {
    if (!json_equal(kept, again))
        return fail(ERR_GATE, "'%s' is not what both evaluations give", PACK_GATES);
    return gates_verdict(again);
}

err agree_gates(const char *dir, int64_t *out_gates) {
    struct arena arena = {0};
    struct opt_list gates = {0};
    json_t *before = NULL, *after = NULL, *kept = NULL, *again = NULL;
    err result = read_gates(dir, &arena, &gates);
    if (result == ERR_OK) result = release_read_json(dir, PACK_BEFORE, report_read, &before);
    if (result == ERR_OK) result = release_read_json(dir, PACK_AFTER, report_read, &after);
    if (result == ERR_OK) result = release_read_json(dir, PACK_GATES, json_parse_file, &kept);
    if (result == ERR_OK) result = gates_hold(&gates, before, after, &again);
    if (result == ERR_OK) result = check(kept, again);
    *out_gates = gates.n;
    json_decref(again);
    json_decref(kept);
    json_decref(after);
    json_decref(before);
    arena_release(&arena);
    return result;
}
