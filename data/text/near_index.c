/* SPDX-License-Identifier: Apache-2.0
 * Locality-sensitive hashing: a sketch of 128 places is cut into bands of r, and two texts whose
 * sketches agree in all of one band are compared. With similarity s that happens with probability
 * 1 - (1 - s^r)^(128 / r) (Broder 1997; Indyk and Motwani 1998): r is the largest that still finds
 * what has just the threshold. Each band has a table of chains; a candidate is passed over when the
 * sizes or the sketches say that it cannot be similar enough, else compared exactly. */
#include "data/text/near.h"

#include "base/arena.h"
#include "base/mem.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const uint64_t *shingles; /* in the arena */
    int64_t n, number;
};

struct near_index {
    double threshold;
    int places, bands; /* places a band */
    struct arena arena;
    struct entry *entries;
    uint32_t *sketches; /* NEAR_SKETCH an entry */
    int32_t *next;      /* `bands` an entry: the next one of its chain, or -1 */
    int32_t *heads;     /* `capacity` a band: the first of a chain, or -1 */
    int64_t n, capacity;
};

enum { FIRST_CAPACITY = 64, ENTRIES_MAX = 1 << 30 };
/* An estimate from 128 places has a standard deviation of at most 0.0442; this is 4.5 of them, so
 * one in 300,000 pairs is wrongly passed over. */
#define ESTIMATE_MARGIN 0.2

static double found_with(double similarity, int places) {
    double band = 1, missed = 1;
    for (int i = 0; i < places; i++) band *= similarity;
    for (int i = 0; i < NEAR_SKETCH / places; i++) missed *= 1 - band;
    return 1 - missed;
}

err near_index_new(double threshold, struct near_index **out) {
    *out = NULL;
    if (!(threshold >= NEAR_LEAST_THRESHOLD && threshold <= 1))
        return fail(ERR_RANGE, "a similarity of %g is not from %g to 1", threshold,
                    NEAR_LEAST_THRESHOLD);
    struct near_index *index = mem_zalloc(1, sizeof *index);
    if (!index) return ERR_MEMORY;
    index->threshold = threshold;
    index->places = 1;
    while (index->places < NEAR_SKETCH / 8 &&
           found_with(threshold, index->places + 1) >= NEAR_RECALL)
        index->places++;
    index->bands = NEAR_SKETCH / index->places;
    *out = index;
    return ERR_OK;
}

void near_index_free(struct near_index *index) {
    if (!index) return;
    arena_release(&index->arena);
    mem_free(index->entries);
    mem_free(index->sketches);
    mem_free(index->next);
    mem_free(index->heads);
    mem_free(index);
}

static const uint32_t *sketch_of(const struct near_index *index, int64_t entry) {
    return index->sketches + entry * NEAR_SKETCH;
}

