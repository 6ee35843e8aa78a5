/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a recipe: at least one fault with its place, or a tree whose parts are counted and
 * whose depth is bounded.
 * Under test: recipes/yaml.c. */
#include "base/arena.h"
#include "recipes/yaml.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

/* A part that is broken inside still stands in its place. */
static int64_t count_nodes(const struct recipe_node *node, int depth) {
    int64_t n = 0, all = 1;
    FUZZ_EXPECT(depth <= YAML_MAX_DEPTH + 1);
    FUZZ_EXPECT(*node_kind_text(node));
    FUZZ_EXPECT(node->kind != NODE_TEXT || node->text);
    for (const struct recipe_node *part = node->first; part; part = part->next, n++) {
        FUZZ_EXPECT(node->kind == NODE_LIST || node->kind == NODE_MAP);
        FUZZ_EXPECT((node->kind == NODE_MAP) == (part->key != NULL));
        FUZZ_EXPECT(!part->key || node_find(node, part->key));
        FUZZ_EXPECT(part->next || part == node->last);
        all += count_nodes(part, depth + 1);
    }
    FUZZ_EXPECT(n == node->n);
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    struct arena arena = {0};
    struct recipe_faults faults = {0};
    struct recipe_node *top = NULL;
    err code = yaml_read((const char *)data, size, "recipe.yaml", &arena, &faults, &top);
    FUZZ_EXPECT(code == ERR_OK);
    if (top)
        FUZZ_EXPECT(count_nodes(top, 0) <= YAML_MAX_NODES);
    else
        FUZZ_EXPECT(faults.n > 0);
    for (int64_t i = 0; i < faults.n && i < RECIPE_FAULTS_MAX; i++)
        FUZZ_EXPECT(*faults.items[i].text);
    arena_release(&arena);
    fuzz_end(begun);
    return 0;
}
