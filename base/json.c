/* SPDX-License-Identifier: Apache-2.0
 * JSON by jansson, with this project's errors and allocation.
 * Short of memory jansson misleads when it writes and overruns when it reads; neither happens here.
 * Read next: base/json.h, the contract. */
#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"
#include <ctype.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

enum { JSON_MAX_BYTES = 1 << 30 };

/* Stands in front of each of jansson's blocks. While a text is read, all that it has led to so far
 * hang together. */
struct block {
    _Alignas(max_align_t) struct block *before;
    struct block *after;
};

/* Where there is no room for a longer token, jansson 2.14 goes on reading without the byte, and
 * later beyond the token's end (https://github.com/akheron/jansson/issues/362). So no allocation
 * comes back failed while it reads: a jump leaves the reading, and its blocks are freed. */
static _Thread_local struct {
    bool on;
    jmp_buf left;
    struct block *blocks;
} reading;

static void *json_alloc(size_t n) {
    struct block *block = mem_alloc(n + sizeof *block, 1);
    if (block == NULL && reading.on) longjmp(reading.left, 1);
    if (block == NULL) return NULL;
    if (reading.on) {
        *block = (struct block){.after = reading.blocks};
        if (block->after) block->after->before = block;
        reading.blocks = block;
    }
    return block + 1;
}

static void json_free(void *p) {
    if (p == NULL) return;
    struct block *block = (struct block *)p - 1;
    if (reading.on) {
        *(block->before ? &block->before->after : &reading.blocks) = block->after;
        if (block->after) block->after->before = block->before;
    }
    mem_free(block);
}

__attribute__((constructor)) static void use_own_memory(void) {
    json_set_alloc_funcs(json_alloc, json_free);
    /* At random, so that no file can be made of keys that collide; a hash's order never shows. */
    json_object_seed(0);
}

/* The text with ".0" behind every whole number that has too many digits for an int64: then it is
 * read as a real one. Tokenizers' settings say "no limit" with one of 31 digits. */
static err widen_integers(const char *text, size_t n, struct str *out) {
    enum { MAX_DIGITS = 19 };
    bool in_string = false;
    for (size_t i = 0; i < n;) {
        const char *at = text + i;
        size_t run = 1;
        if (in_string && *at == '\\' && i + 1 < n)
            run = 2;
        else if (*at == '"')
            in_string = !in_string;
        else if (!in_string && strchr("+-.0123456789eE", *at) && *at)
            while (i + run < n && at[run] && strchr("+-.0123456789eE", at[run])) run++;
        TRY(str_append(out, at, run));
        if (run - (*at == '-') > MAX_DIGITS && !memchr(at, '.', run) && !memchr(at, 'e', run) &&
            !memchr(at, 'E', run))
            TRY(str_add(out, ".0"));
        i += run;
    }
    return ERR_OK;
}

/* One value; *out is NULL where the text is at fault, of which `why` tells. */
static err load(const char *text, size_t n, size_t how, json_error_t *why, json_t **out) {
    err e = ERR_OK;
    *out = NULL;
    reading.blocks = NULL;
    reading.on = true;
    if (setjmp(reading.left) == 0) {
        *out = json_loadb(text, n, how | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, why);
    } else {
        while (reading.blocks) json_free(reading.blocks + 1);
        e = ERR_MEMORY; // as mem_alloc has recorded
    }
    reading.on = false;
    return e;
}

static err load_widened(const char *text, size_t n, json_error_t *why, json_t **out) {
    struct str wide = {0};
    err e = widen_integers(text, n, &wide);
    if (e == ERR_OK) e = load(wide.data, wide.len, JSON_ALLOW_NUL, why, out);
    str_release(&wide);
    return e;
}

static bool is_blank(const char *text, size_t n) {
    while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
    return n == 0;
}

err json_parse(const char *text, size_t n, const char *where, json_t **out) {
    json_error_t why;
    err e = load(text, n, JSON_ALLOW_NUL, &why, out);
    if (e == ERR_OK && *out == NULL && json_error_code(&why) == json_error_numeric_overflow)
        e = load_widened(text, n, &why, out);
    if (e != ERR_OK) return where != NULL ? fail_in(e, "%s", where) : e;
    if (*out != NULL) return ERR_OK;
    if (where == NULL)
        return fail(ERR_PARSE, "column %d: not valid JSON: %s", why.column, why.text);
    if (is_blank(text, n)) return fail(ERR_PARSE, "%s: there is nothing in it", where);
    return fail(ERR_PARSE, "%s: line %d, column %d: not valid JSON: %s", where, why.line,
                why.column, why.text);
}