static bool same_band(const struct near_index *index, int band, const uint32_t *a,
                      const uint32_t *b) {
    for (int i = band * index->places; i < (band + 1) * index->places; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* The head of the chain that a sketch belongs to; the capacity is a power of two. */
static int32_t *chain(const struct near_index *index, int32_t *heads, int64_t capacity, int band,
                      const uint32_t *sketch) {
    uint64_t hash = 0;
    for (int i = band * index->places; i < (band + 1) * index->places; i++)
        hash = (hash ^ sketch[i]) * 0x9E3779B97F4A7C15u;
    return heads + band * capacity + (int64_t)(hash >> 33 & (uint64_t)(capacity - 1));
}

static void link_entry(struct near_index *index, int64_t entry) {
    for (int band = 0; band < index->bands; band++) {
        int32_t *head = chain(index, index->heads, index->capacity, band, sketch_of(index, entry));
        index->next[entry * index->bands + band] = *head;
        *head = (int32_t)entry;
    }
}

static err grow(struct near_index *index) {
    int64_t capacity = index->capacity ? 2 * index->capacity : FIRST_CAPACITY;
    size_t n = (size_t)capacity, bands = (size_t)index->bands;
    if (capacity > ENTRIES_MAX)
        return fail(ERR_LIMIT, "more than %d texts in one index of near-duplicates", ENTRIES_MAX);
    struct entry *entries = mem_resize(index->entries, n, sizeof *entries);
    if (!entries) return ERR_MEMORY;
    index->entries = entries;
    uint32_t *sketches = mem_resize(index->sketches, n, NEAR_SKETCH * sizeof *sketches);
    if (!sketches) return ERR_MEMORY;
    index->sketches = sketches;
    int32_t *next = mem_resize(index->next, n, bands * sizeof *next);
    if (!next) return ERR_MEMORY;
    index->next = next;
    int32_t *heads = mem_alloc(n, bands * sizeof *heads);
    if (!heads) return ERR_MEMORY;
    memset(heads, 0xFF, n * bands * sizeof *heads);
    mem_free(index->heads);
    index->heads = heads;
    index->capacity = capacity;
    for (int64_t i = 0; i < index->n; i++) link_entry(index, i);
    return ERR_OK;
}

err near_index_add(struct near_index *index, const struct near_text *text, int64_t number) {
    if (index->n == index->capacity) TRY(grow(index));
    uint64_t *shingles = arena_alloc(&index->arena, (size_t)text->n, sizeof *shingles);
    if (!shingles) return ERR_MEMORY;
    memcpy(shingles, text->shingles, (size_t)text->n * sizeof *shingles);
    int64_t entry = index->n++;
    index->entries[entry] = (struct entry){shingles, text->n, number};
    memcpy(index->sketches + entry * NEAR_SKETCH, text->sketch, sizeof text->sketch);
    link_entry(index, entry);
    return ERR_OK;
}

static double estimate(const uint32_t *a, const uint32_t *b) {
    int32_t same = 0;
    for (int i = 0; i < NEAR_SKETCH; i++) same += a[i] == b[i];
    return (double)same / NEAR_SKETCH;
}

/* The exact similarity, or 0 when a look at sizes and sketches rules the entry out. */
static double compare_entry(const struct near_index *index, int64_t entry,
                            const struct near_text *text) {
    struct entry e = index->entries[entry];
    int64_t fewer = e.n < text->n ? e.n : text->n, more = e.n < text->n ? text->n : e.n;
    if ((double)fewer < index->threshold * (double)more) return 0;
    if (estimate(sketch_of(index, entry), text->sketch) < index->threshold - ESTIMATE_MARGIN)
        return 0;
    struct near_text other = {.shingles = (uint64_t *)e.shingles, .n = e.n};
    return near_text_similarity(&other, text);
}

/* Whether a band before this one has led to the entry already. */
static bool met_before(const struct near_index *index, int band, const uint32_t *a,
                       const uint32_t *b) {
    for (int i = 0; i < band; i++)
        if (same_band(index, i, a, b)) return true;
    return false;
}

struct matches {
    struct near_match *items;
    int64_t n, capacity;
};

static err add_match(struct matches *m, int64_t number, double similarity) {
    TRY(mem_grow(&m->items, &m->capacity, m->n, sizeof *m->items));
    m->items[m->n++] = (struct near_match){number, similarity};
    return ERR_OK;
}

static err collect(const struct near_index *index, const struct near_text *text,
                   struct matches *m) {
    for (int band = 0; band < index->bands; band++) {
        int64_t entry = *chain(index, index->heads, index->capacity, band, text->sketch);
        for (; entry >= 0; entry = index->next[entry * index->bands + band]) {
            const uint32_t *sketch = sketch_of(index, entry);
            if (!same_band(index, band, sketch, text->sketch) ||
                met_before(index, band, sketch, text->sketch))
                continue;
            double similarity = compare_entry(index, entry, text);
            if (similarity >= index->threshold)
                TRY(add_match(m, index->entries[entry].number, similarity));
        }
    }
    return ERR_OK;
}

static int by_similarity(const void *left, const void *right) {
    const struct near_match *a = left, *b = right;
    if (a->similarity != b->similarity) return a->similarity < b->similarity ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

err near_index_find(const struct near_index *index, const struct near_text *text,
                    struct near_match *out, int64_t max, int64_t *out_n) {
    *out_n = 0;
    if (index->n == 0) return ERR_OK;
    struct matches m = {0};
    err code = collect(index, text, &m);
    if (code == ERR_OK && m.n > 0) {
        qsort(m.items, (size_t)m.n, sizeof *m.items, by_similarity);
        *out_n = m.n < max ? m.n : max;
        memcpy(out, m.items, (size_t)*out_n * sizeof *out);
    }
    mem_free(m.items);
    return code;
}
