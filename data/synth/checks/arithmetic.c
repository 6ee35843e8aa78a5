/* SPDX-License-Identifier: Apache-2.0
 * Every equation between numbers in the response is evaluated exactly, and there must be one. On
 * both sides of a = (or its full-width form) stand numbers with thousands in groups of three,
 * + - * / ^ ( ) %, and their Chinese and mathematical forms. What has a letter or word in it, as
 * x = 5, is no equation between numbers and is passed over, and so are ==, <=, >=, !=, := and a
 * quotient with a remainder. A rounded result is wrong: 10/3 is not 3.33.
 * Read next: data/synth/ratio.h. */
#include "data/synth/checks/check.h"
#include "data/synth/ratio.h"

#include "base/mem.h"
#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/* The response as one sign a code point: ASCII, and for others their ASCII form or OTHER. */
enum { OTHER = 1 };
struct signs {
    char *at;
    int64_t n;
};

static char sign_of(uint32_t codepoint) {
    static const struct {
        uint32_t from;
        char to;
    } forms[] = {{0xD7, '*'},   {0xB7, '*'},   {0x22C5, '*'}, {0x2217, '*'}, {0xF7, '/'},
                 {0x2215, '/'}, {0x2212, '-'}, {0xFF1D, '='}, {0xFF08, '('}, {0xFF09, ')'},
                 {0xFF0B, '+'}, {0xFF0D, '-'}, {0xFF05, '%'}, {0xA0, ' '},   {0x3000, ' '},
                 {0x3010, '('}, {0x3011, ')'}, {0x2026, '.'}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].from == codepoint) return forms[i].to;
    if (codepoint >= 0xFF10 && codepoint <= 0xFF19) return (char)('0' + (codepoint - 0xFF10));
    if (codepoint >= 128) return OTHER;
    if (codepoint == '\t') return ' ';
    return codepoint == '[' ? '(' : codepoint == ']' ? ')' : (char)codepoint;
}

static err signs_read(const char *text, struct signs *out) {
    size_t n = strlen(text);
    out->n = 0;
    out->at = mem_zalloc(n + 1, 1);
    if (!out->at) return ERR_MEMORY;
    for (size_t i = 0; i < n;) {
        uint32_t codepoint;
        i += utf8_next_any(text + i, n - i, &codepoint);
        out->at[out->n++] = sign_of(codepoint);
    }
    return ERR_OK;
}

/* ---- expressions:  sum = product (+|- product)*, product = power ((*|/) power | "(" ...)*,
 *      power = -power | primary [%]* [^ power], primary = number | "(" sum ")"        ---- */

struct parser {
    const struct signs *signs;
    int64_t at, end;
    int depth;
    bool too_large; /* or divided by zero */
    bool has_operator;
};

static char peek(struct parser *p) {
    while (p->at < p->end && p->signs->at[p->at] == ' ') p->at++;
    return p->at < p->end ? p->signs->at[p->at] : '\0';
}

static bool is_digit(const struct parser *p, int64_t at) {
    return at < p->end && isdigit((unsigned char)p->signs->at[at]);
}

/* A comma with exactly three digits behind it, as thousands have. */
static bool is_group(const struct parser *p, int64_t at) {
    return at < p->end && p->signs->at[at] == ',' && is_digit(p, at + 1) && is_digit(p, at + 2) &&
           is_digit(p, at + 3) && !is_digit(p, at + 4);
}

static bool add_digit(struct parser *p, struct ratio *value, struct ratio *place) {
    const struct ratio ten = {10, 1};
    struct ratio digit = {p->signs->at[p->at++] - '0', 1};
    bool good = true;
    if (place) {
        good = ratio_divide(*place, ten, place) && ratio_multiply(digit, *place, &digit);
    } else {
        good = ratio_multiply(*value, ten, value);
    }
    if (!good || !ratio_add(*value, digit, value)) p->too_large = true;
    return !p->too_large;
}

