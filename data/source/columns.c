/* SPDX-License-Identifier: Apache-2.0
 * Renaming the members of a record, in place and in the order of the mapping, so that a reader
 * never knows that a key had another name. The contract, and where such names come from, is
 * data/source/columns.h. */
#include "data/source/columns.h"
#include "base/mem.h"
#include <string.h>

/* "key: name" as two texts, from mem_alloc in one block. */
static err cut(const char *item, char **out_key, const char **out_name) {
    const char *colon = strchr(item, ':');
    *out_key = NULL;
    if (!colon || colon == item || colon[1 + strspn(colon + 1, " ")] == '\0')
        return fail(ERR_USAGE, "columns: '%s' is no 'key: name'", item);
    *out_key = mem_strdup(item);
    if (!*out_key) return ERR_MEMORY;
    (*out_key)[colon - item] = '\0';
    *out_name = *out_key + (colon - item) + 1;
    *out_name += strspn(*out_name, " ");
    return ERR_OK;
}

err columns_check(const struct opt_list *columns) {
    for (int64_t i = 0; columns && i < columns->n; i++) {
        char *key;
        const char *name;
        TRY(cut(columns->items[i], &key, &name));
        mem_free(key);
    }
    return ERR_OK;
}

static err rename_member(json_t *record, const char *key, const char *name) {
    json_t *value = json_object_get(record, name);
    if (!value || strcmp(key, name) == 0) return ERR_OK;
    if (json_object_get(record, key))
        return fail(ERR_PARSE, "both '%s' and '%s', which `columns` makes of '%s', are there", name,
                    key, name);
    TRY(json_put(record, key, json_incref(value)));
    return json_object_del(record, name) == 0 ? ERR_OK : ERR_MEMORY;
}

err columns_apply(const struct opt_list *columns, json_t *record) {
    for (int64_t i = 0; columns && i < columns->n; i++) {
        char *key;
        const char *name;
        TRY(cut(columns->items[i], &key, &name));
        err e = rename_member(record, key, name);
        mem_free(key);
        TRY(e);
    }
    return ERR_OK;
}
