/* SPDX-License-Identifier: Apache-2.0
 * Secrets: tokens that are known by their prefix, private keys, and values that are assigned to a
 * name like password. A placeholder, a type, a variable or a call in the value's place is no
 * secret. Also the account names that are given the same way (QQ, WeChat).
 * Read next: data/sensitive/scan.h. */
#include "data/sensitive/scan.h"

#include "data/text/span.h"

enum { PASSWORD_MAX = 64, VALUE_MAX = 128, KEY_MAX = 16384 };

bool find_token(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    if (!begins_apart(s, at) || scan_at(s, at - 1) == '-') return false;
    int64_t end = pattern_match(s, at, pattern, false);
    if (end < 0 || is_word(scan_at(s, end)) || placeholder(s, at, end)) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

/* As a token, and some of its characters are digits: words of a programme's own have the prefix as
 * well (sk-fading-circle). */
bool find_token_with_digits(const struct scan *s, int64_t at, const char *pattern,
                            struct hit *hit) {
    int n_digits = 0;
    if (!find_token(s, at, pattern, hit)) return false;
    for (int64_t i = hit->begin; i < hit->end; i++) n_digits += is_digit(s->points[i]);
    return n_digits >= 2;
}

/* A block of PEM: the line that begins it, and what follows of it. */
bool find_private_key(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    int64_t end = pattern_match(s, at, pattern, false);
    if (end < 0 || scan_at(s, at - 1) == '-') return false;
    int64_t body = end;
    while (end - body < KEY_MAX && (is_word(scan_at(s, end)) || white_space(scan_at(s, end)) ||
                                    is_one_of(scan_at(s, end), "+/=\\:,\"") ||
                                    (scan_at(s, end) == '-' && scan_at(s, end + 1) != '-')))
        end++;
    int n_key = 0;
    for (int64_t i = body; i < end; i++) n_key += is_word(s->points[i]);
    if (n_key < 16) return false; /* the bare line is often spoken of */
    int64_t closed = pattern_match(s, end, "-----END~PRIVATE KEY-----", false);
    *hit = (struct hit){at, closed > 0 ? closed : end, body - at, 0};
    return true;
}

/* ---- values behind a name ---- */

struct value {
    int64_t begin, end;
    bool quoted;
};

static bool is_blank(uint32_t c) {
    return c == ' ' || c == '\t' || c == 0xA0;
}

static int64_t skip(const struct scan *s, int64_t at) {
    int64_t begin = at;
    while (at - begin < 4 && is_blank(scan_at(s, at))) at++;
    return at;
}

static bool is_quote(uint32_t c) {
    return is_one_of(c, "\"'`") || c == 0x201C || c == 0x201D || c == 0x2018 || c == 0x2019;
}

/* Whether the sign at `at` stands behind one of the names, which may have more before it
 * (db_password) and a quote behind, as in JSON. */
static bool is_named(const struct scan *s, int64_t at, const char *names, bool *chinese) {
    int64_t end = at, begin = at > 4 ? at - 4 : 0;
    while (end > begin && is_blank(scan_at(s, end - 1))) end--;
    if (is_quote(scan_at(s, end - 1))) end--;
    *chinese = scan_at(s, end - 1) >= 0x80;
    return ends_with(s, end, names);
}

static bool in_value(uint32_t c) {
    return c > ' ' && c < 0x7F && !is_one_of(c, "\"'`,;)}]>&|");
}

/* The value behind the sign at `at`: quoted, or up to where no value goes on. */
static bool read_value(const struct scan *s, int64_t at, int64_t max, struct value *v) {
    int64_t begin = at + 1 + is_one_of(scan_at(s, at + 1), "=>:"); /* := => 是: */
    if (scan_at(s, begin) == '=') return false;
    begin = skip(s, begin);
    v->quoted = is_quote(scan_at(s, begin));
    v->begin = begin + v->quoted;
    v->end = v->begin;
    if (v->quoted) {
        while (v->end - v->begin < max && !is_quote(scan_at(s, v->end))) {
            if (scan_at(s, v->end) <= ' ' || scan_at(s, v->end) >= 0x7F) return false;
            v->end++;
        }
        if (!is_quote(scan_at(s, v->end))) return false;
    } else {
        while (v->end - v->begin < max && in_value(scan_at(s, v->end))) v->end++;
        while (v->end > v->begin && s->points[v->end - 1] == '.') v->end--;
    }
    return v->end > v->begin && !placeholder(s, v->begin, v->end);
}

struct kinds {
    int letters, digits, others, changes; /* changes: of kind, between neighbours */
    bool dotted, call;                    /* a.b, f(x) */
};

static int kind_of(uint32_t c) {
    return is_digit(c) ? 1 : is_upper(c) ? 2 : is_letter(c) ? 3 : 0;
}

static struct kinds count_kinds(const struct scan *s, const struct value *v) {
    struct kinds k = {0};
    for (int64_t i = v->begin; i < v->end; i++) {
        uint32_t c = s->points[i];
        k.digits += is_digit(c);
        k.letters += is_letter(c);
        k.others += !is_word(c) && !is_one_of(c, ".-");
        int before = i > v->begin ? kind_of(s->points[i - 1]) : 0;
        k.changes += before && kind_of(c) && kind_of(c) != before;
        k.dotted |=
            c == '.' && i > v->begin && is_word(scan_at(s, i - 1)) && is_letter(scan_at(s, i + 1));
        k.call |= is_one_of(c, "([{");
    }
    return k;
}

bool find_password(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const char rules[] = "/|./|:|min:|max:|required|nullable";
    struct value v;
    bool chinese;
    if (!is_named(s, at, pattern, &chinese) || !read_value(s, at, PASSWORD_MAX, &v) ||
        v.end - v.begin < 4)
        return false;
    struct kinds k = count_kinds(s, &v);
    struct scan alone = {s->points, v.end};
    int64_t length = v.end - v.begin;
    if (pattern_match(&alone, v.begin, rules, true) >= 0) return false; /* a path, a role, a rule */
    for (int64_t i = v.begin; i < v.end && k.digits == 0; i++)          /* it speaks of itself */
        if (pattern_match(&alone, i, "password|passwd|passphrase|sample", true) >= 0) return false;
    if (!v.quoted) {
        if (length < 6 || k.call || (k.dotted && !chinese)) return false;
        if (k.digits == 0 && k.others == 0 && !(chinese && k.letters == length)) return false;
    }
    *hit = (struct hit){v.begin, v.end, 0, 0};
    return true;
}

/* A value of at least 16 characters that no person made up: letters and digits, many different
 * ones, changing often. */
bool find_assigned(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    struct value v;
    bool chinese;
    if (!is_named(s, at, pattern, &chinese) || !read_value(s, at, VALUE_MAX, &v)) return false;
    int64_t length = v.end - v.begin;
    struct kinds k = count_kinds(s, &v);
    if (length < 16 || k.call || k.dotted || k.digits < 2 || k.letters < 2 ||
        5 * k.changes < length)
        return false;
    int different = 0;
    for (int64_t i = v.begin; i < v.end; i++) {
        int64_t j = v.begin;
        if (!is_word(s->points[i]) && !is_one_of(s->points[i], "+/=.-~")) return false;
        while (s->points[j] != s->points[i]) j++;
        different += j == i;
    }
    if (different < 8) return false;
    *hit = (struct hit){v.begin, v.end, 0, 0};
    return true;
}

/* ---- accounts ---- */

/* Past "号", "ID", "号码" and the sign; -1 when nothing says that an account follows. */
static int64_t account_begins(const struct scan *s, int64_t at, bool *named) {
    int64_t end = pattern_match(s, at, " {0,1}号码| {0,1}号| {0,1}ID| {0,1}账号| {0,1}帐号", true);
    *named = end >= 0;
    if (end >= 0) at = end;
    end = pattern_match(s, at, " {0,1}[:=是为] {0,1}", false);
    if (end >= 0) return end;
    end = skip(s, at);
    return *named || end > at ? end : -1;
}

bool find_qq(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    bool named;
    int64_t name = pattern_match(s, at, pattern, true);
    if (name < 0 || !begins_apart(s, at) || is_letter(scan_at(s, name))) return false;
    int64_t begin = is_digit(scan_at(s, name)) ? name : account_begins(s, name, &named),
            end = begin;
    if (begin < 0 || scan_at(s, begin) == '0') return false;
    while (end - begin < 12 && is_digit(scan_at(s, end))) end++;
    if (end - begin < 5 || end - begin > 11) return false;
    uint32_t behind = scan_at(s, end);
    if (is_word(behind) || is_one_of(behind, "@%") ||
        (behind == '.' && is_digit(scan_at(s, end + 1))))
        return false;
    if (pattern_match(s, end, " {0,1}[年月版人个元万亿]", false) >= 0) return false;
    hit->begin = begin;
    hit->end = end;
    return true;
}

bool find_wechat(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const char words[] = "wx[0-9a-f]{16,16}|android|windows|iphone|version|unknown|string|"
                                "please|undefined";
    bool named;
    int64_t name = pattern_match(s, at, pattern, true);
    if (name < 0 || !begins_apart(s, at)) return false;
    if (is_word(scan_at(s, name - 1)) && is_word(scan_at(s, name))) return false;
    int64_t begin = account_begins(s, name, &named), end = begin;
    if (begin < 0 || !is_letter(scan_at(s, begin))) return false;
    bool told =
        named || is_one_of(scan_at(s, skip(s, name)), ":=") || said_before(s, at, 3, "加|我的");
    bool marked = false;
    for (; end - begin < 21 && (is_word(scan_at(s, end)) || scan_at(s, end) == '-'); end++)
        marked |= !is_letter(scan_at(s, end));
    if (!told || end - begin < 6 || end - begin > 20) return false;
    if (is_one_of(scan_at(s, end), "(.=:/@") && is_word(scan_at(s, end + 1))) return false;
    struct scan alone = {s->points, end};
    if (pattern_match(&alone, begin, words, true) == end || placeholder(s, begin, end))
        return false;
    /* letters alone: a name that somebody said is one, and no sentence going on */
    if (!marked && (!named || (scan_at(s, end) == ' ' && is_letter(scan_at(s, end + 1)))))
        return false;
    hit->begin = begin;
    hit->end = end;
    return true;
}

/* ---- phrases ---- */

bool find_words(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    if (is_word(scan_at(s, at)) && !begins_apart(s, at)) return false;
    int64_t end = pattern_match(s, at, pattern, true);
    if (end < 0) return false;
    if (is_word(scan_at(s, end - 1)) && is_word(scan_at(s, end))) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

/* The same, upper and lower case being different. */
bool find_exactly(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    return pattern_match(s, at, pattern, false) >= 0 && find_words(s, at, pattern, hit);
}
