/* SPDX-License-Identifier: Apache-2.0
 * Requests of two releases: which are new, which are no more, and which say something else (their
 * hash is over scenario, capability and examples, release/manifest.h).
 *   {"added": [{"id", "scenario"}], "removed": likewise, "changed": likewise, "same": N} */
#include "release/diff.h"

static json_t *name_of(const json_t *request) {
    return json_pack("{s:s, s:s}", "id", json_text_of(request, "id"), "scenario",
                     json_text_of(request, "scenario"));
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    struct diff_lists l;
    TRY(diff_lists(json_object_get(a->manifest, "requests"),
                   json_object_get(b->manifest, "requests"), "id", &l));
    err result = diff_put_lists(out, out, &l, name_of);
    diff_lists_release(&l);
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
