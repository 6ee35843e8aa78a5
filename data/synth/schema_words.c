/* SPDX-License-Identifier: Apache-2.0
 * The keywords of JSON Schema that are handled, one row each, and what each asks of a value. A
 * keyword about another type of value than the one at hand asks nothing.
 * Source: JSON Schema draft 2020-12, core and validation vocabularies.
 * Read next: data/synth/schema_int.h. */
#include "data/synth/schema_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef const struct schema_call *call;

/* 1 and 1.0 are the same number. */
static bool same(const json_t *a, const json_t *b) {
    const char *key;
    const json_t *item;
    size_t i;
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (json_is_number(a) && json_is_number(b))
        return !(json_number_value(a) < json_number_value(b)) &&
               !(json_number_value(a) > json_number_value(b));
    if (json_typeof(a) != json_typeof(b)) return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b)) return false;
        json_array_foreach(a, i, item) if (!same(item, json_array_get(b, i))) return false;
        return true;
    }
    if (!json_is_object(a)) return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach((json_t *)a, key, item) {
        const json_t *other = json_object_get(b, key);
        if (!other || !same(item, other)) return false;
    }
    return true;
}

/* ---- any value ---- */

static const char *const type_names[] = {"array",  "boolean", "integer", "null",
                                         "number", "object",  "string"};

bool schema_is_type(const char *name) {
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++)
        if (strcmp(type_names[i], name) == 0) return true;
    return false;
}

static bool is_of_type(const json_t *value, const char *name) {
    switch (json_typeof(value)) {
    case JSON_ARRAY: return strcmp(name, "array") == 0;
    case JSON_OBJECT: return strcmp(name, "object") == 0;
    case JSON_STRING: return strcmp(name, "string") == 0;
    case JSON_NULL: return strcmp(name, "null") == 0;
    case JSON_TRUE:
    case JSON_FALSE: return strcmp(name, "boolean") == 0;
    case JSON_INTEGER: return strcmp(name, "integer") == 0 || strcmp(name, "number") == 0;
    case JSON_REAL: {
        double number = json_real_value(value), whole;
        if (strcmp(name, "number") == 0) return true;
        return strcmp(name, "integer") == 0 && fpclassify(modf(number, &whole)) == FP_ZERO;
    }
    }
    return false;
}

static err test_type(struct schema_test *t, call c) {
    size_t i;
    const json_t *item;
    struct str names = {0};
    if (json_is_string(c->wanted)) {
        if (is_of_type(c->value, json_string_value(c->wanted))) return ERR_OK;
        return schema_fault(t, "a value of type %s is wanted", json_string_value(c->wanted));
    }
    json_array_foreach(c->wanted, i, item) {
        if (is_of_type(c->value, json_string_value(item))) return ERR_OK;
    }
    err e = ERR_OK;
    for (i = 0; i < json_array_size(c->wanted) && e == ERR_OK; i++)
        e = str_printf(&names, "%s%s", i ? " or " : "",
                       json_string_value(json_array_get(c->wanted, i)));
    if (e == ERR_OK) e = schema_fault(t, "a value of type %s is wanted", str_text(&names));
    str_release(&names);
    return e;
}

static err fault_values(struct schema_test *t, const json_t *wanted, const char *what) {
    struct str text = {0};
    err e = t->why ? json_text(wanted, 0, &text) : ERR_OK;
    if (e == ERR_OK) e = schema_fault(t, "%s %s", what, str_text(&text));
    str_release(&text);
    return e;
}

static err test_enum(struct schema_test *t, call c) {
    size_t i;
    const json_t *item;
    json_array_foreach(c->wanted, i, item) if (same(item, c->value)) return ERR_OK;
    return fault_values(t, c->wanted, "the value is none of");
}

static err test_const(struct schema_test *t, call c) {
    return same(c->wanted, c->value) ? ERR_OK : fault_values(t, c->wanted, "the value is not");
}

/* ---- numbers ---- */

static err test_number(struct schema_test *t, call c) {
    const char *name = c->word->name;
    if (!json_is_number(c->value)) return ERR_OK;
    double value = json_number_value(c->value), wanted = json_number_value(c->wanted);
    bool good = strcmp(name, "minimum") == 0            ? value >= wanted
                : strcmp(name, "maximum") == 0          ? value <= wanted
                : strcmp(name, "exclusiveMinimum") == 0 ? value > wanted
                                                        : value < wanted;
    return good ? ERR_OK : schema_fault(t, "%.17g is against %s %.17g", value, name, wanted);
}

