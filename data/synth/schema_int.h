/* SPDX-License-Identifier: Apache-2.0
 * What data/synth/schema.c (reading, testing) and data/synth/schema_words.c (the keywords) share:
 * a schema that was read, a value being tested, and a keyword's row.
 * Read next: data/synth/schema.h. */
#ifndef COTRAIN_DATA_SYNTH_SCHEMA_INT_H
#define COTRAIN_DATA_SYNTH_SCHEMA_INT_H

#include "data/synth/schema.h"
#include "data/text/regex.h"
#include <stdarg.h>

enum { SCHEMA_DEPTH_MAX = 256 };

/* What a keyword's value must be. */
enum schema_kind {
    SCHEMA_ANY,
    SCHEMA_ONE, /* a schema */
    SCHEMA_LIST,
    SCHEMA_MAP,
    SCHEMA_PATTERN_MAP, /* whose keys are patterns */
    SCHEMA_TYPE,
    SCHEMA_VALUES,
    SCHEMA_TEXTS,
    SCHEMA_TEXTS_MAP,
    SCHEMA_COUNT,
    SCHEMA_NUMBER,
    SCHEMA_POSITIVE,
    SCHEMA_BOOL,
    SCHEMA_PATTERN,
    SCHEMA_REFERENCE
};

struct schema {
    json_t *top;
    const json_t **seen; /* schemas that were read */
    int64_t n_seen;
    struct schema_pattern {
        const char *text; /* in `top` */
        struct regex *regex;
    } * patterns;
    int64_t n_patterns;
};

/* A value being tested. */
struct schema_test {
    const struct schema *s;
    struct str *why; /* NULL: nobody asks */
    struct str at;   /* place in the value */
    int depth;
    bool failed;
};
struct schema_call {
    const struct schema_word *word;
    const json_t *schema; /* that the keyword stands in */
    const json_t *wanted; /* the keyword's value */
    const json_t *value;  /* being tested */
};
struct schema_word {
    const char *name;
    enum schema_kind kind;
    err (*test)(struct schema_test *t, const struct schema_call *c); /* NULL: says nothing alone */
};
const struct schema_word *schema_word_find(const char *name);
bool schema_is_type(const char *name);

const struct regex *schema_pattern(const struct schema *s, const char *text);
MUST_CHECK err schema_refer(const struct schema *s, const char *reference, const json_t **out);
/* Notes that the value is not valid, and why. */
MUST_CHECK err schema_fault(struct schema_test *t, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_CHECK err schema_test_value(struct schema_test *t, const json_t *schema, const json_t *value);
/* The same of a part of the value, `step` further down (NULL: the value itself). */
MUST_CHECK err schema_test_part(struct schema_test *t, const json_t *schema, const json_t *value,
                                const char *step);
/* Whether it is valid, without noting anything. */
MUST_CHECK err schema_holds(struct schema_test *t, const json_t *schema, const json_t *value,
                            bool *out);

#endif
