/* SPDX-License-Identifier: Apache-2.0
 * Reading a schema: every keyword is looked up in the table of data/synth/schema_words.c, its value
 * must be of the kind that stands there, and the schemas in it are read in turn. Patterns are
 * compiled once; references are looked up again when a value is tested.
 * Read next: data/synth/schema_int.h, then data/synth/schema_words.c. */
#include "data/synth/schema_int.h"

#include "base/mem.h"
#include <stdio.h>
#include <string.h>

struct reading {
    struct schema *s;
    struct str at; /* place in the schema, "/properties/a" */
};

static err wrong(const struct reading *r, const char *wanted) {
    return fail(ERR_PARSE, "the schema at '%s': %s wanted", r->at.len ? r->at.data : "/", wanted);
}

static err seen_add(struct schema *s, const json_t *value, bool *out_new) {
    *out_new = false;
    for (int64_t i = 0; i < s->n_seen; i++)
        if (s->seen[i] == value) return ERR_OK;
    const json_t **grown = mem_resize(s->seen, (size_t)s->n_seen + 1, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    s->seen = grown;
    s->seen[s->n_seen++] = value;
    *out_new = true;
    return ERR_OK;
}

static err pattern_add(struct schema *s, const char *text) {
    if (schema_pattern(s, text)) return ERR_OK;
    struct schema_pattern *grown =
        mem_resize(s->patterns, (size_t)s->n_patterns + 1, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    s->patterns = grown;
    s->patterns[s->n_patterns].text = text;
    TRY(regex_new(&s->patterns[s->n_patterns].regex, text));
    s->n_patterns++;
    return ERR_OK;
}

const struct regex *schema_pattern(const struct schema *s, const char *text) {
    for (int64_t i = 0; i < s->n_patterns; i++)
        if (strcmp(s->patterns[i].text, text) == 0) return s->patterns[i].regex;
    return NULL;
}

/* ---- references ---- */

static int hex_value(char c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The next step of a JSON pointer in a URL's fragment, without ~ and % escapes; `out` has room. */
static const char *next_step(const char *at, char *out) {
    for (; *at && *at != '/'; at++) {
        char c = *at;
        if (c == '%' && at[1] && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
            c = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            at += 2;
        }
        if (c == '~' && (at[1] == '0' || at[1] == '1')) c = *++at == '0' ? '~' : '/';
        *out++ = c;
    }
    *out = '\0';
    return at;
}

static const json_t *step_into(const json_t *value, const char *step) {
    int64_t index;
    if (json_is_object(value)) return json_object_get(value, step);
    if (!json_is_array(value) || str_to_int64(step, &index) != ERR_OK || index < 0) return NULL;
    return json_array_get(value, (size_t)index);
}

err schema_refer(const struct schema *s, const char *reference, const json_t **out) {
    const json_t *value = s->top;
    const char *at = reference;
    *out = NULL;
    if (*at++ != '#')
        return fail(ERR_UNSUPPORTED, "'$ref: %s' leaves the file; only '#...' is followed",
                    reference);
    if (*at && *at != '/')
        return fail(ERR_UNSUPPORTED, "'$ref: %s' is no path from the top, '#/...'", reference);
    char *step = mem_alloc(strlen(reference) + 1, 1);
    if (!step) return ERR_MEMORY;
    while (value && *at == '/') {
        at = next_step(at + 1, step);
        value = step_into(value, step);
    }
    mem_free(step);
    if (!value) return fail(ERR_MISSING, "'$ref: %s' leads nowhere", reference);
    *out = value;
    return ERR_OK;
}

/* ---- keywords ---- */

static err read_schema(struct reading *r, const json_t *value);

static err read_list(struct reading *r, const json_t *value) {
    size_t i;
    const json_t *item;
    if (!json_is_array(value) || json_array_size(value) == 0) return wrong(r, "a list of schemas");
    json_array_foreach(value, i, item) TRY(read_schema(r, item));
    return ERR_OK;
}

static err read_map(struct reading *r, const json_t *value, bool patterns) {
    const char *key;
    const json_t *item;
    if (!json_is_object(value)) return wrong(r, "an object of schemas");
    json_object_foreach((json_t *)value, key, item) {
        size_t before = r->at.len;
        TRY(str_printf(&r->at, "/%s", key));
        if (patterns) TRY(pattern_add(r->s, key));
        TRY(read_schema(r, item));
        r->at.len = before;
        r->at.data[before] = '\0';
    }
    return ERR_OK;
}

static bool is_texts(const json_t *value) {
    size_t i;
    const json_t *item;
    if (!json_is_array(value)) return false;
    json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
    return true;
}

static err read_texts_map(struct reading *r, const json_t *value) {
    const char *key;
    const json_t *item;
    if (!json_is_object(value)) return wrong(r, "an object of lists of texts");
    json_object_foreach((json_t *)value, key,
                        item) if (!is_texts(item)) return wrong(r, "an object of lists of texts");
    return ERR_OK;
}

static err read_reference(struct reading *r, const json_t *value) {
    const json_t *target;
    if (!json_is_string(value)) return wrong(r, "a text");
    TRY(schema_refer(r->s, json_string_value(value), &target));
    return read_schema(r, target);
}

static err read_type(const struct reading *r, const json_t *value) {
    size_t i;
    const json_t *item;
    bool good = json_is_string(value) && schema_is_type(json_string_value(value));
    if (is_texts(value) && json_array_size(value) > 0) {
        good = true;
        json_array_foreach(value, i, item) good = good && schema_is_type(json_string_value(item));
    }
    return good ? ERR_OK
                : wrong(r, "array, boolean, integer, null, number, object or string, or a list");
}

static bool is_count(const json_t *value) {
    if (json_is_integer(value)) return json_integer_value(value) >= 0;
    double number = json_number_value(value);
    return json_is_real(value) && number >= 0 && number < 1e15 &&
           number - (double)(int64_t)number == 0;
}

static err read_word(struct reading *r, const struct schema_word *word, const json_t *value) {
    switch (word->kind) {
    case SCHEMA_ANY: return ERR_OK;
    case SCHEMA_ONE: return read_schema(r, value);
    case SCHEMA_LIST: return read_list(r, value);
    case SCHEMA_MAP: return read_map(r, value, false);
    case SCHEMA_PATTERN_MAP: return read_map(r, value, true);
    case SCHEMA_TYPE: return read_type(r, value);
    case SCHEMA_VALUES: return json_is_array(value) ? ERR_OK : wrong(r, "a list");
    case SCHEMA_TEXTS: return is_texts(value) ? ERR_OK : wrong(r, "a list of texts");
    case SCHEMA_TEXTS_MAP: return read_texts_map(r, value);
    case SCHEMA_COUNT: return is_count(value) ? ERR_OK : wrong(r, "a whole number, 0 or more");
    case SCHEMA_NUMBER: return json_is_number(value) ? ERR_OK : wrong(r, "a number");
    case SCHEMA_POSITIVE:
        return json_number_value(value) > 0 ? ERR_OK : wrong(r, "a number over 0");
    case SCHEMA_BOOL: return json_is_boolean(value) ? ERR_OK : wrong(r, "true or false");
    case SCHEMA_PATTERN:
        return json_is_string(value) ? pattern_add(r->s, json_string_value(value))
                                     : wrong(r, "a regular expression");
    case SCHEMA_REFERENCE: return read_reference(r, value);
    }
    return ERR_OK;
}

static err read_object(struct reading *r, const json_t *value) {
    const char *key;
    const json_t *item;
    json_object_foreach((json_t *)value, key, item) {
        const struct schema_word *word = schema_word_find(key);
        if (!word)
            return fail(ERR_UNSUPPORTED, "the schema at '%s': the keyword '%s' is not handled",
                        r->at.len ? r->at.data : "/", key);
        size_t before = r->at.len;
        TRY(str_printf(&r->at, "/%s", key));
        TRY(read_word(r, word, item));
        r->at.len = before;
        r->at.data[before] = '\0';
    }
    return ERR_OK;
}

static err read_schema(struct reading *r, const json_t *value) {
    bool is_new;
    if (json_is_boolean(value)) return ERR_OK;
    if (!json_is_object(value)) return wrong(r, "a schema: an object, true or false");
    TRY(seen_add(r->s, value, &is_new));
    return is_new ? read_object(r, value) : ERR_OK;
}

err schema_new(json_t *value, struct schema **out) {
    struct schema *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    struct reading r = {.s = s};
    s->top = json_incref(value);
    err e = read_schema(&r, value);
    str_release(&r.at);
    if (e == ERR_OK) return ERR_OK;
    schema_free(s);
    *out = NULL;
    return e;
}

void schema_free(struct schema *s) {
    if (!s) return;
    for (int64_t i = 0; i < s->n_patterns; i++) regex_free(s->patterns[i].regex);
    mem_free(s->patterns);
    mem_free(s->seen);
    json_decref(s->top);
    mem_free(s);
}

/* ---- testing ---- */

err schema_fault(struct schema_test *t, const char *format, ...) {
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->failed = true;
    if (!t->why) return ERR_OK;
    return str_printf(t->why, "at '%s': %s", t->at.len ? t->at.data : "/", text);
}

err schema_test_part(struct schema_test *t, const json_t *schema, const json_t *value,
                     const char *step) {
    size_t before = t->at.len;
    if (step) TRY(str_printf(&t->at, "/%s", step));
    TRY(schema_test_value(t, schema, value));
    t->at.len = before;
    if (t->at.data) t->at.data[before] = '\0';
    return ERR_OK;
}

err schema_holds(struct schema_test *t, const json_t *schema, const json_t *value, bool *out) {
    struct schema_test inner = {.s = t->s, .depth = t->depth};
    err e = schema_test_value(&inner, schema, value);
    str_release(&inner.at);
    *out = !inner.failed;
    return e;
}

err schema_test_value(struct schema_test *t, const json_t *schema, const json_t *value) {
    const char *key;
    const json_t *item;
    if (json_is_true(schema)) return ERR_OK;
    if (json_is_false(schema)) return schema_fault(t, "nothing is allowed here");
    if (t->depth >= SCHEMA_DEPTH_MAX) return schema_fault(t, "nested too deeply");
    t->depth++;
    json_object_foreach((json_t *)schema, key, item) {
        const struct schema_word *word = schema_word_find(key);
        struct schema_call call = {word, schema, item, value};
        if (word->test && !t->failed) TRY(word->test(t, &call));
    }
    t->depth--;
    return ERR_OK;
}

err schema_test(const struct schema *s, const json_t *value, struct str *why) {
    struct schema_test t = {.s = s, .why = why};
    err e = schema_test_value(&t, s->top, value);
    str_release(&t.at);
    return e;
}
