/* SPDX-License-Identifier: Apache-2.0
 * Reading a list of words and finding them: the list is sorted by first characters, and a text is
 * looked through once.
 * The contract is data/text/word_list.h; the lint and the filter sensitive_words use it. */
#include "data/text/word_list.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/text/span.h"
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX_BYTES = 1 << 16 };

struct word {
    const uint32_t *points;
    int64_t n;
    const char *text; /* as the list has it */
};
struct word_list {
    struct arena arena;
    struct word *items; /* by their first character */
    int64_t n, capacity;
};

static err add_word(struct word_list *w, const char *line, struct normal *normal) {
    TRY(mem_grow(&w->items, &w->capacity, w->n, sizeof *w->items));
    TRY(normal_set(normal, line, strlen(line)));
    if (normal->n == 0) return fail(ERR_PARSE, "the word '%s' holds nothing but marks", line);
    uint32_t *points = arena_alloc(&w->arena, (size_t)normal->n, sizeof *points);
    char *text = arena_strdup(&w->arena, line);
    if (!points || !text) return ERR_MEMORY;
    memcpy(points, normal->points, (size_t)normal->n * sizeof *points);
    w->items[w->n++] = (struct word){points, normal->n, text};
    return ERR_OK;
}

/* By the first character, then longer ones first: of two that begin alike the longer is told. */
static int compare(const void *left, const void *right) {
    const struct word *a = left, *b = right;
    if (a->points[0] != b->points[0]) return a->points[0] < b->points[0] ? -1 : 1;
    if (a->n != b->n) return a->n > b->n ? -1 : 1;
    return memcmp(a->points, b->points, (size_t)a->n * sizeof *a->points);
}

static err read_words(struct word_list *w, const char *path) {
    struct line_reader lines;
    struct normal normal = {0};
    bool more = true;
    TRY(line_reader_open(&lines, path, WORD_MAX_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK && more) {
        e = line_reader_next(&lines, &more);
        if (e != ERR_OK || !more) break;
        int64_t bad = utf8_invalid_at(lines.line, lines.len);
        if (bad >= 0) e = fail(ERR_PARSE, "not UTF-8 at byte %lld", (long long)bad + 1);
        if (e != ERR_OK) break;
        struct span line = span_strip((struct span){lines.line, lines.len});
        if (line.n > 0 && line.text[0] != '#') e = add_word(w, lines.line, &normal);
    }
    if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)lines.line_number);
    line_reader_close(&lines);
    normal_release(&normal);
    if (e == ERR_OK && w->n > 0) qsort(w->items, (size_t)w->n, sizeof *w->items, compare);
    return e;
}

err word_list_read(struct word_list **out, const char *path) {
    struct word_list *w = mem_zalloc(1, sizeof *w);
    *out = NULL;
    if (!w) return ERR_MEMORY;
    err e = read_words(w, path);
    if (e == ERR_OK)
        *out = w;
    else
        word_list_free(w);
    return e;
}

void word_list_free(struct word_list *w) {
    if (!w) return;
    mem_free(w->items);
    arena_release(&w->arena);
    mem_free(w);
}

int64_t word_list_count(const struct word_list *w) {
    return w->n;
}

static bool latin(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool stands(const struct normal *t, int64_t at, const struct word *word) {
    if (word->n > t->n - at ||
        memcmp(t->points + at, word->points, (size_t)word->n * sizeof *word->points) != 0)
        return false;
    int64_t end = at + word->n;
    bool joined_before = at > 0 && latin(t->points[at - 1]) && latin(word->points[0]);
    bool joined_behind = end < t->n && latin(t->points[end]) && latin(word->points[word->n - 1]);
    return !joined_before && !joined_behind;
}

static const struct word *word_at(const struct word_list *w, const struct normal *t, int64_t at) {
    int64_t low = 0, high = w->n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (w->items[middle].points[0] < t->points[at])
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < w->n && w->items[low].points[0] == t->points[at]; low++)
        if (stands(t, at, &w->items[low])) return &w->items[low];
    return NULL;
}

const char *word_list_find(const struct word_list *w, const struct normal *text, int64_t *from) {
    for (int64_t at = *from; at < text->n; at++) {
        const struct word *word = word_at(w, text, at);
        if (!word) continue;
        *from = at + word->n;
        return word->text;
    }
    *from = text->n;
    return NULL;
}
