/* SPDX-License-Identifier: Apache-2.0
 * Comparing mathematical answers (eval/scorers/symbolic.h): both are brought to one spelling, then
 * read as numbers by recursive descent, then taken apart.
 *   sum := [sign] product {sign product}      product := power {[* or /] power}
 *   power := atom ["^" argument]              atom := number | bracketed sum | \frac | \sqrt | \pi
 * Read next: tests/unit/eval/test_symbolic.c. */
#include "eval/scorers/symbolic.h"

#include "eval/text.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 40 };
static const double close_enough = 1e-9; /* relative; answers are exact or given to few digits */

/* Spellings of the same, in the order in which they are replaced. */
static const char *const spellings[][2] = {
    {"\\left", ""},
    {"\\right", ""},
    {"\\dfrac", "\\frac"},
    {"\\tfrac", "\\frac"},
    {"\\,", ""},
    {"\\!", ""},
    {"\\;", ""},
    {"\\ ", ""},
    {" ", ""},
    {"$", ""},
    {"<n>", ""},
    {"\\mathrm{e}", "e"},
    {"\\rm{e}", "e"},
    {"\\mathrm{i}", "i"},
    {"^{\\circ}", ""},
    {"^\\circ", ""},
    {"°", ""},
    {"（", "("},
    {"）", ")"},
    {"，", ","},
    {"；", ";"},
    {"：", ":"},
    {"＝", "="},
    {"－", "-"},
    {"−", "-"},
    {"π", "\\pi"},
    {"√", "\\sqrt"},
    {"±", "\\pm"},
    {"∞", "\\infty"},
    {"∪", "\\cup"},
    {"\\times", "*"},
    {"×", "*"},
    {"\\cdot", "*"},
    {"·", "*"},
    {"\\div", "/"},
    {"÷", "/"},
    {"\\leqslant", "\\leq"},
    {"\\geqslant", "\\geq"},
};

static err one_spelling(struct span text, struct str *out) {
    TRY(text_set(out, span_strip(text)));
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        TRY(text_replace(out, spellings[i][0], spellings[i][1]));
    return ERR_OK;
}

struct reader {
    const char *at;
    int depth;
    bool failed;
};

static double read_sum(struct reader *r);

static bool take(struct reader *r, const char *word) {
    if (!str_starts(r->at, word)) return false;
    r->at += strlen(word);
    return true;
}

static double give_up(struct reader *r) {
    r->failed = true;
    return NAN;
}

static double read_bracketed(struct reader *r, const char *close) {
    double value = read_sum(r);
    return take(r, close) ? value : give_up(r);
}

static double read_digit(struct reader *r) {
    if (!isdigit((unsigned char)*r->at)) return give_up(r);
    return *r->at++ - '0';
}

/* "{...}", one digit, or a command. */
static double read_argument(struct reader *r) {
    double value = 0.0;
    if (++r->depth > MAX_DEPTH) return give_up(r);
    if (take(r, "{"))
        value = read_bracketed(r, "}");
    else if (take(r, "("))
        value = read_bracketed(r, ")");
    else if (take(r, "\\pi"))
        value = M_PI;
    else
        value = read_digit(r);
    r->depth--;
    return value;
}

/* Digits with at most one point; "1e5" is 1 times e times 5. */
static double read_number(struct reader *r) {
    char digits[64];
    char *end = NULL;
    size_t n = strspn(r->at, "0123456789.");
    if (n >= sizeof digits) return give_up(r);
    memcpy(digits, r->at, n);
    digits[n] = '\0';
    double value = strtod(digits, &end);
    if (end != digits + n) return give_up(r);
    r->at += n;
    return value;
}

static double read_root(struct reader *r) {
    double degree = 2.0;
    if (take(r, "[")) degree = read_bracketed(r, "]");
    double below = isdigit((unsigned char)*r->at) ? read_number(r) : read_argument(r);
    return degree == 2.0 ? sqrt(below) : pow(below, 1.0 / degree);
}

static double read_atom(struct reader *r) {
    if (take(r, "\\frac")) {
        double above = read_argument(r), below = read_argument(r);
        return below != 0.0 ? above / below : give_up(r);
    }
    if (take(r, "\\sqrt")) return read_root(r);
    if (take(r, "\\pi")) return M_PI;
    if (take(r, "(")) return read_bracketed(r, ")");
    if (take(r, "{")) return read_bracketed(r, "}");
    if (isdigit((unsigned char)*r->at)) return read_number(r);
    if (*r->at == 'e' && !isalpha((unsigned char)r->at[1])) {
        r->at++;
        return M_E;
    }
    return give_up(r);
}

