/* SPDX-License-Identifier: Apache-2.0
 * The patterns of data/sensitive.def, read as they stand, and what finders ask about the
 * surroundings of a place. A class or character is repeated as often as it can be and never given
 * back, and a gap is short, so a match costs a bounded number of steps.
 * Read next: data/sensitive/scan.h, the notation. */
#include "data/sensitive/scan.h"

#include "base/str.h"
#include "data/text/normal.h"
#include "data/text/span.h"
#include <stdlib.h>
#include <string.h>

enum { GAP_MAX = 16, BLANKS_MAX = 4, WORD_MAX = 16 };

bool is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}
bool is_upper(uint32_t c) {
    return c >= 'A' && c <= 'Z';
}
bool is_letter(uint32_t c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}
bool is_word(uint32_t c) {
    return is_letter(c) || is_digit(c) || c == '_';
}
bool is_one_of(uint32_t c, const char *ascii) {
    return c > 0 && c < 0x80 && strchr(ascii, (int)c) != NULL;
}

/* One part of a pattern: a character, class, gap or blank, and how often it may come. */
struct element {
    const char *text; /* of a class: what stands in the brackets */
    size_t n;
    uint32_t point; /* of a character */
    long min, max;
    bool class;
};

static const char *read_point(const char *p, const char *end, uint32_t *out) {
    return p + utf8_next_any(p, (size_t)(end - p), out);
}

/* Reads the element at `p`; returns what follows. */
static const char *read_element(const char *p, const char *end, struct element *e) {
    *e = (struct element){.min = 1, .max = 1, .class = *p == '['};
    if (e->class) {
        const char *close = memchr(p, ']', (size_t)(end - p));
        e->text = p + 1;
        e->n = (size_t)(close - e->text);
        p = close + 1;
    } else {
        p = read_point(p, end, &e->point);
    }
    if (p < end && *p == '{') {
        char *rest;
        e->min = strtol(p + 1, &rest, 10);
        e->max = strtol(rest + 1, &rest, 10);
        p = rest + 1;
    }
    return p;
}

static bool in_class(const struct element *e, uint32_t c) {
    const char *p = e->text, *end = e->text + e->n;
    while (p < end) {
        uint32_t first, last;
        p = read_point(p, end, &first);
        last = first;
        if (end - p >= 2 && *p == '-') p = read_point(p + 1, end, &last);
        if (c >= first && c <= last) return true;
    }
    return false;
}

static bool matches(const struct element *e, uint32_t c, bool fold) {
    if (e->class) return in_class(e, c) || (fold && is_upper(c) && in_class(e, c + 32));
    return c == e->point || (fold && c < 0x80 && normal_case(c) == normal_case(e->point));
}

static bool line_end(uint32_t c) {
    return c == '\n' || c == '\r' || c == 0;
}

/* The alternative [p, end) at `at`; calls itself once a gap. */
static int64_t match_part(const struct scan *s, int64_t at, const char *p, const char *end,
                          bool fold) {
    while (p < end) {
        struct element e;
        const char *behind = read_element(p, end, &e);
        if (!e.class && e.point == '~') {
            for (int gap = 0; gap <= GAP_MAX; gap++) {
                int64_t found = match_part(s, at + gap, behind, end, fold);
                if (found >= 0) return found;
                if (line_end(scan_at(s, at + gap))) break;
            }
            return -1;
        }
        long n = 0;
        if (!e.class && e.point == ' ') {
            while (n < BLANKS_MAX && white_space(scan_at(s, at + n))) n++;
        } else {
            while (n < e.max && at + n < s->n && matches(&e, s->points[at + n], fold)) n++;
        }
        if (n < e.min) return -1;
        at += n;
        p = behind;
    }
    return at;
}

static bool same_letter(char in_pattern, uint32_t c, bool fold) {
    uint32_t letter = (unsigned char)in_pattern;
    return c == letter || (fold && c < 0x80 && normal_case(c) == normal_case(letter));
}

/* Whether an alternative may match at `at`: a look at its first two characters that saves reading
 * most of them. */
static bool may_begin(const struct scan *s, int64_t at, const char *p, bool fold) {
    uint32_t c = scan_at(s, at);
    if ((unsigned char)*p >= 0x80) return c >= 0x80;
    if (*p == '[' || *p == ' ' || *p == '~' || p[1] == '{') return true;
    if (!same_letter(*p, c, fold)) return false;
    bool plain = is_word((unsigned char)p[1]) && p[2] != '{';
    return !plain || same_letter(p[1], scan_at(s, at + 1), fold);
}

