/* SPDX-License-Identifier: Apache-2.0
 * The search itself: the text as code points, every rule tried where its pattern can begin, and of
 * the finds that overlap the longest. What the rules are stands in data/sensitive.def, how they are
 * matched in data/sensitive/.
 * Read next: data/sensitive/scan.h. */
#include "data/sensitive.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/sensitive/scan.h"
#include "data/text/normal.h"
#include "data/text/span.h"
#include <stdlib.h>
#include <string.h>

const struct sensitive_row sensitive_rows[] = {
#define SENSITIVE(name, class, function, begins, pattern, help) {#name, SENSITIVE_##class, help},
#include "data/sensitive.def"
#undef SENSITIVE
};
const int n_sensitive_rows = (int)(sizeof sensitive_rows / sizeof sensitive_rows[0]);

static const struct {
    finder *find;
    const char *begins, *pattern;
} rules[] = {
#define SENSITIVE(name, class, function, begins, pattern, help) {find_##function, begins, pattern},
#include "data/sensitive.def"
#undef SENSITIVE
};
enum { N_RULES = sizeof rules / sizeof rules[0], SLOTS = 1024, SHOWN_MAX = 60 };
_Static_assert(N_RULES <= 64, "a place's rules are bits of one word");

const char *sensitive_class_name(enum sensitive_class what) {
    switch (what) {
    case SENSITIVE_PERSONAL: return "personal";
    case SENSITIVE_SECRET: return "secret";
    case SENSITIVE_LICENCE: return "licence";
    }
    return "unknown";
}

struct found {
    struct hit hit;
    int rule;
};

struct search {
    const char *text;
    size_t size;
    struct scan scan;
    uint32_t *points, *offsets; /* offsets: the byte where each begins */
    uint64_t tried[SLOTS];      /* by the slot of a code point: the rules whose pattern begins so */
    struct found *found;
    int64_t n, capacity;
};

/* ASCII has slots of its own, the rest shares what is left. */
static size_t slot(uint32_t point) {
    return point < 0x80 ? point : 0x80 + point % (SLOTS - 0x80);
}

struct entry {
    struct search *search;
    int rule;
};
static void enter(void *ctx, uint32_t point) {
    const struct entry *entry = ctx;
    entry->search->tried[slot(point)] |= UINT64_C(1) << entry->rule;
}

static void release(struct search *search) {
    mem_free(search->points);
    mem_free(search->offsets);
    mem_free(search->found);
}

static err read_points(struct search *search) {
    const char *text = search->text;
    size_t n = search->size;
    search->points = mem_alloc(n + 1, sizeof *search->points);
    search->offsets = mem_alloc(n + 1, sizeof *search->offsets);
    if (!search->points || !search->offsets) return ERR_MEMORY;
    int64_t count = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t begin = i;
        i += utf8_next_any(text + i, n - i, &c);
        if (utf8_invisible(c)) continue;
        search->points[count] = normal_width(c);
        search->offsets[count++] = (uint32_t)begin;
    }
    search->scan = (struct scan){search->points, count};
    return ERR_OK;
}

static err add_found(struct search *search, int rule, struct hit hit) {
    TRY(mem_grow(&search->found, &search->capacity, search->n, sizeof *search->found));
    search->found[search->n++] = (struct found){hit, rule};
    return ERR_OK;
}

/* Tries every rule at every place that it can hold at. Behind a find of its own a rule goes on
 * where that ends. */
static err search_all(struct search *search) {
    int64_t next[N_RULES] = {0};
    for (int rule = 0; rule < N_RULES; rule++) {
        const char *begins = *rules[rule].begins ? rules[rule].begins : rules[rule].pattern;
        pattern_begins(begins, enter, &(struct entry){search, rule});
    }
    for (int64_t at = 0; at < search->scan.n; at++) {
        uint64_t left = search->tried[slot(search->points[at])];
        for (; left; left &= left - 1) {
            int rule = __builtin_ctzll(left);
            struct hit hit = {.head = -1};
            if (at < next[rule] || !rules[rule].find(&search->scan, at, rules[rule].pattern, &hit))
                continue;
            next[rule] = hit.end;
            TRY(add_found(search, rule, hit));
        }
    }
    return ERR_OK;
}

static int64_t length(const struct found *f) {
    return f->hit.end - f->hit.begin;
}

