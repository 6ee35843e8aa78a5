/* SPDX-License-Identifier: Apache-2.0
 * Grams: short and long runs of windows that follow one another, counted over all texts, the sketch
 * of those that tell a text apart, and whether a difference is an edit. The contract is
 * data/text/alike.h. */
#include "data/text/alike.h"

#include "base/mem.h"
#include "data/text/near.h"
#include "data/text/near_int.h"
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ALIKE_SKETCH == (int)NEAR_SKETCH, "places of a sketch of data/text/near.h");

enum {
    COUNT_BITS_MIN = 16,
    COUNT_BITS_MAX = 29, /* of a table of bytes */
    COUNT_MAX = 255,
    RARE_MAX = 32,   /* texts that may share a gram which tells them apart */
    TELLING_MIN = 8, /* such grams that a sketch is made of, where a text has as many */
    FRESH_MAX = 2,   /* texts that have what an edit made, the edited one among them */
    SIZES = 3,
};

/* Windows of a gram, by the width of a window: 3, 5 and 10 characters of windows of two, 6, 12 and
 * 25 of windows of three. */
static const int *sizes_of(const struct alike_text *t) {
    static const int of_two[SIZES] = {2, 4, 9}, of_three[SIZES] = {4, 10, 23};
    return t->width == 2 ? of_two : of_three;
}