/* Decimal fractions are no binary ones: the quotient may be off by the rounding of two numbers and
 * of itself, 3 * 2^-53 of it. */
static err test_multiple(struct schema_test *t, call c) {
    if (!json_is_number(c->value)) return ERR_OK;
    bool good;
    if (json_is_integer(c->value) && json_is_integer(c->wanted)) {
        good = json_integer_value(c->value) % json_integer_value(c->wanted) == 0;
    } else {
        double quotient = json_number_value(c->value) / json_number_value(c->wanted);
        good =
            isfinite(quotient) && fabs(quotient - round(quotient)) <= fabs(quotient) * 3 * 0x1p-53;
    }
    return good ? ERR_OK
                : schema_fault(t, "%.17g is no multiple of %.17g", json_number_value(c->value),
                               json_number_value(c->wanted));
}

/* ---- sizes ---- */

/* minX and maxX of a size. */
static err test_size(struct schema_test *t, call c, double size, const char *what) {
    bool least = c->word->name[1] == 'i';
    double wanted = json_number_value(c->wanted);
    if (least ? size >= wanted : size <= wanted) return ERR_OK;
    return schema_fault(t, "%.0f %s, and %s %.0f are wanted", size, what,
                        least ? "at least" : "at most", wanted);
}

static err test_length(struct schema_test *t, call c) {
    if (!json_is_string(c->value)) return ERR_OK;
    int64_t n = utf8_count(json_string_value(c->value), json_string_length(c->value));
    return test_size(t, c, (double)n, "characters");
}

static err test_items_size(struct schema_test *t, call c) {
    if (!json_is_array(c->value)) return ERR_OK;
    return test_size(t, c, (double)json_array_size(c->value), "items");
}

static err test_members_size(struct schema_test *t, call c) {
    if (!json_is_object(c->value)) return ERR_OK;
    return test_size(t, c, (double)json_object_size(c->value), "members");
}

/* ---- texts ---- */

static err matches(struct schema_test *t, const char *pattern, const char *text, size_t n,
                   bool *out) {
    struct regex_match match;
    err e = regex_find(schema_pattern(t->s, pattern), text, n, 0, &match);
    *out = e == ERR_OK && match.n_groups > 0;
    if (e == ERR_LIMIT || e == ERR_PARSE) return schema_fault(t, "%s", err_message());
    return e;
}

static err test_pattern(struct schema_test *t, call c) {
    const char *pattern = json_string_value(c->wanted);
    bool found;
    if (!json_is_string(c->value)) return ERR_OK;
    TRY(matches(t, pattern, json_string_value(c->value), json_string_length(c->value), &found));
    return found || t->failed ? ERR_OK
                              : schema_fault(t, "the text does not match the pattern %s", pattern);
}

/* ---- lists ---- */

static err test_item(struct schema_test *t, const json_t *schema, const json_t *list, size_t i) {
    char step[24];
    snprintf(step, sizeof step, "%zu", i);
    return schema_test_part(t, schema, json_array_get(list, i), step);
}

static err test_prefix_items(struct schema_test *t, call c) {
    for (size_t i = 0; i < json_array_size(c->wanted) && i < json_array_size(c->value); i++)
        TRY(test_item(t, json_array_get(c->wanted, i), c->value, i));
    return ERR_OK;
}

static err test_items(struct schema_test *t, call c) {
    for (size_t i = json_array_size(json_object_get(c->schema, "prefixItems"));
         i < json_array_size(c->value); i++)
        TRY(test_item(t, c->wanted, c->value, i));
    return ERR_OK;
}

static err test_contains(struct schema_test *t, call c) {
    const json_t *least = json_object_get(c->schema, "minContains");
    const json_t *most = json_object_get(c->schema, "maxContains");
    double n = 0;
    if (!json_is_array(c->value)) return ERR_OK;
    for (size_t i = 0; i < json_array_size(c->value); i++) {
        bool holds;
        TRY(schema_holds(t, c->wanted, json_array_get(c->value, i), &holds));
        n += holds;
    }
    if (n >= (least ? json_number_value(least) : 1) && (!most || n <= json_number_value(most)))
        return ERR_OK;
    return schema_fault(t, "%.0f items are as 'contains' wants", n);
}

