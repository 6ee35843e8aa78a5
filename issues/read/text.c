/* SPDX-License-Identifier: Apache-2.0
 * From the bytes of a post to characters that can be compared and still be found again in it.
 * Nothing is judged here.
 * Read next: issues/read/text.h, the contract; issues/read/markdown.c for lines. */
#include "issues/read/text.h"

#include <string.h>
#include <uchar.h>

static bool invisible(uint32_t c) {
    return c == 0x00AD || c == 0x180E || c == 0xFEFF || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           (c >= 0xFE00 && c <= 0xFE0F) || (c < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
           c == 0x7F;
}

static uint32_t fold(uint32_t c) {
    if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFEE0; /* forms of full width */
    if (c >= 'A' && c <= 'Z') return c + ('a' - 'A');
    switch (c) {
#define FOLD(written, read)                                                                        \
    case written:                                                                                  \
        return read;
#include "issues/read/folds.def"
#undef FOLD
    default: return c;
    }
}

bool point_blank(uint32_t c) {
    return c == ' ' || c == '\n';
}

bool point_cjk(uint32_t c) {
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

bool point_latin(uint32_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool point_word(uint32_t c) {
    return point_latin(c) || point_cjk(c) || (c >= 0xC0 && c < 0x2000 && c != 0xD7 && c != 0xF7) ||
           (c >= 0x3040 && c <= 0x30FF) || (c >= 0xAC00 && c <= 0xD7A3);
}

bool point_sentence(uint32_t c) {
    return c == U'。' || c == '!' || c == '?' || c == ';' || c == '\n' || c == TEXT_STOP || c == 0;
}

bool point_clause(uint32_t c) {
    return c == ',' || point_sentence(c);
}

static err arrays(struct text *t, size_t n, struct arena *a) {
    t->point = arena_alloc(a, n, sizeof *t->point);
    t->fold = arena_alloc(a, n, sizeof *t->fold);
    t->said = arena_alloc(a, n, sizeof *t->said);
    t->at = arena_alloc(a, n, sizeof *t->at);
    t->mask = arena_alloc(a, n, sizeof *t->mask);
    return t->point && t->fold && t->said && t->at && t->mask ? ERR_OK : ERR_MEMORY;
}

err text_read(const char *utf8, bool of_title, struct arena *a, struct text *out) {
    size_t n_bytes = strlen(utf8), most = n_bytes < TEXT_MAX_POINTS ? n_bytes : TEXT_MAX_POINTS;
    *out = (struct text){.of_title = of_title};
    TRY(arrays(out, most + 2, a));
    int64_t place = 0;
    for (size_t i = 0; i < n_bytes; place++) {
        uint32_t c;
        size_t used = utf8_next(utf8 + i, n_bytes - i, &c);
        if (used == 0) c = 0xFFFD;
        i += used ? used : 1;
        if (c == '\r' && utf8[i] == '\n') continue;
        if (c == '\r' || c == 0x2028 || c == 0x2029) c = '\n';
        if (invisible(c)) continue;
        if (out->n >= (int64_t)most) {
            out->cut = true;
            break;
        }
        out->point[out->n] = c;
        out->fold[out->n] = fold(c);
        out->at[out->n++] = place;
    }
    out->at[out->n] = place;
    return text_structure(out, a);
}

int64_t text_line_at(const struct text *t, int64_t at) {
    int64_t low = 0, high = t->n_lines - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->lines[middle].at.end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Bold, italic and code marks; a fence's are kept. */
static bool is_mark(const struct text *t, int64_t i) {
    uint32_t c = t->fold[i];
    return c == '*' || c == '_' ||
           (c == '`' && t->fold[i + 1] != '`' && (i == 0 || t->fold[i - 1] != '`'));
}

/* A mark at an end goes only with its fellow at the other, or when it has none. */
static bool same_marks(const struct text *t, struct range r) {
    return r.begin < r.end && is_mark(t, r.begin) && t->fold[r.begin] == t->fold[r.end - 1] &&
           range_size(r) > 2;
}

static bool lone_mark(const struct text *t, struct range r, int64_t at) {
    int64_t n = 0;
    if (!is_mark(t, at)) return false;
    for (int64_t i = r.begin; i < r.end && n < 3; i++) n += t->fold[i] == t->fold[at];
    return n == 1 || (n == 2 && t->fold[at] == '*' &&
                      ((at > r.begin && t->fold[at - 1] == '*') || t->fold[at + 1] == '*'));
}

struct range range_trim(const struct text *t, struct range r) {
    for (;;) {
        struct range before = r;
        while (r.begin < r.end && point_blank(t->fold[r.begin])) r.begin++;
        while (r.begin < r.end && point_blank(t->fold[r.end - 1])) r.end--;
        if (same_marks(t, r)) {
            r.begin++;
            r.end--;
        }
        while (r.begin < r.end && lone_mark(t, r, r.begin)) r.begin++;
        while (r.begin < r.end && lone_mark(t, r, r.end - 1)) r.end--;
        if (r.begin == before.begin && r.end == before.end) return r;
    }
}

static bool ends_badly(uint32_t c) {
    return c == ',' || c == '.' || c == ':' || c == U'、' || c == '~' || c == '-' ||
           (point_sentence(c) && c != '!');
}

struct range range_bare(const struct text *t, struct range r) {
    for (;;) {
        r = range_trim(t, r);
        if (r.begin < r.end && (ends_badly(t->fold[r.end - 1]) || t->fold[r.end - 1] == '!'))
            r.end--;
        else if (r.begin < r.end && ends_badly(t->fold[r.begin]) && t->fold[r.begin] != '-' &&
                 t->fold[r.begin] != '.')
            r.begin++;
        else
            return r;
    }
}

static bool han_digit(uint32_t c) {
    for (const char32_t *d = U"一二三四五六七八九十"; *d; d++)
        if (c == *d) return true;
    return false;
}

/* "1." "1、" "(1)" "1)" "①" "一、" "(一)" "a." : length of the mark, or 0. */
static int64_t number_mark(const struct text *t, struct range r) {
    const uint32_t *c = t->fold + r.begin;
    int64_t n = range_size(r), i = 0, digits = 0;
    if (n > 0 && ((c[0] >= 0x2460 && c[0] <= 0x249B) || (c[0] >= 0x2776 && c[0] <= 0x2793)))
        return 1;
    bool open = n > 0 && c[0] == '(', letter = false;
    for (i = open; i < n && digits < 3; i++, digits++)
        if ((c[i] < '0' || c[i] > '9') && !han_digit(c[i])) break;
    if (digits == 0 && i < n && c[i] >= 'a' && c[i] <= 'h') {
        letter = true;
        i++;
    }
    if ((digits == 0 && !letter) || i >= n) return 0;
    uint32_t next = i + 1 < n ? c[i + 1] : ' ';
    if (open) return c[i] == ')' ? i + 1 : 0;
    if (c[i] == ')' || c[i] == U'、') return i + 1;
    if (c[i] == '.' && letter) return point_latin(next) ? 0 : i + 1;
    if (c[i] == '.') return next >= '0' && next <= '9' ? 0 : i + 1;
    return c[i] == ',' && !letter && !point_latin(next) ? i + 1 : 0;
}

/* "- ", "* ", "+ " and the dots that people type for them. */
static int64_t bullet_mark(const struct text *t, struct range r) {
    if (range_size(r) < 2) return 0;
    uint32_t c = t->fold[r.begin], next = t->fold[r.begin + 1];
    if (c == 0x2022 || c == 0x25CF || c == 0x25AA || c == 0x25A0 || c == 0x25C6 || c == 0x00B7 ||
        c == 0x30FB || c == 0x25E6)
        return 1;
    if (c == '-' && point_cjk(next)) return 1;
    return (c == '-' || c == '*' || c == '+') && next == ' ' ? 1 : 0;
}

bool range_list_mark(const struct text *t, struct range r, int64_t *out_words) {
    while (r.begin < r.end && point_blank(t->fold[r.begin])) r.begin++;
    int64_t n = bullet_mark(t, r);
    bool found = n > 0;
    r.begin += n;
    while (r.begin < r.end && t->fold[r.begin] == ' ') r.begin++;
    if (t->fold[r.begin] == '*' && t->fold[r.begin + 1] == '*' && range_size(r) > 4) {
        struct range inside = {r.begin + 2, r.end}; /* "**1. x**" */
        if (number_mark(t, inside) > 0) r.begin += 2;
    }
    n = number_mark(t, r);
    found = found || n > 0;
    r.begin += n;
    while (r.begin < r.end && t->fold[r.begin] == ' ') r.begin++;
    if (out_words) *out_words = r.begin;
    return found;
}

int64_t range_words(const struct text *t, struct range r) {
    int64_t n = 0;
    for (int64_t i = r.begin; i < r.end; i++) n += t->mask[i] == 0 && point_word(t->point[i]);
    return n;
}

void piece_add(struct piece_draft *d, struct range r) {
    if (d->failed != ERR_OK || r.begin >= r.end || d->n == PIECE_MAX_STRETCHES) return;
    const struct text *t = d->text;
    for (int64_t i = r.begin; i < r.end && d->failed == ERR_OK; i++)
        d->failed = str_codepoint(&d->words, t->point[i]);
    d->stretches[d->n++] = (struct stretch){t->at[r.begin], t->at[r.end - 1] + 1};
}

void piece_join(struct piece_draft *d, const char *words) {
    if (d->failed == ERR_OK) d->failed = str_add(&d->words, words);
}

err piece_end(struct piece_draft *d, struct piece *out) {
    *out = (struct piece){0};
    if (d->failed == ERR_OK && d->n > 0) {
        out->text = arena_strdup(d->arena, str_text(&d->words));
        out->stretches = arena_alloc(d->arena, (size_t)d->n, sizeof *out->stretches);
        if (!out->text || !out->stretches) d->failed = ERR_MEMORY;
    }
    if (d->failed == ERR_OK && d->n > 0) {
        memcpy(out->stretches, d->stretches, (size_t)d->n * sizeof *out->stretches);
        out->n_stretches = d->n;
        out->begin = d->stretches[0].begin;
        for (int64_t i = 0; i < d->n; i++) {
            if (d->stretches[i].begin < out->begin) out->begin = d->stretches[i].begin;
            if (d->stretches[i].end > out->end) out->end = d->stretches[i].end;
        }
        out->of_title = d->text->of_title;
    }
    str_release(&d->words);
    return d->failed;
}

err piece_of(const struct text *t, struct range r, struct arena *a, struct piece *out) {
    struct piece_draft draft = {.text = t, .arena = a};
    piece_add(&draft, r);
    return piece_end(&draft, out);
}
