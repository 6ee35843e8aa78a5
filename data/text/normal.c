/* SPDX-License-Identifier: Apache-2.0
 * Two passes over the code points: the first replaces them one by one, the second drops the
 * separators that do not count, in place. Both are linear, whatever the text.
 * Read next: data/text/normal.h, the rules. */
#include "data/text/normal.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/text/span.h"
#include <string.h>

uint32_t normal_width(uint32_t c) {
    if (c >= 0xFF01 && c <= 0xFF5E) return c - 0xFEE0;
    return c == 0x3000 ? ' ' : c;
}

uint32_t normal_case(uint32_t c) {
    static const struct {
        uint32_t first, last, step;
        int32_t distance;
    } rows[] = {
#define CASES(first, last, step, distance) {first, last, step, distance},
#include "data/text/cases.def"
#undef CASES
    };
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    size_t low = 0, high = sizeof rows / sizeof rows[0];
    if (c > rows[high - 1].last) return c;
    while (low < high) { /* the first row that does not end before c */
        size_t middle = (low + high) / 2;
        if (rows[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    bool folds = c >= rows[low].first && (c - rows[low].first) % rows[low].step == 0;
    return folds ? (uint32_t)((int32_t)c + rows[low].distance) : c;
}

bool normal_dense(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x1100, 0x11FF}, {0x2E80, 0x2FDF}, {0x3005, 0x3007}, {0x3021, 0x3029},
        {0x3031, 0x3035}, {0x3038, 0x303C}, {0x3041, 0x30FF}, {0x3105, 0x318E},
        {0x31A0, 0x31BF}, {0x31F0, 0x31FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
        {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFF66, 0xFF9D}, {0x20000, 0x3FFFF},
    };
    if (c < 0x1100) return false;
    if (c >= 0x4E00 && c <= 0x9FFF) return true; /* most of them */
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

int normal_weight(uint32_t c) {
    return normal_dense(c) ? 5 : 2;
}

/* Punctuation of print and of Chinese, as the ASCII mark of the same use. */
static uint32_t plain_mark(uint32_t c) {
    if (c < 0xAB || (c > 0x3017 && c < 0xFE10 && c != 0x30FB)) return c;
    switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
    case 0x2032: return '\'';
    case 0x00AB:
    case 0x00BB:
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
    case 0x2033:
    case 0x2039:
    case 0x203A:
    case 0x3008:
    case 0x3009:
    case 0x300A:
    case 0x300B:
    case 0x300C:
    case 0x300D:
    case 0x300E:
    case 0x300F:
    case 0x3010:
    case 0x3011:
    case 0x3014:
    case 0x3015:
    case 0x3016:
    case 0x3017: return '"';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2212: return '-';
    case 0x2026: /* the ellipsis */
    case 0x22EF:
    case 0x3002:
    case 0xFF61: return '.';
    case 0x2014: /* the long dash, the bullet and the middle dot set apart as a comma does */
    case 0x2015:
    case 0x2022:
    case 0x2500:
    case 0x00B7:
    case 0x3001:
    case 0x30FB:
    case 0xFF64:
    case 0xFF65: return ',';
    default: return c;
    }
}

static bool control(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

static bool quote(uint32_t c) {
    return c == '"' || c == '\'';
}

static bool mark(uint32_t c) {
    return c == ',' || c == '.' || c == ';' || c == ':' || c == '!' || c == '?' || quote(c);
}

static bool letter_or_digit(uint32_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c >= 0xC0;
}

/* Whether a mark that stands directly behind `before` is part of what it stands in. */
static bool mark_stays(uint32_t c, uint32_t before, uint32_t behind) {
    if (c == '"' || mark(behind) || behind == ' ') return false;
    if (normal_dense(before) || normal_dense(behind)) return false;
    return c != '\'' || (letter_or_digit(before) && letter_or_digit(behind));
}

static void separate(struct normal *t) {
    int64_t kept = 0;
    bool apart = true; /* something that separates lies before the present character */
    for (int64_t i = 0; i < t->n; i++) {
        uint32_t c = t->points[i], behind = i + 1 < t->n ? t->points[i + 1] : ' ';
        if (c == ' ' || (mark(c) && (apart || !mark_stays(c, t->points[kept - 1], behind)))) {
            apart = true;
            continue;
        }
        if (apart && kept > 0 && !normal_dense(t->points[kept - 1]) && !normal_dense(c))
            t->points[kept++] = ' ';
        t->points[kept++] = c;
        apart = false;
    }
    t->n = kept;
}

err normal_set(struct normal *out, const char *text, size_t n) {
    out->n = 0;
    if ((size_t)out->capacity < n) {
        uint32_t *points = mem_resize(out->points, n, sizeof *points);
        if (!points) return ERR_MEMORY;
        out->points = points;
        out->capacity = (int64_t)n;
    }
    for (size_t i = 0; i < n;) {
        uint32_t c = (unsigned char)text[i];
        if (c < 0x80)
            i++;
        else
            i += utf8_next_any(text + i, n - i, &c);
        if (utf8_invisible(c)) continue;
        if (white_space(c)) {
            c = ' ';
        } else {
            if (control(c)) continue;
            c = normal_case(plain_mark(normal_width(c)));
        }
        out->points[out->n++] = c;
    }
    separate(out);
    return ERR_OK;
}

void normal_release(struct normal *normal) {
    mem_free(normal->points);
    *normal = (struct normal){0};
}

bool normal_holds(const struct normal *whole, const struct normal *part) {
    if (part->n == 0) return true;
    if (part->n > whole->n) return false;
    const size_t size = sizeof *whole->points, n = (size_t)part->n * size;
    const char *begin = (const char *)whole->points, *end = begin + (size_t)whole->n * size;
    for (const char *at = begin; (at = memmem(at, (size_t)(end - at), part->points, n)); at++)
        if ((size_t)(at - begin) % size == 0) return true; /* else within a code point */
    return false;
}

bool normal_equal(const struct normal *a, const struct normal *b) {
    return a->n == b->n && normal_holds(a, b);
}
