/* SPDX-License-Identifier: Apache-2.0
 * Matching by trying: every choice a pattern leaves open is bounded by a constant, so is the work
 * at one place of the text.
 * Read next: issues/read/pattern.h, the language. */
#include "issues/read/pattern.h"

enum { GAP_MAX = 48, GAP_CJK = 3, PART_MAX = 240, PART_CJK = 2 };

struct search {
    const uint32_t *s;
    struct range within;
    int64_t start;
    struct match *match;
};

static bool special(char32_t c) {
    return c == 0 || c == '(' || c == ')' || c == '|' || c == '~' || c == '#' || c == '^' ||
           c == '$' || c == '?' || c == '*' || c == '\\';
}

/* Blanks that do not count: beside a Chinese character, in the pattern or before in the text. */
static int64_t skip_blanks(const struct search *q, int64_t at, char32_t next) {
    if (at == q->start || next == ' ') return at;
    int64_t from = at;
    while (at < q->within.end && q->s[at] == ' ') at++;
    return next >= 0x80 || q->s[from - 1] >= 0x80 ? at : from;
}

static bool joint(uint32_t c) {
    return c == ' ' || c == '\n' || c == '-';
}

/* Characters of the pattern up to the next special one. Moves both on. */
static bool literal(const struct search *q, const char32_t **pattern, int64_t *place) {
    const char32_t *p = *pattern;
    int64_t at = *place;
    bool first = true;
    for (; !special(*p) || *p == '\\'; p++, first = false) {
        if (*p == '\\' && !*++p) return false;
        if (*p == ' ') {
            int64_t from = at;
            while (at < q->within.end && joint(q->s[at])) at++;
            if (at == from && !(at > q->within.begin && joint(q->s[at - 1]))) return false;
            continue;
        }
        at = skip_blanks(q, at, *p);
        if (at >= q->within.end || q->s[at] != *p) return false;
        if (first && point_latin(*p) && at > 0 && point_latin(q->s[at - 1])) return false;
        at++;
    }
    if (*p == '*') {
        while (at < q->within.end && point_latin(q->s[at])) at++;
        p++;
    } else if (p > *pattern && point_latin(p[-1]) && at > 0 && point_latin(q->s[at - 1]) &&
               point_latin(q->s[at])) {
        return false;
    }
    *pattern = p;
    *place = at;
    return true;
}

static bool here(struct search *q, const char32_t *p, int64_t at);

static const char32_t *behind_choice(const char32_t *p) {
    while (*p && *p != ')') p += *p == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
}

/* Most words of a choice fail at their first character. */
static bool may_start(const struct search *q, char32_t c, int64_t at) {
    return c == '\\' || c == ' ' || c == '$' || q->s[at] == c || q->s[at] == ' ';
}

static bool choice(struct search *q, const char32_t *p, int64_t at) {
    const char32_t *behind = behind_choice(p);
    bool optional = *behind == '?';
    if (optional) behind++;
    for (;;) {
        const char32_t *word = p;
        int64_t end = at;
        bool fits = may_start(q, *p, at) && literal(q, &word, &end);
        if (fits && *word == '$' && end == q->within.end) word++;
        if (fits && (*word == '|' || *word == ')') && here(q, behind, end)) return true;
        while (*p && *p != '|' && *p != ')') p += *p == '\\' && p[1] ? 2 : 1;
        if (*p != '|') break;
        p++;
    }
    return optional && here(q, behind, at);
}

static bool gap(struct search *q, const char32_t *p, int64_t at) {
    bool part = *p == '#';
    int number = q->match->n, left = part ? PART_MAX : GAP_MAX;
    if (part && number < PATTERN_MAX_PARTS) q->match->n++;
    int used = q->match->n;
    for (int64_t to = at; left >= 0; to++) {
        if (part && number < PATTERN_MAX_PARTS) q->match->parts[number] = (struct range){at, to};
        if ((to > at || !part) && here(q, p + 1, to)) return true;
        q->match->n = used;
        if (to >= q->within.end || point_sentence(q->s[to])) break;
        left -= !point_cjk(q->s[to]) ? 1 : part ? PART_CJK : GAP_CJK;
    }
    q->match->n = number;
    return false;
}

static bool here(struct search *q, const char32_t *p, int64_t at) {
    while (*p) {
        if (*p == '(') return choice(q, p + 1, at);
        if (*p == '~' || *p == '#') return gap(q, p, at);
        if (*p == '^' || *p == '$') {
            if (at != (*p == '^' ? q->within.begin : q->within.end)) return false;
            p++;
        } else if (special(*p) && *p != '\\') {
            return false;
        } else if (!literal(q, &p, &at)) {
            return false;
        }
    }
    q->match->all.end = at;
    return true;
}

bool pattern_at(const char32_t *pattern, const uint32_t *s, struct range within, int64_t at,
                struct match *out) {
    struct match own;
    struct search q = {s, within, at, out ? out : &own};
    *q.match = (struct match){.all = {at, at}};
    return here(&q, pattern, at);
}

static void may_begin(struct pattern *p, char32_t c) {
    p->first[c / 64 % 4] |= UINT64_C(1) << c % 64;
}

/* With what the words of a choice begin; false where one may begin with anything. */
static bool choice_begins(struct pattern *p, const char32_t *word) {
    for (bool start = true; *word && *word != ')'; word++) {
        if (start && *word == '\\') word++;
        if (start && (*word == '$' || *word == ' ')) return false;
        if (start) may_begin(p, *word);
        start = *word == '|';
    }
    return true;
}

void pattern_compile(const char32_t *text, struct pattern *out) {
    const char32_t *p = text;
    *out = (struct pattern){.text = text, .anchored = *p == '^'};
    if (*p == '^') p++;
    bool known = true, more = true;
    while (known && more) {
        more = false;
        if (*p == '(') {
            known = choice_begins(out, p + 1);
            p = behind_choice(p + 1);
            more = *p == '?'; /* or with what comes behind it */
            p += more;
        } else if (*p == '\\') {
            may_begin(out, p[1]);
        } else if (special(*p) || *p == ' ') {
            known = false;
        } else {
            may_begin(out, *p);
        }
    }
    out->known = known;
    for (int i = 0; i < 4 && !known; i++) out->first[i] = ~UINT64_C(0);
}

bool pattern_here(const struct pattern *p, const uint32_t *s, struct range within, int64_t at,
                  struct match *out) {
    uint32_t c = s[at];
    if (p->known && at > 0 && point_latin(c) && point_latin(s[at - 1])) return false;
    return (p->first[c / 64 % 4] >> c % 64 & 1) && pattern_at(p->text, s, within, at, out);
}

bool pattern_search(const struct pattern *p, const uint32_t *s, struct range within,
                    struct match *out) {
    int64_t end = p->anchored && within.begin < within.end ? within.begin + 1 : within.end;
    for (int64_t at = within.begin; at < end; at++)
        if (pattern_here(p, s, within, at, out)) return true;
    return false;
}

bool pattern_find(const char32_t *text, const uint32_t *s, struct range within, struct match *out) {
    struct pattern p;
    pattern_compile(text, &p);
    return pattern_search(&p, s, within, out);
}
