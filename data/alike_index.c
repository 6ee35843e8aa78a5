/* SPDX-License-Identifier: Apache-2.0
 * Locality-sensitive hashing for copies with a few edits: each place of a sketch has a table of
 * chains that hold the newest entry first. A search counts how many places lead to an entry and
 * counts the edits of the CANDIDATES_MAX that share most. Its time is bounded: it walks at most
 * CHAIN_MAX entries of a chain, as many as may share a gram that tells texts apart (the grams of
 * data/alike_grams.c are chosen so). The contract is data/alike.h. */
#include "data/alike.h"

#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

enum {
    BANDS = ALIKE_SKETCH, /* of one place each */
    CHAIN_MAX = 64,
    CANDIDATES_MAX = 16,
    EQUAL_MIN = 2, /* places that a candidate has in common */
    MET_SLOTS = 2 * BANDS * CHAIN_MAX,
    FIRST_CAPACITY = 64,
    HEADS_MAX = UINT16_MAX + 1, /* of a band: a place has no more values */
    ENTRIES_MAX = 1 << 30
};

struct entry {
    struct alike_text text;
    int64_t number;
};
struct alike_index {
    struct entry *entries;
    uint16_t *sketches; /* ALIKE_SKETCH an entry */
    int32_t *next;      /* BANDS an entry: the next one of its chain, or -1 */
    int32_t *heads;     /* `n_heads` a band: the first of a chain, or -1 */
    int64_t n, capacity, n_heads;
};

err alike_index_new(struct alike_index **out) {
    *out = mem_zalloc(1, sizeof **out);
    return *out ? ERR_OK : ERR_MEMORY;
}

void alike_index_free(struct alike_index *index) {
    if (!index) return;
    mem_free(index->entries);
    mem_free(index->sketches);
    mem_free(index->next);
    mem_free(index->heads);
    mem_free(index);
}

int64_t alike_index_size(const struct alike_index *index) {
    return index->n;
}

static const uint16_t *sketch_of(const struct alike_index *index, int64_t entry) {
    return index->sketches + entry * ALIKE_SKETCH;
}

/* The head of the chain that a sketch belongs to; there are a power of two of them. */
static int32_t *chain(const struct alike_index *index, int band, const uint16_t *sketch) {
    return index->heads + band * index->n_heads + (sketch[band] & (index->n_heads - 1));
}

static void link_entry(struct alike_index *index, int64_t entry) {
    for (int band = 0; band < BANDS; band++) {
        int32_t *head = chain(index, band, sketch_of(index, entry));
        index->next[entry * BANDS + band] = *head;
        *head = (int32_t)entry;
    }
}

/* As many as there may be entries, then all that a sketch can tell apart. */
static err grow_heads(struct alike_index *index) {
    int64_t n_heads = index->capacity < HEADS_MAX ? index->capacity : HEADS_MAX;
    size_t n = (size_t)n_heads * BANDS;
    int32_t *heads = mem_alloc(n, sizeof *heads);
    if (!heads) return ERR_MEMORY;
    memset(heads, 0xFF, n * sizeof *heads);
    mem_free(index->heads);
    index->heads = heads;
    index->n_heads = n_heads;
    for (int64_t i = 0; i < index->n; i++) link_entry(index, i);
    return ERR_OK;
}

static err grow(struct alike_index *index) {
    int64_t capacity = index->capacity ? 2 * index->capacity : FIRST_CAPACITY;
    size_t n = (size_t)capacity;
    if (capacity > ENTRIES_MAX)
        return fail(ERR_LIMIT, "more than %d texts in one index of copies", ENTRIES_MAX);
    struct entry *entries = mem_resize(index->entries, n, sizeof *entries);
    if (!entries) return ERR_MEMORY;
    index->entries = entries;
    uint16_t *sketches = mem_resize(index->sketches, n, ALIKE_SKETCH * sizeof *sketches);
    if (!sketches) return ERR_MEMORY;
    index->sketches = sketches;
    int32_t *next = mem_resize(index->next, n, BANDS * sizeof *next);
    if (!next) return ERR_MEMORY;
    index->next = next;
    index->capacity = capacity;
    return index->n_heads < HEADS_MAX ? grow_heads(index) : ERR_OK;
}

err alike_index_add(struct alike_index *index, const struct alike_text *t,
                    const uint16_t sketch[ALIKE_SKETCH], int64_t number) {
    if (index->n == index->capacity) TRY(grow(index));
    int64_t entry = index->n++;
    index->entries[entry] = (struct entry){*t, number};
    memcpy(index->sketches + entry * ALIKE_SKETCH, sketch, ALIKE_SKETCH * sizeof *sketch);
    link_entry(index, entry);
    return ERR_OK;
}

