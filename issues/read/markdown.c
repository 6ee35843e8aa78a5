/* SPDX-License-Identifier: Apache-2.0
 * What Markdown says of a body: which lines are headings, code, quotations, tables, boxes to tick,
 * and which characters are not words of the author's (code, quotations, comments, images, links'
 * addresses, tags). As GitHub shows it, but for what people forget: a blank behind "##" and an
 * empty line behind a quotation are not asked for.
 * Read next: issues/read/text.h. */
#include "issues/read/text.h"

#include <uchar.h>

enum { TAG_MAX = 300 };

static bool starts(const struct text *t, int64_t at, const char32_t *words) {
    for (; *words; words++, at++)
        if (t->fold[at] != *words) return false;
    return true;
}

static int64_t run(const struct text *t, int64_t at, uint32_t c) {
    int64_t n = 0;
    while (t->fold[at + n] == c) n++;
    return n;
}

static int64_t behind_blanks(const struct text *t, struct range r) {
    while (r.begin < r.end && t->fold[r.begin] == ' ') r.begin++;
    return r.begin;
}

static void mask(struct text *t, struct range r, uint8_t why) {
    for (int64_t i = r.begin; i < r.end; i++) t->mask[i] |= why;
}

static err split_lines(struct text *t, struct arena *a) {
    int64_t n = 1;
    for (int64_t i = 0; i < t->n; i++) n += t->point[i] == '\n';
    t->lines = arena_alloc(a, (size_t)n, sizeof *t->lines);
    if (!t->lines) return ERR_MEMORY;
    int64_t begin = 0;
    for (int64_t i = 0; i <= t->n; i++) {
        if (i < t->n && t->point[i] != '\n') continue;
        t->lines[t->n_lines++].at = (struct range){begin, i};
        begin = i + 1;
    }
    return ERR_OK;
}

struct fence {
    uint32_t mark; /* 0: outside */
    int64_t length;
};

/* A line that opens or closes a block of code. */
static bool fence_line(const struct text *t, struct line *line, struct fence *fence) {
    int64_t at = behind_blanks(t, line->at);
    uint32_t c = t->fold[at];
    int64_t n = c == '`' || c == '~' ? run(t, at, c) : 0;
    if (fence->mark) {
        if (c != fence->mark || n < fence->length) return false;
        if (behind_blanks(t, (struct range){at + n, line->at.end}) != line->at.end) return false;
        *fence = (struct fence){0};
        return true;
    }
    if (n < 3) return false;
    for (int64_t i = at + n; c == '`' && i < line->at.end; i++)
        if (t->fold[i] == '`') return false;
    *fence = (struct fence){c, n};
    return true;
}

/* Only the characters of `set`, blanks and, for a border, bars; at least `least` of the set. */
static bool made_of(const struct text *t, struct range r, const char32_t *set, int64_t least) {
    int64_t n = 0;
    for (int64_t i = r.begin; i < r.end; i++) {
        const char32_t *c = set;
        while (*c && *c != t->fold[i]) c++;
        if (!*c && t->fold[i] != ' ') return false;
        n += *c != 0;
    }
    return n >= least;
}

static bool has(const struct text *t, struct range r, uint32_t c) {
    for (int64_t i = r.begin; i < r.end; i++)
        if (t->fold[i] == c) return true;
    return false;
}

static bool is_box(const struct text *t, struct range r) {
    int64_t at = behind_blanks(t, r);
    uint32_t c = t->fold[at];
    if (c != '-' && c != '*' && c != '+') return false;
    at = behind_blanks(t, (struct range){at + 1, r.end});
    return t->fold[at] == '[' && t->fold[at + 1] && t->fold[at + 2] == ']' &&
           (t->fold[at + 1] == ' ' || t->fold[at + 1] == 'x');
}

static enum line_kind plain_kind(const struct text *t, struct line *line) {
    struct range r = line->at;
    int64_t at = behind_blanks(t, r), level = run(t, at, '#');
    if (at == r.end) return LINE_BLANK;
    if (t->fold[at] == '>') return LINE_QUOTE;
    uint32_t next = t->fold[at + level];
    if (level >= 1 && level <= 6 && at + level < r.end && (next == ' ' || level >= 2)) {
        line->level = (int)level;
        return LINE_HEADING;
    }
    if (is_box(t, r)) return LINE_BOX;
    if (starts(t, at, U"[//]:")) return LINE_HIDDEN;
    if (has(t, r, '|') && has(t, r, '-') && made_of(t, r, U"|-:", 3)) return LINE_BORDER;
    if (made_of(t, r, U"-", 3) || made_of(t, r, U"*", 3) || made_of(t, r, U"=", 3) ||
        made_of(t, r, U"_", 3))
        return LINE_RULE;
    return LINE_WORDS;
}

static void mask_comments(struct text *t) {
    for (int64_t i = 0; i < t->n; i++) {
        if (t->fold[i] != '<' || (t->mask[i] & MASK_CODE) || !starts(t, i, U"<!--")) continue;
        int64_t end = i + 4;
        while (end < t->n && !starts(t, end, U"-->")) end++;
        end = end < t->n ? end + 3 : t->n;
        mask(t, (struct range){i, end}, MASK_HIDDEN);
        i = end - 1;
    }
}

