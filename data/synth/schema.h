/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema (draft 2020-12), the part that says what a value may be: data/synth/schema_words.c
 * has the table of keywords. One that is not in it is refused by name when the schema is read,
 * never passed over; so are references that leave the file. `format` asserts nothing in that draft
 * and is refused too. Regular expressions are PCRE2's (data/text/regex.h).
 * Read next: data/synth/checks/json_schema.c. */
#ifndef COTRAIN_DATA_SYNTH_SCHEMA_H
#define COTRAIN_DATA_SYNTH_SCHEMA_H

#include "base/json.h"
#include <stdbool.h>

struct schema;
/* Keeps a reference to `value`. ERR_UNSUPPORTED names an unknown keyword, ERR_PARSE a keyword's
 * wrong value, each with its place in the schema. */
MUST_CHECK err schema_new(json_t *value, struct schema **out);
void schema_free(struct schema *s); /* NULL is fine */
/* Appends to `why` what is wrong with the value first, and where; nothing: it is valid. Several
 * threads may test with one schema. */
MUST_CHECK err schema_test(const struct schema *s, const json_t *value, struct str *why);

#endif
