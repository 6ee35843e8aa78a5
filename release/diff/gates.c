/* SPDX-License-Identifier: Apache-2.0
 * Gates of two releases: the conditions that only one had, and how far each that both had was held.
 *   {"added": [GATES], "removed": [GATES], "both": [{"gate", "a": SCORE AFTER, "b": likewise}]}
 * Read next: eval/gates.h. */
#include "release/diff.h"

static json_t *condition_of(const json_t *outcome) {
    return json_string(json_text_of(outcome, "gate"));
}

static err put_both(const json_t *both, json_t *out) {
    json_t *list = json_array(), *pair = NULL;
    size_t i = 0;
    TRY(json_put(out, "both", list));
    json_array_foreach(both, i, pair) {
        const json_t *a = json_array_get(pair, 0), *b = json_array_get(pair, 1);
        TRY(json_push(list, json_pack("{s:s, s:f, s:f}", "gate", json_text_of(b, "gate"), "a",
                                      json_number_value(json_object_get(a, "after")), "b",
                                      json_number_value(json_object_get(b, "after")))));
    }
    return ERR_OK;
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    struct diff_lists l;
    TRY(diff_lists(a->gates, b->gates, "gate", &l));
    err result = diff_put(out, out, "added", l.only_b, condition_of);
    if (result == ERR_OK) result = diff_put(out, out, "removed", l.only_a, condition_of);
    if (result == ERR_OK) result = put_both(l.both, out);
    diff_lists_release(&l);
    return result;
}

static err tell(const json_t *found, struct str *out) {
    static const char *const kinds[] = {"added", "removed"};
    const json_t *one = NULL;
    size_t i = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        json_array_foreach(json_object_get(found, kinds[k]), i, one)
            TRY(str_printf(out, "  %-8s %s\n", kinds[k], json_string_value(one)));
    json_array_foreach(json_object_get(found, "both"), i, one)
        TRY(str_printf(out, "  held by both: %s (%.4f, then %.4f)\n", json_text_of(one, "gate"),
                       json_number_value(json_object_get(one, "a")),
                       json_number_value(json_object_get(one, "b"))));
    return ERR_OK;
}

const struct diff_part diff_gates = {find, tell};
