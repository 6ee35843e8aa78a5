/* SPDX-License-Identifier: Apache-2.0
 * Pairing of items (eval/pairs.h). The key of an item's n-th copy is what the item is known by, and
 * n, so that copies are told apart by nothing but their order.
 * Read next: eval/compare.c. */
#include "eval/pairs.h"

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

/* What an item is known by; the same text for the same item. */
static err item_key(const json_t *item, struct str *out) {
    json_t *key = json_array();
    if (key == NULL) return fail(ERR_MEMORY, "out of memory for an item");
    err result = add_names(item, key);
    if (result == ERR_OK) result = json_text(key, 0, out);
    json_decref(key);
    return result;
}

/* The key of an item's next copy: "KEY 0", "KEY 1". `seen` counts them. */
static err copy_key(const json_t *item, json_t *seen, struct str *out) {
    TRY(item_key(item, out));
    json_int_t n = json_integer_value(json_object_get(seen, str_text(out)));
    TRY(json_put(seen, str_text(out), json_integer(n + 1)));
    return str_printf(out, " %lld", (long long)n);
}

err item_index_init(struct item_index *index) {
    *index = (struct item_index){
        .places = json_object(), .added = json_object(), .found = json_object()};
    if (index->places != NULL && index->added != NULL && index->found != NULL) return ERR_OK;
    return fail(ERR_MEMORY, "out of memory for pairs of items");
}

err item_index_add(struct item_index *index, const json_t *item) {
    struct str key = {0};
    err result = copy_key(item, index->added, &key);
    if (result == ERR_OK)
        result = json_put(index->places, str_text(&key), json_integer(index->n_added));
    str_release(&key);
    index->n_added += result == ERR_OK;
    return result;
}

err item_index_find(struct item_index *index, const json_t *item, int64_t *out_place) {
    struct str key = {0};
    err result = copy_key(item, index->found, &key);
    const json_t *place = NULL;
    if (result == ERR_OK) place = json_object_get(index->places, str_text(&key));
    *out_place = place != NULL ? json_integer_value(place) : -1;
    index->n_found += place != NULL;
    str_release(&key);
    return result;
}

void item_index_release(struct item_index *index) {
    json_decref(index->places);
    json_decref(index->added);
    json_decref(index->found);
    *index = (struct item_index){.places = NULL};
}

static bool wanted(const json_t *item, const char *request) {
    return request == NULL || strcmp(json_text_of(item, "request"), request) == 0;
}

static void count_pair(const json_t *a, const json_t *b, struct item_pairs *p) {
    int was = item_verdict(a), is = item_verdict(b);
    if (was < 0 || is < 0) {
        p->unjudged++;
        return;
    }
    p->n++;
    p->won += is > was;
    p->lost += is < was;
}

/* Every item of a is added, so that its place is that in the list. */
static err count_all(const json_t *a, const json_t *b, const char *request,
                     struct item_index *index, struct item_pairs *p) {
    int64_t n_wanted = 0, place = 0;
    for (size_t i = 0; i < json_array_size(a); i++) {
        n_wanted += wanted(json_array_get(a, i), request);
        TRY(item_index_add(index, json_array_get(a, i)));
    }
    for (size_t i = 0; i < json_array_size(b); i++) {
        const json_t *item = json_array_get(b, i);
        if (!wanted(item, request)) continue;
        TRY(item_index_find(index, item, &place));
        if (place < 0)
            p->only_b++;
        else
            count_pair(json_array_get(a, (size_t)place), item, p);
    }
    p->only_a = n_wanted - index->n_found;
    return ERR_OK;
}

err item_pairs_count(const json_t *a, const json_t *b, const char *request,
                     struct item_pairs *out) {
    struct item_index index;
    *out = (struct item_pairs){.n = 0};
    err result = item_index_init(&index);
    if (result == ERR_OK) result = count_all(a, b, request, &index, out);
    item_index_release(&index);
    return result;
}