/* `masked`: every digit taken for the same. */
static uint64_t gram_hash(const uint32_t *windows, int n, bool masked) {
    uint64_t hash = (uint64_t)n * 0x9E3779B97F4A7C15u;
    for (int i = 0; i < n; i++) {
        hash = (hash ^ (masked ? windows[i] & ~(uint32_t)ALIKE_DIGITS : windows[i])) *
               0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return near_mix(hash);
}

static bool looked_at(uint64_t gram, uint64_t every) {
    return gram % every == 0;
}

/* Sorts, each once. On failure there is nothing left to release. */
static err make_set(struct alike_grams *g) {
    uint64_t *sorted = mem_alloc((size_t)g->n + 1, sizeof *sorted);
    err e = sorted ? near_sort(g->items, g->n, sorted, &g->n) : ERR_MEMORY;
    mem_free(g->items);
    g->items = sorted;
    if (e != ERR_OK) alike_grams_release(g);
    return e;
}

/* Appends the grams of one size that are looked at. A text too short for one is one itself. */
static void cut(const struct alike_text *t, int k, bool masked, uint64_t every,
                struct alike_grams *out) {
    int size = sizes_of(t)[k] < t->n ? sizes_of(t)[k] : t->n;
    for (int32_t i = 0; i + size <= t->n; i++) {
        uint64_t gram = gram_hash(t->windows + i, size, masked);
        if (looked_at(gram, every)) out->items[out->n++] = gram;
    }
}

/* The short grams with every digit the same. */
static err masked_grams(const struct alike_text *t, uint64_t every, struct alike_grams *out) {
    *out = (struct alike_grams){mem_alloc((size_t)t->n, sizeof *out->items), 0};
    if (!out->items) return ERR_MEMORY;
    cut(t, 0, true, every, out);
    return make_set(out);
}

/* Those and the grams of all sizes as they are. */
static err all_grams(const struct alike_text *t, uint64_t every, struct alike_grams *out) {
    *out = (struct alike_grams){mem_alloc((SIZES + 1) * (size_t)t->n, sizeof *out->items), 0};
    if (!out->items) return ERR_MEMORY;
    cut(t, 0, true, every, out);
    for (int k = 0; k < SIZES; k++) cut(t, k, false, every, out);
    return make_set(out);
}

/* ---- counts ---- */

err alike_counts_init(struct alike_counts *c, int64_t n_windows) {
    int bits = COUNT_BITS_MIN;
    *c = (struct alike_counts){.every = 1};
    while (bits < COUNT_BITS_MAX && ((int64_t)1 << bits) < 16 * n_windows) bits++;
    while (((int64_t)1 << bits) * (int64_t)c->every < 4 * n_windows) c->every++;
    c->mask = ((uint64_t)1 << bits) - 1;
    c->counts = mem_zalloc(c->mask + 1, 1);
    return c->counts ? ERR_OK : ERR_MEMORY;
}

void alike_counts_release(struct alike_counts *c) {
    mem_free(c->counts);
    mem_free(c->seen);
    *c = (struct alike_counts){0};
}

/* Where the hash stands or would stand; 0 marks a free place. */
static uint64_t *place_of(uint64_t *seen, int64_t capacity, uint64_t hash) {
    uint64_t at = hash & (uint64_t)(capacity - 1);
    while (seen[at] && seen[at] != hash) at = (at + 1) & (uint64_t)(capacity - 1);
    return &seen[at];
}

static err make_room(struct alike_counts *c) {
    if (2 * c->n_seen < c->seen_capacity) return ERR_OK;
    int64_t capacity = c->seen_capacity ? 2 * c->seen_capacity : 1024;
    uint64_t *seen = mem_zalloc((size_t)capacity, sizeof *seen);
    if (!seen) return ERR_MEMORY;
    for (int64_t i = 0; i < c->seen_capacity; i++)
        if (c->seen[i]) *place_of(seen, capacity, c->seen[i]) = c->seen[i];
    mem_free(c->seen);
    c->seen = seen;
    c->seen_capacity = capacity;
    return ERR_OK;
}

static uint8_t *count_of(const struct alike_counts *c, uint64_t gram) {
    return &c->counts[gram * 0x9E3779B97F4A7C15u >> 20 & c->mask];
}

/* Whether the text, which is noted, came before often enough. */
static err seen_before(struct alike_counts *c, const struct alike_text *t, bool *out) {
    TRY(make_room(c));
    for (uint64_t time = 1; time <= 2; time++) { /* as a first and as a second one */
        uint64_t hash = time;
        for (int32_t i = 0; i < t->n; i++) {
            hash = (hash ^ t->windows[i]) * 0xD6E8FEB86659FD93u;
            hash ^= hash >> 32;
        }
        uint64_t *place = place_of(c->seen, c->seen_capacity, hash | 1);
        *out = *place != 0;
        if (*out) continue;
        *place = hash | 1;
        c->n_seen++;
        return ERR_OK;
    }
    return ERR_OK;
}

err alike_counts_add(struct alike_counts *c, const struct alike_text *t) {
    struct alike_grams grams;
    bool seen;
    TRY(seen_before(c, t, &seen));
    if (seen) return ERR_OK;
    TRY(all_grams(t, c->every, &grams));
    for (int64_t i = 0; i < grams.n; i++) {
        uint8_t *count = count_of(c, grams.items[i]);
        if (*count < COUNT_MAX) ++*count;
    }
    mem_free(grams.items);
    return ERR_OK;
}

/* From each place on the shortest gram that no more than `most` texts have, if another one has it
 * too: a longer one would tell no more and break more easily. */
static void pick_telling(const struct alike_counts *c, const struct alike_text *t, int most,
                         struct alike_grams *out) {
    out->n = 0;
    for (int32_t i = 0; i < t->n; i++) {
        for (int k = 0; k < SIZES; k++) {
            int size = sizes_of(t)[k] < t->n ? sizes_of(t)[k] : t->n;
            if (i + size > t->n) break;
            uint64_t gram = gram_hash(t->windows + i, size, false);
            if (!looked_at(gram, c->every)) continue;
            int count = *count_of(c, gram);
            if (count > most) continue;
            if (count >= 2) out->items[out->n++] = gram;
            break;
        }
    }
}

err alike_grams_of(const struct alike_counts *c, const struct alike_text *t,
                   struct alike_grams *out) {
    *out = (struct alike_grams){mem_alloc(SIZES * (size_t)t->n, sizeof *out->items), 0};
    if (!out->items) return ERR_MEMORY;
    for (int k = 0; k < SIZES; k++) cut(t, k, false, c->every, out);
    return make_set(out);
}

void alike_grams_release(struct alike_grams *g) {
    mem_free(g->items);
    *g = (struct alike_grams){0};
}

int alike_count_of(const struct alike_counts *c, uint64_t gram) {
    return *count_of(c, gram);
}

err alike_sketch(const struct alike_counts *c, const struct alike_text *t,
                 uint32_t out[ALIKE_SKETCH], bool *out_any) {
    struct alike_grams grams = {mem_alloc((size_t)t->n, sizeof *grams.items), 0};
    if (!grams.items) return ERR_MEMORY;
    for (int most = RARE_MAX; grams.n < TELLING_MIN && most <= COUNT_MAX + 1; most *= 2)
        pick_telling(c, t, most, &grams);
    *out_any = grams.n > 0;
    if (grams.n > 0) near_sketch(grams.items, grams.n, out);
    mem_free(grams.items);
    return ERR_OK;
}

/* ---- edits ---- */

struct change {
    int64_t n;     /* grams that the other text lacks */
    int64_t fresh; /* of those, in next to no other text */
};

static struct change change_of(const struct alike_counts *c, const struct alike_grams *x,
                               const struct alike_grams *y) {
    struct change out = {0};
    for (int64_t i = 0, j = 0; i < x->n; i++) {
        while (j < y->n && y->items[j] < x->items[i]) j++;
        if (j < y->n && y->items[j] == x->items[i]) continue;
        out.n++;
        out.fresh += *count_of(c, x->items[i]) <= FRESH_MAX;
    }
    return out;
}

static bool mostly_fresh(struct change c) {
    return c.n > 0 && 2 * c.fresh >= c.n;
}

static bool same_windows(const struct alike_text *a, const struct alike_text *b) {
    return a->n == b->n && memcmp(a->windows, b->windows, (size_t)a->n * sizeof *a->windows) == 0;
}

err alike_is_edit(const struct alike_counts *c, const struct alike_text *a,
                  const struct alike_text *b, bool *out) {
    struct alike_grams x, y = {0};
    *out = a->answer == b->answer || same_windows(a, b);
    if (a->frame == b->frame) return ERR_OK;
    TRY(masked_grams(a, c->every, &x));
    err e = masked_grams(b, c->every, &y);
    if (e == ERR_OK) {
        struct change here = change_of(c, &x, &y), there = change_of(c, &y, &x);
        if (here.n + there.n > 0) *out = mostly_fresh(here) || mostly_fresh(there);
    }
    mem_free(x.items);
    mem_free(y.items);
    return e;
}