static err test_unique(struct schema_test *t, call c) {
    if (!json_is_array(c->value) || !json_is_true(c->wanted)) return ERR_OK;
    for (size_t i = 0; i < json_array_size(c->value); i++)
        for (size_t k = 0; k < i; k++)
            if (same(json_array_get(c->value, i), json_array_get(c->value, k)))
                return schema_fault(t, "items %zu and %zu are the same", k, i);
    return ERR_OK;
}

/* ---- objects ---- */

static err test_required(struct schema_test *t, call c) {
    size_t i;
    const json_t *item;
    if (!json_is_object(c->value)) return ERR_OK;
    json_array_foreach(c->wanted, i, item) {
        const char *name = json_string_value(item);
        if (!json_object_get(c->value, name)) return schema_fault(t, "'%s' is missing", name);
    }
    return ERR_OK;
}

static err test_properties(struct schema_test *t, call c) {
    const char *key;
    const json_t *schema;
    json_object_foreach((json_t *)c->wanted, key, schema) {
        const json_t *part = json_object_get(c->value, key);
        if (part && !t->failed) TRY(schema_test_part(t, schema, part, key));
    }
    return ERR_OK;
}

static err test_pattern_properties(struct schema_test *t, call c) {
    const char *pattern, *key;
    const json_t *schema, *part;
    json_object_foreach((json_t *)c->wanted, pattern, schema)
        json_object_foreach((json_t *)c->value, key, part) {
        bool found;
        if (t->failed) return ERR_OK;
        TRY(matches(t, pattern, key, strlen(key), &found));
        if (found) TRY(schema_test_part(t, schema, part, key));
    }
    return ERR_OK;
}

/* Whether `properties` or `patternProperties` beside it speak of the member. */
static err is_spoken_of(struct schema_test *t, const json_t *schema, const char *key, bool *out) {
    const char *pattern;
    const json_t *item;
    *out = json_object_get(json_object_get(schema, "properties"), key) != NULL;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, item) if (!*out)
        TRY(matches(t, pattern, key, strlen(key), out));
    return ERR_OK;
}

static err test_additional(struct schema_test *t, call c) {
    const char *key;
    const json_t *part;
    json_object_foreach((json_t *)c->value, key, part) {
        bool spoken_of;
        if (t->failed) return ERR_OK;
        TRY(is_spoken_of(t, c->schema, key, &spoken_of));
        if (spoken_of) continue;
        if (json_is_false(c->wanted)) return schema_fault(t, "'%s' is not allowed", key);
        TRY(schema_test_part(t, c->wanted, part, key));
    }
    return ERR_OK;
}

static err test_names(struct schema_test *t, call c) {
    const char *key;
    const json_t *part;
    json_object_foreach((json_t *)c->value, key, part) {
        json_t *name = json_string(key);
        if (!name) return fail(ERR_MEMORY, "out of memory");
        err e = t->failed ? ERR_OK : schema_test_part(t, c->wanted, name, key);
        json_decref(name);
        TRY(e);
    }
    return ERR_OK;
}

static err test_dependent_required(struct schema_test *t, call c) {
    const char *key;
    const json_t *names, *name;
    size_t i;
    json_object_foreach((json_t *)c->wanted, key, names) {
        if (!json_object_get(c->value, key)) continue;
        json_array_foreach(names, i, name) {
            if (json_object_get(c->value, json_string_value(name))) continue;
            return schema_fault(t, "'%s' is missing beside '%s'", json_string_value(name), key);
        }
    }
    return ERR_OK;
}

static err test_dependent_schemas(struct schema_test *t, call c) {
    const char *key;
    const json_t *schema;
    json_object_foreach((json_t *)c->wanted, key,
                        schema) if (json_object_get(c->value, key) && !t->failed)
        TRY(schema_test_part(t, schema, c->value, NULL));
    return ERR_OK;
}

/* ---- schemas upon schemas ---- */

static err test_all(struct schema_test *t, call c) {
    size_t i;
    const json_t *schema;
    json_array_foreach(c->wanted, i, schema) if (!t->failed)
        TRY(schema_test_part(t, schema, c->value, NULL));
    return ERR_OK;
}

