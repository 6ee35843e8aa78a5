/* SPDX-License-Identifier: Apache-2.0
 * YAML as recipes use it: maps, lists and texts, each with its place. Values stay texts, because
 * their types come from option tables and not from YAML's guesses (`no`, `2024-03`, `1e5` are what
 * is written). Refused with their places: duplicate keys, anchors, aliases, tags, merge keys,
 * several documents, keys that are no plain texts, invalid UTF-8, NUL, too much depth or size. */
#ifndef COTRAIN_RECIPES_YAML_H
#define COTRAIN_RECIPES_YAML_H

#include "base/json.h"
#include "recipes/faults.h"
#include <stdbool.h>

enum { YAML_MAX_BYTES = 4 << 20, YAML_MAX_DEPTH = 24, YAML_MAX_NODES = 200000 };

enum node_kind {
    NODE_NONE, /* no value: `key:`, `null` or `~` */
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP,
    NODE_BROKEN, /* its fault is recorded already; readers pass over it */
};

struct recipe_node {
    enum node_kind kind;
    const char *key;  /* within a map, else NULL */
    const char *text; /* NODE_TEXT */
    struct recipe_place key_place, place;
    struct recipe_node *first, *last, *next; /* parts of a list or map, in order; next sibling */
    int64_t n;                               /* parts */
};

/* Reads `text` (n bytes) that `place.file` names. `*out` is the top node, or NULL when nothing
 * usable was found; then at least one fault is recorded. Fails only for want of memory. */
MUST_CHECK err yaml_read(const char *text, size_t n, const char *file, struct arena *a,
                         struct recipe_faults *faults, struct recipe_node **out);
/* The part of a map with that key, or NULL. */
struct recipe_node *node_find(const struct recipe_node *map, const char *key);
/* Puts `part` behind the last part of a list or map. */
void node_add(struct recipe_node *to, struct recipe_node *part);
/* "a mapping", "a list", ... for messages. */
const char *node_kind_text(const struct recipe_node *node);
/* The tree as JSON: maps, lists and texts, none as null (a broken one too: its fault is recorded).
 * For readers without a schema; every value is still a text. The caller json_decref()s. */
MUST_CHECK err yaml_tree_json(const struct recipe_node *node, json_t **out);
/* A whole file likewise; any fault, and a top that is no map, is an error that names `name`. */
MUST_CHECK err yaml_file_json(const char *path, const char *name, json_t **out);
/* Version of the library behind it. */
const char *yaml_library(void);

#endif
