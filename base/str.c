/* SPDX-License-Identifier: Apache-2.0
 * Growable strings and whole-text numbers. UTF-8 is in base/utf8.c.
 * Growing is by half, so appending stays linear; the text always ends with a NUL.
 * Read next: base/str.h, the contract. */
#include "base/str.h"

#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static err reserve(struct str *s, size_t more) {
    size_t needed;
    if (__builtin_add_overflow(s->len, more + 1, &needed))
        return fail(ERR_MEMORY, "a string of over %zu bytes is too large", s->len);
    if (needed <= s->capacity) return ERR_OK;
    size_t capacity = s->capacity < 64 ? 64 : s->capacity;
    while (capacity < needed) capacity += capacity / 2;
    char *data = mem_resize(s->data, capacity, 1);
    if (data == NULL) return ERR_MEMORY;
    s->data = data;
    s->capacity = capacity;
    s->data[s->len] = '\0';
    return ERR_OK;
}

err str_append(struct str *s, const void *bytes, size_t n) {
    TRY(reserve(s, n));
    if (n > 0) memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
    return ERR_OK;
}

err str_add(struct str *s, const char *text) {
    return str_append(s, text, strlen(text));
}

err str_vprintf(struct str *s, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    err e = reserve(s, (size_t)n);
    if (e == ERR_OK) {
        vsnprintf(s->data + s->len, (size_t)n + 1, format, again);
        s->len += (size_t)n;
    }
    va_end(again);
    return e;
}

err str_printf(struct str *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    err e = str_vprintf(s, format, args);
    va_end(args);
    return e;
}

err str_quoted(struct str *s, const char *word) {
    TRY(str_add(s, "'"));
    for (; *word; word++) TRY(*word == '\'' ? str_add(s, "'\\''") : str_append(s, word, 1));
    return str_add(s, "'");
}

void str_clear(struct str *s) {
    s->len = 0;
    if (s->data != NULL) s->data[0] = '\0';
}

void str_release(struct str *s) {
    mem_free(s->data);
    *s = (struct str){0};
}

const char *str_text(const struct str *s) {
    return s->data != NULL ? s->data : "";
}

bool str_starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

enum { NAME_MAX_BYTES = 64 };

/* Levenshtein distance, letters of different case half as far as different letters. */
static int distance(const char *a, const char *b) {
    size_t n = strlen(b);
    int row[NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= n; j++) row[j] = (int)(2 * j);
    for (size_t i = 0; a[i] != '\0'; i++) {
        int corner = row[0];
        row[0] = (int)(2 * (i + 1));
        for (size_t j = 0; j < n; j++) {
            int same = a[i] == b[j]                                                   ? 0
                       : tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]) ? 1
                                                                                      : 2;
            int best = corner + same;
            if (row[j] + 2 < best) best = row[j] + 2;
            if (row[j + 1] + 2 < best) best = row[j + 1] + 2;
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[n];
}

const char *str_nearest(const char *name, const char *const *candidates, size_t n) {
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES) return NULL;
    const char *best = NULL;
    int best_distance = (int)(2 * (len / 3 + 1)) + 1; /* a third of the letters may be wrong */
    for (size_t i = 0; i < n; i++) {
        if (strlen(candidates[i]) > NAME_MAX_BYTES) continue;
        int d = distance(name, candidates[i]);
        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
        }
    }
    return best;
}

err str_to_int64(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || isspace((unsigned char)text[0]))
        return fail(ERR_PARSE, "'%s' is not a whole number", text);
    *out = value;
    return ERR_OK;
}

err str_to_double(const char *text, double *out) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || isspace((unsigned char)text[0]))
        return fail(ERR_PARSE, "'%s' is not a number", text);
    *out = value;
    return ERR_OK;
}

err str_to_bytes(const char *text, int64_t *out) {
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"KiB", 1024.0},
                 {"MiB", 1048576.0},
                 {"GiB", 1073741824.0},
                 {"TiB", 1099511627776.0},
                 {"K", 1024.0},
                 {"M", 1048576.0},
                 {"G", 1073741824.0},
                 {"T", 1099511627776.0},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12}};
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].suffix) != 0) continue;
        double bytes = value * units[i].factor;
        if (!(bytes >= 0 && bytes < 9e18)) break;
        *out = (int64_t)bytes;
        return ERR_OK;
    }
    return fail(ERR_PARSE, "'%s' is not a size in bytes (write 24GiB, 512MiB or a number)", text);
}
