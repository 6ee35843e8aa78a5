/* SPDX-License-Identifier: Apache-2.0
 * Keys of two resolved recipes, defaults included. What requests say is compared elsewhere
 * (release/diff/requests.c), and so is not looked at here.
 *   {"keys": [{"key": "train.learning_rate", "a": TEXT or null, "b": likewise}]}
 * A list or map that only one side has is one key, its value as compact JSON; items of lists count
 * from 0. */
#include "base/mem.h"
#include "release/diff.h"
#include <string.h>

struct walk {
    json_t *out, *keys;
    struct str path;
};

static err value_text(const json_t *value, json_t **out) {
    struct str text = {0};
    err result = ERR_OK;
    if (json_is_string(value))
        result = str_add(&text, json_string_value(value));
    else if (value != NULL && !json_is_null(value))
        result = json_text(value, 0, &text);
    *out = NULL;
    if (result == ERR_OK) {
        *out = value == NULL || json_is_null(value) ? json_null() : json_string(str_text(&text));
        if (*out == NULL) result = fail(ERR_MEMORY, "out of memory for a key");
    }
    str_release(&text);
    return result;
}

static err add_key(struct walk *w, const json_t *a, const json_t *b) {
    json_t *was = NULL, *is = NULL, *row = json_object();
    TRY(json_push(w->keys, row));
    TRY(diff_differs(w->out));
    TRY(json_put(row, "key", json_string(str_text(&w->path))));
    TRY(value_text(a, &was));
    TRY(json_put(row, "a", was));
    TRY(value_text(b, &is));
    return json_put(row, "b", is);
}

static err walk(struct walk *w, const json_t *a, const json_t *b);

static err walk_member(struct walk *w, const char *key, const json_t *a, const json_t *b) {
    size_t len = w->path.len;
    if (len == 0 && strcmp(key, "requests") == 0) return ERR_OK;
    TRY(str_printf(&w->path, "%s%s", len > 0 ? "." : "", key));
    err result = walk(w, a, b);
    w->path.len = len;
    w->path.data[len] = '\0';
    return result;
}

static err walk_map(struct walk *w, const json_t *a, const json_t *b) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)a, key, value)
        TRY(walk_member(w, key, value, json_object_get(b, key)));
    json_object_foreach((json_t *)b, key, value) if (json_object_get(a, key) == NULL)
        TRY(walk_member(w, key, NULL, value));
    return ERR_OK;
}

static err walk_list(struct walk *w, const json_t *a, const json_t *b) {
    size_t n_a = json_array_size(a), n_b = json_array_size(b);
    for (size_t i = 0; i < (n_a > n_b ? n_a : n_b); i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        TRY(walk_member(w, key, json_array_get(a, i), json_array_get(b, i)));
    }
    return ERR_OK;
}

static err walk(struct walk *w, const json_t *a, const json_t *b) {
    if (json_is_object(a) && json_is_object(b)) return walk_map(w, a, b);
    if (json_is_array(a) && json_is_array(b)) return walk_list(w, a, b);
    if (a != NULL && b != NULL && json_equal(a, b)) return ERR_OK;
    return add_key(w, a, b);
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    struct walk w = {.out = out, .keys = json_array()};
    TRY(json_put(out, "keys", w.keys));
    err result = walk(&w, a->recipe, b->recipe);
    str_release(&w.path);
    return result;
}

static err tell_value(const json_t *row, const char *side, struct str *out) {
    const json_t *value = json_object_get(row, side);
    return str_add(out, json_is_string(value) ? json_string_value(value) : "(none)");
}

static err tell(const json_t *found, struct str *out) {
    const json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(found, "keys"), i, row) {
        TRY(str_printf(out, "  %s: ", json_text_of(row, "key")));
        TRY(tell_value(row, "a", out));
        TRY(str_add(out, " -> "));
        TRY(tell_value(row, "b", out));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

const struct diff_part diff_recipe = {find, tell};