static double read_power(struct reader *r) {
    double base = read_atom(r);
    if (!take(r, "^")) return base;
    return pow(base, take(r, "-") ? -read_argument(r) : read_argument(r));
}

static double read_product(struct reader *r) {
    double value = read_power(r);
    while (!r->failed && *r->at != '\0' && strchr("+-)}]", *r->at) == NULL) {
        if (take(r, "/")) {
            double below = read_power(r);
            if (below == 0.0) return give_up(r);
            value /= below;
        } else {
            (void)take(r, "*");
            value *= read_power(r);
        }
    }
    return value;
}

static double read_sum(struct reader *r) {
    if (++r->depth > MAX_DEPTH) return give_up(r);
    double value = take(r, "-") ? -read_product(r) : (take(r, "+"), read_product(r));
    while (!r->failed && (*r->at == '+' || *r->at == '-')) {
        bool minus = *r->at++ == '-';
        double next = read_product(r);
        value = minus ? value - next : value + next;
    }
    r->depth--;
    return value;
}

bool symbolic_value(const char *text, double *out) {
    struct reader r = {.at = text};
    *out = read_sum(&r);
    return !r.failed && *r.at == '\0' && isfinite(*out);
}

static bool equal_values(struct span a, struct span b, bool *out_numbers) {
    char left[256], right[256];
    double x = 0.0, y = 0.0;
    *out_numbers = false;
    if (a.n >= sizeof left || b.n >= sizeof right) return false;
    memcpy(left, a.text, a.n);
    memcpy(right, b.text, b.n);
    left[a.n] = right[b.n] = '\0';
    if (!symbolic_value(left, &x) || !symbolic_value(right, &y)) return false;
    *out_numbers = true;
    return fabs(x - y) <= close_enough * fmax(1.0, fabs(y));
}

static bool equal(struct span a, struct span b, int depth);

/* Bytes up to the next comma that stands in no bracket. */
static size_t member_length(struct span s) {
    int open = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("([{", s.text[i]) != NULL && s.text[i] != '\0') open++;
        if (strchr(")]}", s.text[i]) != NULL && s.text[i] != '\0') open--;
        if (s.text[i] == ',' && open == 0) return i;
    }
    return s.n;
}

static bool equal_members(struct span a, struct span b, int depth) {
    for (;;) {
        size_t n = member_length(a), m = member_length(b);
        if (!equal(text_cut(a, 0, n), text_cut(b, 0, m), depth)) return false;
        if (n == a.n || m == b.n) return n == a.n && m == b.n;
        a = text_cut(a, n + 1, a.n);
        b = text_cut(b, m + 1, b.n);
    }
}

static bool is_bracketed(struct span s) {
    return s.n >= 2 && strchr("([", s.text[0]) != NULL && strchr(")]", s.text[s.n - 1]) != NULL;
}

static bool equal(struct span a, struct span b, int depth) {
    bool numbers = false;
    if (span_equal(a, b)) return true;
    if (depth > 4 || a.n == 0 || b.n == 0) return false;
    bool same = equal_values(a, b, &numbers);
    if (numbers) return same;
    if (is_bracketed(a) && is_bracketed(b))
        return a.text[0] == b.text[0] && a.text[a.n - 1] == b.text[b.n - 1] &&
               equal_members(text_cut(a, 1, a.n - 1), text_cut(b, 1, b.n - 1), depth + 1);
    int64_t is = text_find(a, "=", 0), at = text_find(b, "=", 0);
    if (is >= 0 && at >= 0)
        return equal(text_cut(a, 0, (size_t)is), text_cut(b, 0, (size_t)at), depth + 1) &&
               equal(text_cut(a, (size_t)is + 1, a.n), text_cut(b, (size_t)at + 1, b.n), depth + 1);
    if (is == 1) return equal(text_cut(a, 2, a.n), b, depth + 1);
    if (at >= 0) return equal(a, text_after_last(b, "="), depth + 1);
    return member_length(a) < a.n && equal_members(a, b, depth + 1);
}

err symbolic_equal(struct span expected, struct span got, bool *out) {
    struct str a = {0}, b = {0};
    err result = one_spelling(expected, &a);
    if (result == ERR_OK) result = one_spelling(got, &b);
    *out = result == ERR_OK && equal(text_of(&a), text_of(&b), 0);
    str_release(&a);
    str_release(&b);
    return result;
}