int64_t pattern_match(const struct scan *s, int64_t at, const char *pattern, bool fold) {
    for (const char *p = pattern;; p++) {
        const char *end = strchrnul(p, '|');
        if (may_begin(s, at, p, fold)) {
            int64_t found = match_part(s, at, p, end, fold);
            if (found >= 0) return found;
        }
        if (!*end) return -1;
        p = end;
    }
}

bool ends_with(const struct scan *s, int64_t end, const char *words) {
    for (const char *p = words;; p++) {
        const char *bar = strchrnul(p, '|');
        int64_t at = end - utf8_count(p, (size_t)(bar - p));
        if (at >= 0 && may_begin(s, at, p, true) && match_part(s, at, p, bar, true) == end)
            return true;
        if (!*bar) return false;
        p = bar;
    }
}

void pattern_begins(const char *pattern, void (*fn)(void *ctx, uint32_t point), void *ctx) {
    for (const char *p = pattern;; p++) {
        const char *end = strchrnul(p, '|');
        struct element e;
        (void)read_element(p, end, &e);
        const char *in = e.class ? e.text : p, *in_end = e.class ? e.text + e.n : in + 1;
        while (in < in_end) {
            uint32_t first = e.point, last;
            in = e.class ? read_point(in, in_end, &first) : in_end;
            last = first;
            if (e.class && in_end - in >= 2 && *in == '-') in = read_point(in + 1, in_end, &last);
            for (uint32_t c = first; c <= last; c++) {
                fn(ctx, c);
                if (is_letter(c)) fn(ctx, c ^ 0x20);
            }
        }
        if (!*end) return;
        p = end;
    }
}

bool begins_apart(const struct scan *s, int64_t at) {
    uint32_t before = scan_at(s, at - 1);
    if (is_one_of(before, "nrt") && scan_at(s, at - 2) == '\\') return true;
    return !is_word(before);
}

bool said_before(const struct scan *s, int64_t at, int64_t reach, const char *words) {
    int64_t from = at - reach - WORD_MAX;
    for (int64_t i = from > 0 ? from : 0; i < at; i++) {
        int64_t end = pattern_match(s, i, words, true);
        if (end >= 0 && end <= at && end >= at - reach) return true;
    }
    return false;
}

bool placeholder(const struct scan *s, int64_t begin, int64_t end) {
    static const char anywhere[] = "xxxx|***|...|your|example|placeholder|changeme|replace|insert|"
                                   "<|>|$[{(]|1234567890ab|abcdefgh|redacted|dummy|fake";
    static const bool begins[128] = {
        ['x'] = true, ['X'] = true, ['*'] = true, ['.'] = true, ['y'] = true, ['Y'] = true,
        ['e'] = true, ['E'] = true, ['p'] = true, ['P'] = true, ['c'] = true, ['C'] = true,
        ['r'] = true, ['R'] = true, ['i'] = true, ['I'] = true, ['<'] = true, ['>'] = true,
        ['$'] = true, ['1'] = true, ['a'] = true, ['A'] = true, ['d'] = true, ['D'] = true,
        ['f'] = true, ['F'] = true,
    };
    static const char whole[] =
        "password|passwd|passphrase|pass|pwd|secret|token|key|none|null|nil|"
        "undefined|true|false|string|str|text|user|username|root|admin|"
        "hidden|required|optional|input|value|test";
    int64_t run = 0, longest = 0;
    if (is_one_of(scan_at(s, begin), "${<%*")) return true;
    for (int64_t i = begin; i < end; i++) {
        bool look = s->points[i] < 128 && begins[s->points[i]]; /* or time would go into others */
        int64_t found = look ? pattern_match(s, i, anywhere, true) : -1;
        if (found >= 0 && found <= end) return true;
        run = i > begin && s->points[i] == s->points[i - 1] ? run + 1 : 1;
        if (run > longest) longest = run;
    }
    if (longest >= 6 && (end - begin > 8 || !is_digit(s->points[begin]))) return true;
    struct scan alone = {s->points, end};
    return pattern_match(&alone, begin, whole, true) == end;
}
