/* SPDX-License-Identifier: Apache-2.0
 * The rows that two releases were trained on, by their datasets' manifests: how many of each
 * request, which sources came, went or have other rows, and what filters dropped.
 *   {"training": [{"name": "rows", "a": N, "b": N}],     what differs of rows, tokens,
 *                                                        answer_tokens
 *    "groups": [{"name": REQUEST, "a": N, "b": N}],      rows trained on, where they differ
 *    "filters": [{"name": FILTER, "a": N, "b": N}],      samples dropped, where they differ
 *    "sources": {"added": [NAMES], "removed": [NAMES], "changed": [NAMES], "same": N}} */
#include "release/diff.h"

static err put_training(const json_t *a, const json_t *b, json_t *out) {
    static const char *const counts[] = {"rows", "tokens", "answer_tokens"};
    const json_t *was = json_array_get(json_object_get(a, "splits"), 0);
    const json_t *is = json_array_get(json_object_get(b, "splits"), 0);
    json_t *list = json_array();
    TRY(json_put(out, "training", list));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        TRY(diff_count(out, list, counts[i], json_int_of(was, counts[i]),
                       json_int_of(is, counts[i])));
    return ERR_OK;
}

/* Sums per name, in the order of their first sight. */
static err add_to(json_t *sums, const char *name, int64_t n) {
    return json_put(sums, name, json_integer((json_int_t)(n + json_int_of(sums, name))));
}

static err sum_groups(const json_t *data, json_t *sums) {
    const json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(data, "groups"), i, one) TRY(add_to(
        sums, json_text_of(one, "name"), json_int_of(json_object_get(one, "train"), "rows")));
    return ERR_OK;
}

static err sum_filters(const json_t *data, json_t *sums) {
    const json_t *filter = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(data, "filters"), i, filter)
        TRY(add_to(sums, json_text_of(filter, "name"), json_int_of(filter, "dropped")));
    return ERR_OK;
}

static err put_counts(const json_t *was, const json_t *is, json_t *out, json_t *list) {
    const char *name = NULL;
    json_t *n = NULL;
    json_object_foreach((json_t *)was, name, n)
        TRY(diff_count(out, list, name, json_integer_value(n), json_int_of(is, name)));
    json_object_foreach((json_t *)is, name, n) if (json_object_get(was, name) == NULL)
        TRY(diff_count(out, list, name, 0, json_integer_value(n)));
    return ERR_OK;
}

static err put_sums(const struct diff_side *a, const struct diff_side *b, const char *key,
                    err (*sum)(const json_t *data, json_t *sums), json_t *out) {
    json_t *was = json_object(), *is = json_object(), *list = json_array();
    err result = json_put(out, key, list);
    if (result == ERR_OK && (was == NULL || is == NULL))
        result = fail(ERR_MEMORY, "out of memory for %s", key);
    if (result == ERR_OK) result = sum(a->data, was);
    if (result == ERR_OK) result = sum(b->data, is);
    if (result == ERR_OK) result = put_counts(was, is, out, list);
    json_decref(was);
    json_decref(is);
    return result;
}

/* Examples of all requests share one name, so a source is known by its request, too. */
static err name_of(const json_t *source, struct str *out) {
    const char *request = json_text_of(source, "request");
    return str_printf(out, "%s%s%s", json_text_of(source, "name"), request[0] != '\0' ? " of " : "",
                      request);
}

static err named_sources(const json_t *data, json_t **out) {
    json_t *list = json_array(), *one = NULL;
    struct str name = {0};
    size_t i = 0;
    err result = list != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for sources");
    json_array_foreach(json_object_get(data, "sources"), i, one) {
        if (result != ERR_OK) break;
        str_clear(&name);
        result = name_of(one, &name);
        if (result == ERR_OK)
            result = json_push(list, json_pack("{s:s, s:s}", "name", str_text(&name), "sha256",
                                               json_text_of(one, "sha256")));
    }
    str_release(&name);
    *out = list;
    return result;
}

static json_t *source_name(const json_t *source) {
    return json_string(json_text_of(source, "name"));
}

static err put_sources(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    json_t *found = json_object(), *was = NULL, *is = NULL;
    struct diff_lists l = {0};
    TRY(json_put(out, "sources", found));
    err result = named_sources(a->data, &was);
    if (result == ERR_OK) result = named_sources(b->data, &is);
    if (result == ERR_OK) result = diff_lists(was, is, "name", &l);
    if (result == ERR_OK) result = diff_put_lists(out, found, &l, source_name);
    diff_lists_release(&l);
    json_decref(was);
    json_decref(is);
    return result;
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    TRY(put_training(a->data, b->data, out));
    TRY(put_sums(a, b, "groups", sum_groups, out));
    TRY(put_sums(a, b, "filters", sum_filters, out));
    return put_sources(a, b, out);
}

static err tell_counts(const json_t *list, const char *what, struct str *out) {
    const json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(list, i, row) {
        int64_t a = json_int_of(row, "a"), b = json_int_of(row, "b");
        TRY(str_printf(out, "  %s%s: %lld -> %lld (%+lld)\n", what, json_text_of(row, "name"),
                       (long long)a, (long long)b, (long long)(b - a)));
    }
    return ERR_OK;
}

static err tell(const json_t *found, struct str *out) {
    static const char *const kinds[] = {"added", "removed", "changed"};
    const json_t *sources = json_object_get(found, "sources"), *name = NULL;
    size_t i = 0;
    TRY(tell_counts(json_object_get(found, "training"), "", out));
    TRY(tell_counts(json_object_get(found, "groups"), "rows of ", out));
    TRY(tell_counts(json_object_get(found, "filters"), "dropped by ", out));
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        json_array_foreach(json_object_get(sources, kinds[k]), i, name)
            TRY(str_printf(out, "  source %s: %s\n", kinds[k], json_string_value(name)));
    return ERR_OK;
}

const struct diff_part diff_data = {find, tell};