static bool number(struct parser *p, struct ratio *out) {
    struct ratio place = {1, 1};
    *out = (struct ratio){0, 1};
    if (!is_digit(p, p->at)) return false;
    while (is_digit(p, p->at) || is_group(p, p->at)) {
        if (p->signs->at[p->at] == ',') p->at++;
        if (!add_digit(p, out, NULL)) return false;
    }
    if (p->at >= p->end || p->signs->at[p->at] != '.' || !is_digit(p, p->at + 1)) return true;
    p->at++;
    while (is_digit(p, p->at))
        if (!add_digit(p, out, &place)) return false;
    return true;
}

static bool sum(struct parser *p, struct ratio *out);

static bool primary(struct parser *p, struct ratio *out) {
    if (peek(p) != '(') return number(p, out);
    p->at++;
    if (++p->depth > DEPTH_MAX || !sum(p, out) || peek(p) != ')') return false;
    p->depth--;
    p->at++;
    return true;
}

static bool power(struct parser *p, struct ratio *out) {
    const struct ratio hundred = {100, 1};
    struct ratio exponent;
    if (peek(p) == '-' && ++p->depth <= DEPTH_MAX) {
        p->at++;
        if (!power(p, out)) return false;
        p->depth--;
        out->over = -out->over;
        return true;
    }
    if (!primary(p, out)) return false;
    while (peek(p) == '%') {
        p->at++;
        if (!ratio_divide(*out, hundred, out)) return !(p->too_large = true);
    }
    bool stars = peek(p) == '*' && p->at + 1 < p->end && p->signs->at[p->at + 1] == '*';
    if (peek(p) != '^' && !stars) return true;
    p->at += stars ? 2 : 1;
    p->has_operator = true;
    if (++p->depth > DEPTH_MAX || !power(p, &exponent)) return false;
    p->depth--;
    if (!ratio_power(*out, exponent, out)) p->too_large = true;
    return !p->too_large;
}

/* Steps behind a sign that nothing follows go back before it: it belongs to what comes next. */
static bool product(struct parser *p, struct ratio *out) {
    struct ratio right;
    if (!power(p, out)) return false;
    for (char sign; (sign = peek(p)) == '*' || sign == '/' || sign == '(';) {
        int64_t before = p->at;
        p->at += sign != '(';
        if (!power(p, &right)) {
            p->at = before;
            return !p->too_large;
        }
        p->has_operator = true;
        bool good = sign == '/' ? ratio_divide(*out, right, out) : ratio_multiply(*out, right, out);
        if (!good) p->too_large = true;
        if (!good) return false;
    }
    return true;
}

static bool sum(struct parser *p, struct ratio *out) {
    struct ratio right;
    if (!product(p, out)) return false;
    for (char sign; (sign = peek(p)) == '+' || sign == '-';) {
        int64_t before = p->at++;
        if (!product(p, &right)) {
            p->at = before;
            return !p->too_large;
        }
        p->has_operator = true;
        bool good = sign == '+' ? ratio_add(*out, right, out) : ratio_subtract(*out, right, out);
        if (!good) p->too_large = true;
        if (!good) return false;
    }
    return true;
}

/* ---- equations ---- */

static bool in_expression(char sign) {
    return sign == ' ' || isdigit((unsigned char)sign) || (sign && strchr(".,+-*/()^%", sign));
}

static bool is_word(char sign) {
    return sign == OTHER || sign == '_' || isalpha((unsigned char)sign);
}

