/* SPDX-License-Identifier: Apache-2.0
 * Files that count into the release hashes (manifest.json), and what of the chain is another.
 *   {"added": [PATHS], "removed": [PATHS], "changed": [PATHS], "same": N,
 *    "bytes": {"a": N, "b": N},                    of all of them
 *    "chain": [LINKS]}                             whose hashes differ: "base_model", ...
 * Read next: release/manifest.h. */
#include "release/diff.h"

static int64_t all_bytes(const json_t *files) {
    const json_t *one = NULL;
    int64_t sum = 0;
    size_t i = 0;
    json_array_foreach(files, i, one) sum += json_int_of(one, "bytes");
    return sum;
}

static json_t *path_of(const json_t *file) {
    return json_string(json_text_of(file, "path"));
}

static err put_chain(const json_t *a, const json_t *b, json_t *out) {
    json_t *list = json_array(), *hash = NULL;
    const char *link = NULL;
    TRY(json_put(out, "chain", list));
    json_object_foreach((json_t *)b, link, hash) if (!json_equal(hash, json_object_get(a, link)))
        TRY(json_push(list, json_string(link)));
    return json_array_size(list) > 0 ? diff_differs(out) : ERR_OK;
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    const json_t *was = json_object_get(a->manifest, "files");
    const json_t *is = json_object_get(b->manifest, "files");
    struct diff_lists l;
    TRY(diff_lists(was, is, "path", &l));
    err result = diff_put_lists(out, out, &l, path_of);
    diff_lists_release(&l);
    TRY(result);
    TRY(json_put(
        out, "bytes",
        json_pack("{s:I, s:I}", "a", (json_int_t)all_bytes(was), "b", (json_int_t)all_bytes(is))));
    return put_chain(json_object_get(a->manifest, "chain"), json_object_get(b->manifest, "chain"),
                     out);
}

static err tell_list(const json_t *found, const char *kind, struct str *out) {
    const json_t *list = json_object_get(found, kind), *one = NULL;
    size_t i = 0;
    if (json_array_size(list) == 0) return ERR_OK;
    TRY(str_printf(out, "  %s:", kind));
    json_array_foreach(list, i, one) TRY(str_printf(out, " %s", json_string_value(one)));
    return str_add(out, "\n");
}

static err tell(const json_t *found, struct str *out) {
    static const char *const kinds[] = {"added", "removed", "changed", "chain"};
    const json_t *bytes = json_object_get(found, "bytes");
    int64_t a = json_int_of(bytes, "a"), b = json_int_of(bytes, "b");
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        TRY(tell_list(found, kinds[k], out));
    return str_printf(out, "  bytes: %lld -> %lld (%+lld)\n", (long long)a, (long long)b,
                      (long long)(b - a));
}

const struct diff_part diff_files = {find, tell};
