/* SPDX-License-Identifier: Apache-2.0
 * JSON: jansson, plus what this project needs around it. The json_t functions are jansson's own and
 * are used directly; this header is the only place that includes them. Memory goes through
 * base/mem. Read next: base/str.h, into which texts are written. */
#ifndef COTRAIN_BASE_JSON_H
#define COTRAIN_BASE_JSON_H

#include "base/err.h"
#include "base/str.h"
#include <jansson.h>

/* Parses whole texts; duplicate keys and trailing bytes are refused. `where` names the source in
 * the error, which has line and column; NULL: the caller names a line, and the error has its
 * column. A whole number of more than 19 digits is read as a real one. A string may hold NUL
 * (json_string_length decides). The caller json_decref()s. */
MUST_CHECK err json_parse(const char *text, size_t n, const char *where, json_t **out);
MUST_CHECK err json_parse_file(const char *path, json_t **out);
/* One or several values, one after the other (JSON Lines, what programs append page by page), into
 * a new list. The text is a stranger's and need not be clean: bytes that are no UTF-8, NUL and
 * halves of surrogate pairs come out as U+FFFD. The caller json_decref()s. */
MUST_CHECK err json_parse_all(const char *text, size_t n, const char *where, json_t **out);
/* Deterministic text: keys in insertion order (or sorted), UTF-8 kept; indented by two with a final
 * newline when `pretty`. Doubles are written with 17 significant digits. */
MUST_CHECK err json_text(const json_t *value, int flags, struct str *out);
enum { JSON_TEXT_PRETTY = 1, JSON_TEXT_SORTED = 2 };
/* Appends a text as a JSON string, which YAML reads as one of its own; bytes that are no UTF-8 come
 * out as U+FFFD. */
MUST_CHECK err json_quote(struct str *out, const char *text);
/* Atomic write of json_text(PRETTY), piece by piece: no text of all of it is held. */
MUST_CHECK err json_write_file(const char *path, const json_t *value);

/* Members of an object by name and type; an absent or wrong-typed one is ERR_PARSE naming it; so is
 * a string with NUL in it. */
MUST_CHECK err json_need_string(const json_t *object, const char *key, const char **out);
MUST_CHECK err json_need_int(const json_t *object, const char *key, int64_t *out);
MUST_CHECK err json_need_number(const json_t *object, const char *key, double *out);
MUST_CHECK err json_need_array(const json_t *object, const char *key, json_t **out);
MUST_CHECK err json_need_object(const json_t *object, const char *key, json_t **out);
/* A text that may be absent: "" where it is, or is no text. */
const char *json_text_of(const json_t *object, const char *key);
/* A whole number that may be absent: 0 where it is, or is none. */
int64_t json_int_of(const json_t *object, const char *key);
/* A new text, or a new null for NULL; NULL: out of memory. */
json_t *json_text_or_null(const char *text);
/* A new object with the same members, which both then refer to (json_copy would leave out what
 * there is no memory for). The caller json_decref()s. */
MUST_CHECK err json_copy_members(const json_t *object, json_t **out);
/* Sets a member and takes over the value's reference; NULL or failure is ERR_MEMORY. */
MUST_CHECK err json_put(json_t *object, const char *key, json_t *value);
MUST_CHECK err json_push(json_t *array, json_t *value);

#endif
