/* SPDX-License-Identifier: Apache-2.0
 * Locality-sensitive hashing for copies with a few edits: each place of a sketch has a table of
 * chains that hold the newest entry first. A search counts how many places lead to an entry and
 * counts the edits of the CANDIDATES_MAX that share most. Its time is bounded: it walks at most
 * CHAIN_MAX entries of a chain, as many as may share a gram that tells texts apart (the grams of
 * data/text/alike_grams.c are chosen so). The contract is data/text/alike.h. */
#include "data/text/alike.h"

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
    HEAD_TEXTS = 4, /* for one head of each band */
    HEADS_MAX_BITS = 20,
    ENTRIES_MAX = 1 << 30
};

struct entry {
    struct alike_text text;
    int64_t number;
};
/* One entry's place in a band's chain: the next older entry in it, and of the sketch what the
 * chain does not tell. They lie together: of a large index each step is a miss of every cache. */
struct link {
    uint16_t next[2]; /* of an int32_t, the low half first; -1: none */
    uint16_t tag;
};
struct alike_index {
    struct entry *entries;
    struct link *links; /* BANDS an entry */
    int32_t *heads;     /* 2^head_bits a band: the newest of a chain, or -1 */
    int head_bits;
    int64_t n, capacity;
};

err alike_index_new(int64_t n_texts, struct alike_index **out) {
    struct alike_index *index = mem_zalloc(1, sizeof *index);
    *out = index;
    if (!index) return ERR_MEMORY;
    while (index->head_bits < HEADS_MAX_BITS && n_texts >> index->head_bits > HEAD_TEXTS)
        index->head_bits++;
    size_t n = (size_t)BANDS << index->head_bits;
    index->heads = mem_alloc(n, sizeof *index->heads);
    if (!index->heads) {
        alike_index_free(index);
        *out = NULL;
        return ERR_MEMORY;
    }
    memset(index->heads, 0xFF, n * sizeof *index->heads);
    return ERR_OK;
}

void alike_index_free(struct alike_index *index) {
    if (!index) return;
    mem_free(index->entries);
    mem_free(index->links);
    mem_free(index->heads);
    mem_free(index);
}

int64_t alike_index_size(const struct alike_index *index) {
    return index->n;
}

/* The head of the chain that a place of a sketch belongs to: by its upper bits; the tag is the
 * lower ones. */
static int32_t *chain(const struct alike_index *index, int band, uint32_t place) {
    uint64_t at = (uint64_t)place >> (32 - index->head_bits);
    return index->heads + ((size_t)band << index->head_bits) + at;
}

static int32_t link_next(const struct link *link) {
    return (int32_t)((uint32_t)link->next[1] << 16 | link->next[0]);
}

static err grow(struct alike_index *index) {
    int64_t capacity = index->capacity ? 2 * index->capacity : FIRST_CAPACITY;
    size_t n = (size_t)capacity;
    if (capacity > ENTRIES_MAX)
        return fail(ERR_LIMIT, "more than %d texts in one index of copies", ENTRIES_MAX);
    struct entry *entries = mem_resize(index->entries, n, sizeof *entries);
    if (!entries) return ERR_MEMORY;
    index->entries = entries;
    struct link *links = mem_resize(index->links, n, BANDS * sizeof *links);
    if (!links) return ERR_MEMORY;
    index->links = links;
    index->capacity = capacity;
    return ERR_OK;
}

err alike_index_add(struct alike_index *index, const struct alike_text *t,
                    const uint32_t sketch[ALIKE_SKETCH], int64_t number) {
    if (index->n == index->capacity) TRY(grow(index));
    int64_t entry = index->n++;
    index->entries[entry] = (struct entry){*t, number};
    for (int band = 0; band < BANDS; band++) {
        int32_t *head = chain(index, band, sketch[band]);
        const uint32_t next = (uint32_t)*head;
        index->links[entry * BANDS + band] =
            (struct link){{(uint16_t)next, (uint16_t)(next >> 16)}, (uint16_t)sketch[band]};
        *head = (int32_t)entry;
    }
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

static void walk(const struct alike_index *index, const uint32_t *sketch, int band, int64_t from,
                 struct met *met) {
    int64_t entry = *chain(index, band, sketch[band]);
    for (int steps = 0; entry >= from && entry >= 0 && steps < CHAIN_MAX; steps++) {
        const struct link *link = &index->links[entry * BANDS + band];
        if (link->tag == (uint16_t)sketch[band]) {
            uint32_t at = (uint32_t)entry * 0x9E3779B1u >> 8 & (MET_SLOTS - 1);
            while (met->entries[at] >= 0 && met->entries[at] != entry)
                at = (at + 1) & (MET_SLOTS - 1);
            met->entries[at] = (int32_t)entry;
            met->counts[at]++;
        }
        entry = link_next(link);
    }
}

static err collect(const struct alike_index *index, const uint32_t *sketch, int64_t from,
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
               const uint32_t sketch[ALIKE_SKETCH], const struct alike_query *q,
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