err json_parse_file(const char *path, json_t **out) {
    struct str text = {0};
    struct str where = {0};
    err e = file_read(path, JSON_MAX_BYTES, &text);
    if (e == ERR_OK) e = str_printf(&where, "'%s'", path);
    if (e == ERR_OK) e = json_parse(str_text(&text), text.len, where.data, out);
    str_release(&where);
    str_release(&text);
    return e;
}

/* A \uXXXX at `at`, or -1. */
static int32_t escaped_unit(const char *at, size_t n) {
    int32_t unit = 0;
    if (n < 6 || at[0] != '\\' || at[1] != 'u') return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef", *d = strchr(digits, tolower((unsigned char)at[i]));
        if (!d || !*d) return -1;
        unit = unit * 16 + (int32_t)(d - digits);
    }
    return unit;
}

/* The escape at `at`: whole pairs and plain escapes stay, half a pair and NUL become U+FFFD. */
static err mend_escape(const char *at, size_t n, struct str *out, size_t *used) {
    int32_t unit = escaped_unit(at, n), low = unit >= 0 ? escaped_unit(at + 6, n - 6) : -1;
    bool high_half = unit >= 0xD800 && unit < 0xDC00, low_half = unit >= 0xDC00 && unit < 0xE000;
    *used = unit < 0 ? (n > 1 ? 2 : 1) : 6;
    if (high_half && low >= 0xDC00 && low < 0xE000)
        *used = 12;
    else if (high_half || low_half || unit == 0)
        return str_add(out, "\\ufffd");
    return str_append(out, at, *used);
}

static err mend(const char *text, size_t n, struct str *out) {
    for (size_t i = 0, used; i < n; i += used) {
        uint32_t codepoint;
        used = utf8_next(text + i, n - i, &codepoint);
        if (text[i] == '\\') {
            TRY(mend_escape(text + i, n - i, out, &used));
        } else if (used == 0 || text[i] == '\0') {
            used = 1;
            TRY(str_codepoint(out, 0xFFFD));
        } else {
            TRY(str_append(out, text + i, used));
        }
    }
    return ERR_OK;
}

static err parse_values(const struct str *text, const char *where, json_t *list) {
    for (size_t at = 0;;) {
        json_error_t why;
        json_t *value;
        at += strspn(text->data + at, " \t\r\n");
        if (at >= text->len) return ERR_OK;
        if (load(text->data + at, text->len - at, JSON_DISABLE_EOF_CHECK, &why, &value) != ERR_OK)
            return fail_in(ERR_MEMORY, "%s", where);
        if (!value)
            return fail(ERR_PARSE, "%s: byte %zu: not valid JSON: %s", where,
                        at + (size_t)why.position, why.text);
        TRY(json_push(list, value));
        at += (size_t)why.position;
    }
}

