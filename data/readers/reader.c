/* SPDX-License-Identifier: Apache-2.0
 * The table of readers, made from data/readers/readers.def, and what readers of JSON records
 * share: fetching a member that must be a text, with an error that names the key. The contract
 * is data/readers/reader.h. */
#include "data/readers/reader.h"
#include <string.h>

const struct reader *const readers[] = {
#define READER(name, word, where) &reader_##name,
#include "data/readers/readers.def"
#undef READER
};
const int n_readers = sizeof readers / sizeof readers[0];

const struct reader *reader_find(const char *name) {
    for (int i = 0; i < n_readers; i++)
        if (strcmp(readers[i]->name, name) == 0) return readers[i];
    return NULL;
}

err record_text(const json_t *record, const char *key, struct span *out) {
    const json_t *value = json_object_get(record, key);
    *out = (struct span){NULL, 0};
    if (!value || json_is_null(value)) return ERR_OK;
    if (!json_is_string(value)) return fail(ERR_PARSE, "'%s' is not a string", key);
    *out = (struct span){json_string_value(value), json_string_length(value)};
    return ERR_OK;
}

err record_need_text(const json_t *record, const char *key, struct span *out) {
    TRY(record_text(record, key, out));
    return out->text ? ERR_OK : fail(ERR_PARSE, "'%s' is missing", key);
}
