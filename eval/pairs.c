/* SPDX-License-Identifier: Apache-2.0
 * Pairing of items (eval/pairs.h): the first list is looked up by key. A list may hold an item
 * twice (two cases that are the same); the second one then pairs with the second one.
 * Read next: eval/compare.c. */
#include "eval/pairs.h"

#include "base/mem.h"
#include <string.h>

static const char *const names[] = {"item",          "task_id",  "gold",
                                    "request",       "sample",   "prompt",
                                    "prompt_sha256", "expected", "expected_sha256"};

int item_verdict(const json_t *item) {
    const json_t *is = json_object_get(item, "correct");
    if (is == NULL) is = json_object_get(item, "exact");
    return json_is_boolean(is) ? json_is_true(is) : -1;
}

bool item_same(const json_t *a, const json_t *b) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);
        if (x != y && !json_equal(x, y)) return false;
    }
    return true;
}

static err add_names(const json_t *item, json_t *to) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(item, names[i]);
        TRY(json_push(to, value != NULL ? json_incref(value) : json_null()));
    }
    return ERR_OK;
}

err item_key(const json_t *item, struct str *out) {
    json_t *key = json_array();
    if (key == NULL) return fail(ERR_MEMORY, "out of memory for an item");
    err result = add_names(item, key);
    if (result == ERR_OK) result = json_text(key, 0, out);
    json_decref(key);
    return result;
}

/* The key of the occurrence: "KEY 0", "KEY 1". `seen` counts them. */
static err numbered_key(const json_t *item, json_t *seen, struct str *out) {
    str_clear(out);
    TRY(item_key(item, out));
    json_int_t n = json_integer_value(json_object_get(seen, str_text(out)));
    TRY(json_put(seen, str_text(out), json_integer(n + 1)));
    return str_printf(out, " %lld", (long long)n);
}

static bool wanted(const json_t *item, const char *request) {
    return request == NULL || strcmp(json_text_of(item, "request"), request) == 0;
}

static err index_items(const json_t *items, const char *request, json_t *seen, json_t *index) {
    struct str key = {0};
    err result = ERR_OK;
    for (size_t i = 0; i < json_array_size(items) && result == ERR_OK; i++) {
        json_t *item = json_array_get(items, i);
        if (!wanted(item, request)) continue;
        result = numbered_key(item, seen, &key);
        if (result == ERR_OK) result = json_put(index, str_text(&key), json_incref(item));
    }
    str_release(&key);
    return result;
}

static void count_pair(const json_t *a, const json_t *b, struct item_pairs *p) {
    int was = item_verdict(a), is = item_verdict(b);
    if (was < 0 || is < 0) {
        p->unjudged++;
        return;
    }
    p->right_a += was;
    p->right_b += is;
    p->won += is > was;
    p->lost += is < was;
    p->differences[p->n++] = (int8_t)(is - was);
}

static err count_all(const json_t *b, const char *request, json_t *seen, json_t *index,
                     struct item_pairs *p) {
    struct str key = {0};
    err result = ERR_OK;
    for (size_t i = 0; i < json_array_size(b) && result == ERR_OK; i++) {
        const json_t *item = json_array_get(b, i), *other = NULL;
        if (!wanted(item, request)) continue;
        result = numbered_key(item, seen, &key);
        if (result != ERR_OK) break;
        other = json_object_get(index, str_text(&key));
        if (other != NULL)
            count_pair(other, item, p);
        else
            p->only_b++;
    }
    str_release(&key);
    return result;
}

err item_pairs_count(const json_t *a, const json_t *b, const char *request,
                     struct item_pairs *out) {
    json_t *index = json_object(), *seen_a = json_object(), *seen_b = json_object();
    *out = (struct item_pairs){.n = 0};
    out->differences = mem_zalloc(json_array_size(b) + 1, sizeof *out->differences);
    err result = out->differences == NULL ? ERR_MEMORY : ERR_OK;
    if (result == ERR_OK && (index == NULL || seen_a == NULL || seen_b == NULL))
        result = fail(ERR_MEMORY, "out of memory for pairs of items");
    if (result == ERR_OK) result = index_items(a, request, seen_a, index);
    if (result == ERR_OK) result = count_all(b, request, seen_b, index, out);
    if (result == ERR_OK) out->only_a = (int64_t)json_object_size(index) - out->n - out->unjudged;
    json_decref(index);
    json_decref(seen_a);
    json_decref(seen_b);
    return result;
}

void item_pairs_release(struct item_pairs *p) {
    mem_free(p->differences);
    p->differences = NULL;
}