err json_parse_all(const char *text, size_t n, const char *where, json_t **out) {
    struct str mended = {0};
    *out = json_array();
    err e = *out ? mend(text, n, &mended) : fail(ERR_MEMORY, "out of memory for a JSON list");
    if (e == ERR_OK && mended.len > 0) e = parse_values(&mended, where, *out);
    str_release(&mended);
    if (e != ERR_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return e;
}

struct dump {
    err (*put)(void *to, const char *bytes, size_t n);
    void *to;
    err failed; // kept here: jansson overlooks a failure while it writes an object's key
};

static err put_text(void *to, const char *bytes, size_t n) {
    return str_append(to, bytes, n);
}

static err put_file(void *to, const char *bytes, size_t n) {
    return file_writer_write(to, bytes, n);
}

static int dump_piece(const char *bytes, size_t n, void *context) {
    struct dump *dump = context;
    if (dump->failed == ERR_OK) dump->failed = dump->put(dump->to, bytes, n);
    return dump->failed == ERR_OK ? 0 : -1;
}

static err dump_value(const json_t *value, int flags, struct dump dump) {
    size_t how = JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
    how |= flags & JSON_TEXT_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;
    if (flags & JSON_TEXT_SORTED) how |= JSON_SORT_KEYS;
    int refused = json_dump_callback(value, dump_piece, &dump, how);
    TRY(dump.failed);
    if (refused != 0) return fail(ERR_MEMORY, "out of memory writing JSON");
    return flags & JSON_TEXT_PRETTY ? dump.put(dump.to, "\n", 1) : ERR_OK;
}

err json_text(const json_t *value, int flags, struct str *out) {
    return dump_value(value, flags, (struct dump){.put = put_text, .to = out});
}

static err quote_clean(struct str *out, const char *text) {
    json_t *value = json_string(text);
    if (value == NULL) return fail(ERR_MEMORY, "out of memory writing JSON");
    err e = json_text(value, 0, out);
    json_decref(value);
    return e;
}

err json_quote(struct str *out, const char *text) {
    size_t n = strlen(text);
    struct str clean = {0};
    err e = ERR_OK;
    if (utf8_invalid_at(text, n) < 0) return quote_clean(out, text);
    for (size_t i = 0; i < n && e == ERR_OK;) {
        uint32_t c;
        i += utf8_next_any(text + i, n - i, &c);
        e = str_codepoint(&clean, c);
    }
    if (e == ERR_OK) e = quote_clean(out, str_text(&clean));
    str_release(&clean);
    return e;
}

err json_write_file(const char *path, const json_t *value) {
    struct file_writer w;
    TRY(file_writer_open(&w, path));
    err e = dump_value(value, JSON_TEXT_PRETTY, (struct dump){.put = put_file, .to = &w});
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

static err need(const json_t *object, const char *key, const char *kind, json_t **out) {
    *out = json_object_get(object, key);
    if (*out == NULL) return fail(ERR_PARSE, "key '%s' is missing (a %s is needed)", key, kind);
    return ERR_OK;
}

static err wrong(const char *key, const char *kind) {
    return fail(ERR_PARSE, "key '%s' is not a %s", key, kind);
}

err json_need_string(const json_t *object, const char *key, const char **out) {
    json_t *value;
    TRY(need(object, key, "string", &value));
    if (!json_is_string(value)) return wrong(key, "string");
    *out = json_string_value(value);
    if (strlen(*out) != json_string_length(value))
        return fail(ERR_PARSE, "'%s' has a NUL character in it", key);
    return ERR_OK;
}

err json_need_int(const json_t *object, const char *key, int64_t *out) {
    json_t *value;
    TRY(need(object, key, "whole number", &value));
    if (!json_is_integer(value)) return wrong(key, "whole number");
    *out = json_integer_value(value);
    return ERR_OK;
}

err json_need_number(const json_t *object, const char *key, double *out) {
    json_t *value;
    TRY(need(object, key, "number", &value));
    if (!json_is_number(value)) return wrong(key, "number");
    *out = json_number_value(value);
    return ERR_OK;
}

err json_need_array(const json_t *object, const char *key, json_t **out) {
    TRY(need(object, key, "list", out));
    return json_is_array(*out) ? ERR_OK : wrong(key, "list");
}

err json_need_object(const json_t *object, const char *key, json_t **out) {
    TRY(need(object, key, "map", out));
    return json_is_object(*out) ? ERR_OK : wrong(key, "map");
}

err json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) == 0) return ERR_OK;
    return fail(ERR_MEMORY, "out of memory at JSON key '%s'", key);
}

const char *json_text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

int64_t json_int_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

json_t *json_text_or_null(const char *text) {
    return text != NULL ? json_string(text) : json_null();
}

err json_copy_members(const json_t *object, json_t **out) {
    const char *key;
    json_t *value;
    json_t *copy = json_object();
    err e = copy != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for a JSON object");
    json_object_foreach((json_t *)object, key, value) {
        if (e == ERR_OK) e = json_put(copy, key, json_incref(value));
    }
    if (e != ERR_OK) json_decref(copy);
    *out = e == ERR_OK ? copy : NULL;
    return e;
}

err json_push(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) == 0) return ERR_OK;
    return fail(ERR_MEMORY, "out of memory in a JSON list");
}