static int longest_first(const void *left, const void *right) {
    const struct found *a = left, *b = right;
    if (length(a) != length(b)) return length(a) < length(b) ? 1 : -1;
    if (a->hit.begin != b->hit.begin) return a->hit.begin > b->hit.begin ? 1 : -1;
    return (a->rule > b->rule) - (a->rule < b->rule);
}

static int by_place(const void *left, const void *right) {
    const struct found *a = left, *b = right;
    return (a->hit.begin > b->hit.begin) - (a->hit.begin < b->hit.begin);
}

/* Keeps the longest of what overlaps, in the order of the text. Taken in the order of length a find
 * overlaps an earlier one only if that one covers its first or its last place. */
static err drop_overlaps(struct search *search) {
    if (search->n == 0) return ERR_OK;
    char *taken = mem_zalloc((size_t)search->scan.n, 1);
    if (!taken) return ERR_MEMORY;
    qsort(search->found, (size_t)search->n, sizeof *search->found, longest_first);
    int64_t kept = 0;
    for (int64_t i = 0; i < search->n; i++) {
        struct found f = search->found[i];
        if (taken[f.hit.begin] || taken[f.hit.end - 1]) continue;
        memset(taken + f.hit.begin, 1, (size_t)length(&f));
        search->found[kept++] = f;
    }
    mem_free(taken);
    search->n = kept;
    qsort(search->found, (size_t)search->n, sizeof *search->found, by_place);
    return ERR_OK;
}

/* What of a find may be shown where its finder does not say. */
static void what_shows(struct found *f) {
    int64_t n = length(f);
    switch (sensitive_rows[f->rule].what) {
    case SENSITIVE_PERSONAL:
        f->hit.head = n / 4 < 3 ? n / 4 : 3;
        f->hit.tail = n / 4 < 2 ? n / 4 : 2;
        return;
    case SENSITIVE_SECRET:
        f->hit.head = n / 6 < 4 ? n / 6 : 4;
        f->hit.tail = 0;
        return;
    case SENSITIVE_LICENCE: f->hit.head = n; return;
    }
}

static err show(const struct search *search, int64_t begin, int64_t end, struct str *out) {
    for (int64_t i = begin; i < end; i++) {
        uint32_t c = search->points[i];
        if (i - begin == SHOWN_MAX) return str_add(out, "...");
        if (c < 0x20 || (c >= 0x7F && c < 0xA0)) c = '?';
        if (white_space(c)) c = ' ';
        TRY(str_codepoint(out, c));
    }
    return ERR_OK;
}

static err make_find(const struct search *search, struct found f, struct arena *a,
                     struct sensitive_find *out) {
    if (f.hit.head < 0) what_shows(&f);
    struct str shown = {0};
    err code = show(search, f.hit.begin, f.hit.begin + f.hit.head, &shown);
    if (code == ERR_OK && f.hit.head < length(&f)) code = str_add(&shown, "****");
    if (code == ERR_OK && f.hit.head < length(&f))
        code = show(search, f.hit.end - f.hit.tail, f.hit.end, &shown);
    out->row = &sensitive_rows[f.rule];
    out->begin = search->offsets[f.hit.begin];
    size_t last = search->offsets[f.hit.end - 1];
    uint32_t c;
    out->end = (int64_t)(last + utf8_next_any(search->text + last, search->size - last, &c));
    out->shown = code == ERR_OK ? arena_strdup(a, str_text(&shown)) : NULL;
    str_release(&shown);
    return out->shown ? ERR_OK : ERR_MEMORY;
}

static err make_list(const struct search *search, struct arena *a, struct sensitive_list *out) {
    if (search->n == 0) return ERR_OK;
    out->items = arena_alloc(a, (size_t)search->n, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < search->n; i++)
        TRY(make_find(search, search->found[i], a, &out->items[i]));
    out->n = search->n;
    return ERR_OK;
}

err sensitive_find(const char *text, size_t n, struct arena *a, struct sensitive_list *out) {
    *out = (struct sensitive_list){0};
    if (n > SENSITIVE_MAX_BYTES)
        return fail(ERR_LIMIT, "a text of more than %d bytes", SENSITIVE_MAX_BYTES);
    struct search search = {.text = text, .size = n};
    err code = read_points(&search);
    if (code == ERR_OK) code = search_all(&search);
    if (code == ERR_OK) code = drop_overlaps(&search);
    if (code == ERR_OK) code = make_list(&search, a, out);
    release(&search);
    return code;
}