/* A line of nothing but a comment is one; a row above or below a border belongs to a table. */
static void mend_kinds(struct text *t) {
    for (int64_t i = 0; i < t->n_lines; i++) {
        struct line *line = &t->lines[i];
        bool hidden = (line->kind == LINE_WORDS || line->kind == LINE_HEADING) &&
                      line->at.begin < line->at.end;
        for (int64_t k = line->at.begin; k < line->at.end && hidden; k++)
            hidden = (t->mask[k] & MASK_HIDDEN) || t->fold[k] == ' ';
        if (hidden) line->kind = LINE_HIDDEN;
        if (line->kind != LINE_BORDER) continue;
        bool head = i > 0 && line[-1].kind == LINE_WORDS && has(t, line[-1].at, '|');
        if (!head) {
            line->kind = LINE_RULE;
            continue;
        }
        line[-1].kind = LINE_TABLE;
        for (int64_t k = i + 1;
             k < t->n_lines && has(t, t->lines[k].at, '|') && t->lines[k].kind == LINE_WORDS; k++)
            t->lines[k].kind = LINE_TABLE;
    }
}

static void line_kinds(struct text *t) {
    struct fence fence = {0};
    for (int64_t i = 0; i < t->n_lines; i++) {
        struct line *line = &t->lines[i];
        bool inside = fence.mark != 0;
        if (fence_line(t, line, &fence)) {
            line->kind = LINE_FENCE;
            t->n_blocks += !inside;
        } else {
            line->kind = inside ? LINE_CODE : plain_kind(t, line);
        }
        if (inside || line->kind == LINE_FENCE) line->block = t->n_blocks;
        if (line->block) mask(t, line->at, MASK_CODE);
        if (line->kind == LINE_QUOTE) mask(t, line->at, MASK_QUOTE);
        if (line->kind == LINE_BOX || line->kind == LINE_HIDDEN) mask(t, line->at, MASK_HIDDEN);
    }
}

static int64_t find_in(const struct text *t, int64_t at, int64_t end, uint32_t c) {
    while (at < end && t->fold[at] != c) at++;
    return at;
}

/* The first of each behind the places looked at so far, so that no line is searched twice. */
struct closers {
    int64_t bracket, angle, round;
};

/* Behind "](address)", which begins at a place; 0 where none does. */
static int64_t behind_address(const struct text *t, int64_t at, int64_t end, struct closers *next) {
    if (t->fold[at] != ']' || t->fold[at + 1] != '(') return 0;
    if (next->round < at) next->round = find_in(t, at, end, ')');
    return next->round < end ? next->round + 1 : 0;
}

/* Behind the image, tag or address that begins at a place; 0 where none does. */
static int64_t behind_hidden(const struct text *t, int64_t i, int64_t end, struct closers *next) {
    uint32_t c = t->fold[i];
    if (c == '!' && t->fold[i + 1] == '[') {
        if (next->bracket < i) next->bracket = find_in(t, i, end, ']');
        return next->bracket < end ? behind_address(t, next->bracket, end, next) : 0;
    }
    if (c == ']') return behind_address(t, i, end, next);
    if (c == '<' && (point_latin(t->fold[i + 1]) || t->fold[i + 1] == '/')) {
        if (next->angle < i) next->angle = find_in(t, i, end, '>');
        return next->angle < end && next->angle - i < TAG_MAX ? next->angle + 1 : 0;
    }
    if (c == '@' && point_latin(t->fold[i + 1]) && (i == 0 || !point_word(t->fold[i - 1]))) {
        int64_t k = i + 1;
        while (k < end && (point_latin(t->fold[k]) || t->fold[k] == '-')) k++;
        return k;
    }
    if (c == 'h' && (starts(t, i, U"http://") || starts(t, i, U"https://"))) {
        int64_t k = i;
        while (k < end && t->fold[k] > 0x20 && t->fold[k] < 0x7F && t->fold[k] != ')') k++;
        return k;
    }
    return 0;
}

static void mask_inline(struct text *t) {
    for (int64_t l = 0; l < t->n_lines; l++) {
        struct line *line = &t->lines[l];
        if (line->block) continue;
        struct closers next = {line->at.begin - 1, line->at.begin - 1, line->at.begin - 1};
        for (int64_t i = line->at.begin; i < line->at.end; i++) {
            int64_t behind = behind_hidden(t, i, line->at.end, &next);
            if (behind <= i) continue;
            mask(t, (struct range){i, behind}, MASK_HIDDEN);
            i = behind - 1;
        }
    }
}

err text_structure(struct text *t, struct arena *a) {
    TRY(split_lines(t, a));
    line_kinds(t);
    mask_comments(t);
    mask_inline(t);
    mend_kinds(t);
    for (int64_t i = 0; i < t->n; i++) t->said[i] = t->mask[i] ? TEXT_STOP : t->fold[i];
    return ERR_OK;
}