static err test_some(struct schema_test *t, call c) {
    bool one = strcmp(c->word->name, "oneOf") == 0;
    size_t i;
    const json_t *schema;
    int n = 0;
    json_array_foreach(c->wanted, i, schema) {
        bool holds;
        TRY(schema_holds(t, schema, c->value, &holds));
        n += holds;
    }
    if (one ? n == 1 : n > 0) return ERR_OK;
    return schema_fault(t, "%d of the schemas of '%s' hold", n, c->word->name);
}

static err test_not(struct schema_test *t, call c) {
    bool holds;
    TRY(schema_holds(t, c->wanted, c->value, &holds));
    return holds ? schema_fault(t, "the value is what 'not' excludes") : ERR_OK;
}

static err test_if(struct schema_test *t, call c) {
    bool holds;
    TRY(schema_holds(t, c->wanted, c->value, &holds));
    const json_t *then = json_object_get(c->schema, holds ? "then" : "else");
    return then ? schema_test_part(t, then, c->value, NULL) : ERR_OK;
}

static err test_reference(struct schema_test *t, call c) {
    const json_t *schema;
    TRY(schema_refer(t->s, json_string_value(c->wanted), &schema));
    return schema_test_part(t, schema, c->value, NULL);
}

static const struct schema_word words[] = {
    {"$comment", SCHEMA_ANY, NULL},
    {"$defs", SCHEMA_MAP, NULL},
    {"$ref", SCHEMA_REFERENCE, test_reference},
    {"$schema", SCHEMA_ANY, NULL},
    {"additionalProperties", SCHEMA_ONE, test_additional},
    {"allOf", SCHEMA_LIST, test_all},
    {"anyOf", SCHEMA_LIST, test_some},
    {"const", SCHEMA_ANY, test_const},
    {"contains", SCHEMA_ONE, test_contains},
    {"default", SCHEMA_ANY, NULL},
    {"definitions", SCHEMA_MAP, NULL},
    {"dependentRequired", SCHEMA_TEXTS_MAP, test_dependent_required},
    {"dependentSchemas", SCHEMA_MAP, test_dependent_schemas},
    {"description", SCHEMA_ANY, NULL},
    {"else", SCHEMA_ONE, NULL},
    {"enum", SCHEMA_VALUES, test_enum},
    {"examples", SCHEMA_ANY, NULL},
    {"exclusiveMaximum", SCHEMA_NUMBER, test_number},
    {"exclusiveMinimum", SCHEMA_NUMBER, test_number},
    {"if", SCHEMA_ONE, test_if},
    {"items", SCHEMA_ONE, test_items},
    {"maxContains", SCHEMA_COUNT, NULL},
    {"maxItems", SCHEMA_COUNT, test_items_size},
    {"maxLength", SCHEMA_COUNT, test_length},
    {"maxProperties", SCHEMA_COUNT, test_members_size},
    {"maximum", SCHEMA_NUMBER, test_number},
    {"minContains", SCHEMA_COUNT, NULL},
    {"minItems", SCHEMA_COUNT, test_items_size},
    {"minLength", SCHEMA_COUNT, test_length},
    {"minProperties", SCHEMA_COUNT, test_members_size},
    {"minimum", SCHEMA_NUMBER, test_number},
    {"multipleOf", SCHEMA_POSITIVE, test_multiple},
    {"not", SCHEMA_ONE, test_not},
    {"oneOf", SCHEMA_LIST, test_some},
    {"pattern", SCHEMA_PATTERN, test_pattern},
    {"patternProperties", SCHEMA_PATTERN_MAP, test_pattern_properties},
    {"prefixItems", SCHEMA_LIST, test_prefix_items},
    {"properties", SCHEMA_MAP, test_properties},
    {"propertyNames", SCHEMA_ONE, test_names},
    {"required", SCHEMA_TEXTS, test_required},
    {"then", SCHEMA_ONE, NULL},
    {"title", SCHEMA_ANY, NULL},
    {"type", SCHEMA_TYPE, test_type},
    {"uniqueItems", SCHEMA_BOOL, test_unique},
};

const struct schema_word *schema_word_find(const char *name) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, name) == 0) return &words[i];
    return NULL;
}