/* ---- searching ---- */

struct candidate {
    int64_t entry;
    int32_t equal; /* places of the sketches */
};
struct candidates {
    struct candidate items[CANDIDATES_MAX]; /* the nearest first, of equal ones the earliest */
    int n;
};

static bool before(struct candidate a, struct candidate b) {
    return a.equal != b.equal ? a.equal > b.equal : a.entry < b.entry;
}

static void take(struct candidates *c, struct candidate item) {
    if (c->n == CANDIDATES_MAX && !before(item, c->items[c->n - 1])) return;
    int at = c->n < CANDIDATES_MAX ? c->n++ : c->n - 1;
    for (; at > 0 && before(item, c->items[at - 1]); at--) c->items[at] = c->items[at - 1];
    c->items[at] = item;
}

/* How many bands have led to an entry; a table with open addressing. */
struct met {
    int32_t entries[MET_SLOTS], counts[MET_SLOTS]; /* entry -1: free */
};

static void walk(const struct alike_index *index, const uint16_t *sketch, int band, int64_t from,
                 struct met *met) {
    int64_t entry = *chain(index, band, sketch);
    for (int steps = 0; entry >= from && entry >= 0 && steps < CHAIN_MAX; steps++) {
        if (sketch_of(index, entry)[band] == sketch[band]) {
            uint32_t at = (uint32_t)entry * 0x9E3779B1u >> 8 & (MET_SLOTS - 1);
            while (met->entries[at] >= 0 && met->entries[at] != entry)
                at = (at + 1) & (MET_SLOTS - 1);
            met->entries[at] = (int32_t)entry;
            met->counts[at]++;
        }
        entry = index->next[entry * BANDS + band];
    }
}

static err collect(const struct alike_index *index, const uint16_t *sketch, int64_t from,
                   struct candidates *out) {
    struct met *met = mem_alloc(1, sizeof *met);
    if (!met) return ERR_MEMORY;
    memset(met->entries, 0xFF, sizeof met->entries);
    memset(met->counts, 0, sizeof met->counts);
    for (int band = 0; band < BANDS; band++) walk(index, sketch, band, from, met);
    for (int i = 0; i < MET_SLOTS; i++)
        if (met->entries[i] >= 0 && met->counts[i] >= EQUAL_MIN)
            take(out, (struct candidate){met->entries[i], met->counts[i]});
    mem_free(met);
    return ERR_OK;
}

/* How like the entry is; fills *out but for the number. */
static err compare_entry(const struct alike_text *t, const struct alike_text *other, int32_t equal,
                         const struct alike_query *q, struct alike_match *out) {
    *out = (struct alike_match){.distance = 1};
    TRY(alike_distance(t, other, q->distance, &out->distance));
    bool worthwhile = q->similarity > 0 && 2 * equal >= ALIKE_SKETCH;
    if (out->distance < 1 || !worthwhile) return ERR_OK;
    return alike_similarity(t, other, &out->similarity);
}

static bool is_like(const struct alike_match *m, const struct alike_query *q) {
    return m->distance < 1 || (q->similarity > 0 && m->similarity >= q->similarity);
}

static bool nearer(const struct alike_match *a, int64_t entry, const struct alike_match *b,
                   int64_t other) {
    if (a->distance < b->distance || b->distance < a->distance) return a->distance < b->distance;
    return entry < other;
}

err alike_find(const struct alike_index *index, const struct alike_text *t,
               const uint16_t sketch[ALIKE_SKETCH], const struct alike_query *q,
               struct alike_match *out, bool *out_found) {
    struct candidates c = {.n = 0};
    int64_t best = -1;
    *out_found = false;
    if (index->n == 0) return ERR_OK;
    TRY(collect(index, sketch, q->from, &c));
    for (int i = 0; i < c.n; i++) {
        const struct entry *entry = &index->entries[c.items[i].entry];
        struct alike_match match;
        TRY(compare_entry(t, &entry->text, c.items[i].equal, q, &match));
        if (!is_like(&match, q) || (best >= 0 && !nearer(&match, c.items[i].entry, out, best)))
            continue;
        bool is_edit = true;
        if (q->counts) TRY(alike_is_edit(q->counts, t, &entry->text, &is_edit));
        if (!is_edit) continue;
        *out = match;
        out->number = entry->number;
        best = c.items[i].entry;
        *out_found = true;
    }
    return ERR_OK;
}
