/* SPDX-License-Identifier: Apache-2.0
 * Words of the user's own list (data.sensitive_words: a file of words, one a line; blank lines and
 * those that begin with # are none). Words and texts are compared after normalisation, so that
 * case, width, invisible characters and blanks between Chinese characters hide nothing; a word that
 * begins or ends with a Latin letter or a digit must stand apart there. */
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/lint/lint.h"
#include "data/normal.h"
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX_BYTES = 1 << 16 };

struct word {
    const uint32_t *points;
    int64_t n;
    const char *text; /* as the list has it */
};
struct words {
    struct arena arena;
    struct word *items; /* by their first character */
    int64_t n, capacity;
};

static err add_word(struct words *w, const char *line, struct normal *normal) {
    if (w->n == w->capacity) {
        int64_t capacity = w->capacity ? 2 * w->capacity : 256;
        struct word *grown = mem_resize(w->items, (size_t)capacity, sizeof *grown);
        if (!grown) return ERR_MEMORY;
        w->items = grown;
        w->capacity = capacity;
    }
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

static err read_words(struct words *w, const char *path) {
    struct line_reader lines;
    struct normal normal = {0};
    bool more = true;
    TRY(line_reader_open(&lines, path, WORD_MAX_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK && more) {
        e = line_reader_next(&lines, &more);
        if (e != ERR_OK || !more) break;
        struct span line = span_strip((struct span){lines.line, lines.len});
        if (line.n > 0 && line.text[0] != '#') e = add_word(w, lines.line, &normal);
    }
    if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)lines.line_number);
    line_reader_close(&lines);
    normal_release(&normal);
    if (e == ERR_OK && w->n > 0) qsort(w->items, (size_t)w->n, sizeof *w->items, compare);
    return e;
}

static err prepare(const struct lint_run *run, void **out) {
    struct words *w = mem_zalloc(1, sizeof *w);
    *out = w;
    if (!w) return ERR_MEMORY;
    return run->words ? read_words(w, run->words) : ERR_OK;
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

static const struct word *word_at(const struct words *w, const struct normal *t, int64_t at) {
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

struct looking {
    const struct words *words;
    struct lint_mark *mark;
    struct normal normal;
    int64_t n;
};

static err look_text(void *ctx, struct span text, bool trained) {
    struct looking *l = ctx;
    (void)trained;
    TRY(normal_set(&l->normal, text.text, text.n));
    for (int64_t i = 0; i < l->normal.n; i++) {
        const struct word *word = word_at(l->words, &l->normal, i);
        if (!word) continue;
        if (l->n++ == 0) l->mark->text = text;
        if (l->n <= 3) TRY(lint_note(l->mark, "%s'%s'", l->n > 1 ? ", " : "", word->text));
        i += word->n - 1;
    }
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    struct looking l = {.words = state, .mark = mark};
    if (l.words->n == 0) return ERR_OK;
    err e = lint_each_text(&run->rows[row], look_text, &l);
    normal_release(&l.normal);
    mark->badness = (double)l.n;
    if (e == ERR_OK && l.n > 3) e = lint_note(mark, " and %lld more", (long long)(l.n - 3));
    return e;
}

static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    const struct words *w = state;
    (void)run;
    (void)share;
    return json_put(out, "words", json_integer(w->n));
}

static void release(void *state) {
    struct words *w = state;
    mem_free(w->items);
    arena_release(&w->arena);
    mem_free(w);
}

const struct lint lint_sensitive_words = {
    .name = "sensitive_words",
    .summary = "words of the list that data.sensitive_words names",
    .prepare = prepare,
    .look = look,
    .facts = facts,
    .release = release,
};
