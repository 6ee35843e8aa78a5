/* SPDX-License-Identifier: Apache-2.0
 * Requests of two releases: which are new, which are no more, and which say something else (their
 * hash is over scenario, capability and examples, release/manifest.h).
 *   {"added": [{"id", "scenario"}], "removed": likewise, "changed": likewise, "same": N} */
#include "release/diff.h"
#include <string.h>

static err put_ids(json_t *out, const char *key, const json_t *requests) {
    json_t *list = json_array(), *one = NULL;
    size_t i = 0;
    TRY(json_put(out, key, list));
    json_array_foreach(requests, i, one)
        TRY(json_push(list, json_pack("{s:s, s:s}", "id", json_text_of(one, "id"), "scenario",
                                      json_text_of(one, "scenario"))));
    return json_array_size(list) > 0 ? diff_differs(out) : ERR_OK;
}

/* Of pairs the later ones that are not what the earlier ones are. */
static err find_changed(const json_t *both, json_t *changed) {
    json_t *pair = NULL;
    size_t i = 0;
    json_array_foreach(both, i, pair) {
        json_t *a = json_array_get(pair, 0), *b = json_array_get(pair, 1);
        if (strcmp(json_text_of(a, "sha256"), json_text_of(b, "sha256")) != 0)
            TRY(json_push(changed, json_incref(b)));
    }
    return ERR_OK;
}

static err put_all(const struct diff_lists *l, json_t *changed, json_t *out) {
    if (changed == NULL) return fail(ERR_MEMORY, "out of memory for requests");
    TRY(put_ids(out, "added", l->only_b));
    TRY(put_ids(out, "removed", l->only_a));
    TRY(find_changed(l->both, changed));
    TRY(put_ids(out, "changed", changed));
    size_t same = json_array_size(l->both) - json_array_size(changed);
    return json_put(out, "same", json_integer((json_int_t)same));
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    struct diff_lists l;
    json_t *changed = json_array();
    err result = diff_lists(json_object_get(a->manifest, "requests"),
                            json_object_get(b->manifest, "requests"), "id", &l);
    if (result == ERR_OK) {
        result = put_all(&l, changed, out);
        diff_lists_release(&l);
    }
    json_decref(changed);
    return result;
}

static err tell(const json_t *found, struct str *out) {
    static const char *const kinds[] = {"added", "removed", "changed"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const json_t *one = NULL;
        size_t i = 0;
        json_array_foreach(json_object_get(found, kinds[k]), i, one)
            TRY(str_printf(out, "  %-8s %s  %s\n", kinds[k], json_text_of(one, "id"),
                           json_text_of(one, "scenario")));
    }
    return ERR_OK;
}

const struct diff_part diff_requests = {find, tell};
