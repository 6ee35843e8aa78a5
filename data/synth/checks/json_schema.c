/* SPDX-License-Identifier: Apache-2.0
 * The response is one JSON value and nothing else, valid by a schema. Duplicate keys are refused.
 * The schema is a file that the recipe names.
 * Read next: data/synth/schema.h for what a schema may hold. */
#include "data/synth/checks/check.h"
#include "data/synth/schema.h"

#include <string.h>

static void json_schema_close(void *state) {
    schema_free(state);
}

static err json_schema_open(const struct check_spec *spec, void **out) {
    json_t *value;
    struct schema *schema = NULL;
    if (!spec->path) return fail(ERR_MISSING, "the check 'json_schema' has no 'path'");
    TRY(json_parse_file(spec->path, &value));
    err e = schema_new(value, &schema);
    json_decref(value);
    *out = schema;
    return e == ERR_OK ? ERR_OK : fail_in(e, "'%s'", spec->path);
}

static err json_schema_test(const void *state, const struct check_row *row, struct str *why) {
    json_t *value;
    err e = json_parse(row->response, strlen(row->response), "the response", &value);
    if (e == ERR_PARSE) return str_add(why, err_message());
    TRY(e);
    e = schema_test(state, value, why);
    json_decref(value);
    return e;
}

const struct check check_json_schema = {
    .name = "json_schema",
    .summary = "the response is JSON, valid by a schema",
    .keys = "path",
    .open = json_schema_open,
    .close = json_schema_close,
    .test = json_schema_test,
};