/* Where the left side of the = at `equals` begins; -1: there is none that is only numbers. */
static int64_t left_begin(const struct signs *s, int64_t equals) {
    int64_t begin = equals;
    while (begin > 0 && in_expression(s->at[begin - 1])) begin--;
    char before = begin > 0 ? s->at[begin - 1] : '\0';
    bool touches = begin < equals && s->at[begin] != ' ';
    while (begin < equals && s->at[begin] && strchr(" ,.)%", s->at[begin])) begin++;
    if (begin == equals) return -1;
    if (touches && (isalpha((unsigned char)before) || before == '_')) return -1; /* x2 = */
    if (strchr("+*/^", s->at[begin])) return -1;
    if (s->at[begin] == '-' && is_word(before)) return -1; /* x - 2 = */
    return begin;
}

/* An = that compares two values, and is no part of another sign. */
static bool is_equals(const struct signs *s, int64_t at) {
    char before = at > 0 ? s->at[at - 1] : '\0', behind = at + 1 < s->n ? s->at[at + 1] : '\0';
    return s->at[at] == '=' && behind != '=' && !(before && strchr("=<>!:", before));
}

/* 7/2 = 3...1, as schools in China write it. */
static bool has_remainder(const struct signs *s, int64_t at) {
    while (at < s->n && s->at[at] == ' ') at++;
    return at + 1 < s->n && s->at[at] == '.' && s->at[at + 1] == '.';
}

struct equation {
    struct ratio left, right;
    int64_t begin, end;
    bool too_large;
};

/* Whether the = at `at` stands between two expressions of numbers, with an operator in one. */
static bool equation_read(const struct signs *s, int64_t at, struct equation *out) {
    int64_t begin = left_begin(s, at), end = at + 1;
    while (end < s->n && in_expression(s->at[end])) end++;
    struct parser left = {.signs = s, .at = begin, .end = at};
    struct parser right = {.signs = s, .at = at + 1, .end = end};
    if (begin < 0) return false;
    bool good = sum(&left, &out->left) && peek(&left) == '\0';
    if (!good && !left.too_large) return false;
    bool right_good = sum(&right, &out->right);
    if (!right_good && !right.too_large) return false;
    if (has_remainder(s, right.at)) return false;
    out->begin = begin;
    out->end = right.at;
    out->too_large = left.too_large || right.too_large;
    return left.has_operator || right.has_operator || out->too_large;
}

/* The text of signs [begin, end), which are code points of `text`. */
static err add_part(const char *text, int64_t begin, int64_t end, struct str *out) {
    size_t n = strlen(text), at = 0, from = 0;
    uint32_t codepoint;
    for (int64_t i = 0; i < end; i++) {
        if (i == begin) from = at;
        at += utf8_next_any(text + at, n - at, &codepoint);
    }
    return str_append(out, text + from, at - from);
}

static err test_signs(const struct signs *s, const char *text, struct str *why) {
    int64_t n = 0;
    for (int64_t at = 0; at < s->n; at++) {
        struct equation e;
        if (!is_equals(s, at) || !equation_read(s, at, &e)) continue;
        n++;
        if (!e.too_large && ratio_same(e.left, e.right)) continue;
        TRY(str_add(why, "'"));
        TRY(add_part(text, e.begin, e.end, why));
        if (e.too_large) return str_add(why, "' is too large to be evaluated");
        TRY(str_add(why, "' is wrong: the left side is "));
        TRY(ratio_text(e.left, why));
        TRY(str_add(why, ", the right side "));
        return ratio_text(e.right, why);
    }
    return n > 0 ? ERR_OK : str_add(why, "the response has no equation between numbers");
}

static err arithmetic_open(const struct check_spec *spec, void **out) {
    (void)spec;
    *out = NULL;
    return ERR_OK;
}

static err arithmetic_test(const void *given, const struct check_row *row, struct str *why) {
    struct signs s;
    (void)given;
    TRY(signs_read(row->response, &s));
    err e = test_signs(&s, row->response, why);
    mem_free(s.at);
    return e;
}

const struct check check_arithmetic = {
    .name = "arithmetic",
    .summary = "every equation between numbers in the response is right, and there is one",
    .keys = "",
    .open = arithmetic_open,
    .test = arithmetic_test,
};
