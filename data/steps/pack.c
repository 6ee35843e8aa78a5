/* SPDX-License-Identifier: Apache-2.0
 * Next-fit and best-fit decreasing. Pure functions of lengths, capacity and a random stream, so
 * that any epoch can be packed again without what came before it. The contract, with why rows are
 * shuffled, is data/steps/pack.h. */
#include "data/steps/pack.h"
#include "base/mem.h"
#include <stdbool.h>
#include <string.h>

static void next_fit(struct packed *p, int64_t capacity) {
    int64_t used = capacity;
    p->n_rows = 0;
    for (int64_t i = 0; i < p->n; i++) {
        if (used + p->lengths[i] > capacity) {
            p->starts[p->n_rows++] = i;
            used = 0;
        }
        used += p->lengths[i];
    }
    p->starts[p->n_rows] = p->n;
}

/* ---- best fit ---- */

/* The set of rooms that some open row has: a bit each, and a bit for each word of those. */
struct rooms {
    uint64_t *words, *summary;
    int64_t n_summary;
    int64_t *newest; /* of each room: the open row that got it last, -1: none */
    int64_t *older;  /* of each row: the next one with the same room */
};

static err rooms_init(struct rooms *r, int64_t capacity, int64_t n_rows) {
    int64_t n_words = capacity / 64 + 1;
    r->n_summary = n_words / 64 + 1;
    r->words = mem_zalloc((size_t)n_words, sizeof *r->words);
    r->summary = mem_zalloc((size_t)r->n_summary, sizeof *r->summary);
    r->newest = mem_alloc((size_t)capacity + 1, sizeof *r->newest);
    r->older = mem_alloc((size_t)n_rows, sizeof *r->older);
    if (!r->words || !r->summary || !r->newest || !r->older) return ERR_MEMORY;
    for (int64_t room = 0; room <= capacity; room++) r->newest[room] = -1;
    return ERR_OK;
}

static void rooms_release(struct rooms *r) {
    mem_free(r->words);
    mem_free(r->summary);
    mem_free(r->newest);
    mem_free(r->older);
}

static void rooms_add(struct rooms *r, int64_t room, int64_t row) {
    r->older[row] = r->newest[room];
    r->newest[room] = row;
    r->words[room / 64] |= UINT64_C(1) << room % 64;
    r->summary[room / 64 / 64] |= UINT64_C(1) << room / 64 % 64;
}

static int64_t rooms_take(struct rooms *r, int64_t room) {
    int64_t row = r->newest[room];
    r->newest[room] = r->older[row];
    if (r->newest[room] >= 0) return row;
    r->words[room / 64] &= ~(UINT64_C(1) << room % 64);
    if (r->words[room / 64] == 0) r->summary[room / 64 / 64] &= ~(UINT64_C(1) << room / 64 % 64);
    return row;
}

/* The least room of at least `wanted`, or -1. */
static int64_t rooms_find(const struct rooms *r, int64_t wanted) {
    uint64_t bits = r->words[wanted / 64] >> wanted % 64;
    if (bits != 0) return wanted + __builtin_ctzll(bits);
    int64_t word = wanted / 64 + 1, at = word / 64;
    if (at >= r->n_summary) return -1;
    bits = r->summary[at] >> word % 64 << word % 64;
    while (bits == 0) {
        if (++at >= r->n_summary) return -1;
        bits = r->summary[at];
    }
    word = at * 64 + __builtin_ctzll(bits);
    return word * 64 + __builtin_ctzll(r->words[word]);
}

struct fitting {
    struct rooms rooms;
    int64_t *by_length; /* documents, longest first, equal ones as given */
    int64_t *row_of;    /* of each document, as rows were opened; then where that row comes */
    int64_t *rows;      /* rows as they come */
    int64_t *ends;      /* counts for sorting: of lengths, then of rows */
    int64_t *order;     /* copies of what is permuted */
    int32_t *lengths;
};

static void sort_by_length(const struct packed *p, int64_t capacity, struct fitting *f) {
    memset(f->ends, 0, (size_t)(capacity + 2) * sizeof *f->ends);
    for (int64_t i = 0; i < p->n; i++) f->ends[capacity - p->lengths[i] + 1]++;
    for (int64_t k = 0; k < capacity; k++) f->ends[k + 1] += f->ends[k];
    for (int64_t i = 0; i < p->n; i++) f->by_length[f->ends[capacity - p->lengths[i]]++] = i;
}

static void choose_rows(struct packed *p, int64_t capacity, struct fitting *f) {
    p->n_rows = 0;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t document = f->by_length[i], length = p->lengths[document], row;
        int64_t room = rooms_find(&f->rooms, length);
        if (room >= 0) {
            row = rooms_take(&f->rooms, room);
        } else {
            row = p->n_rows++;
            room = capacity;
        }
        f->row_of[document] = row;
        if (room > length) rooms_add(&f->rooms, room - length, row);
    }
}

/* Rows in shuffled order, documents of a row in theirs. */
static void put_in_order(struct packed *p, const struct rng *rng, struct fitting *f) {
    int64_t *place = f->by_length; /* of each row; not needed any more */
    for (int64_t r = 0; r < p->n_rows; r++) f->rows[r] = r;
    rng_shuffle(rng, f->rows, p->n_rows);
    for (int64_t r = 0; r < p->n_rows; r++) place[f->rows[r]] = r;
    memset(p->starts, 0, (size_t)(p->n_rows + 1) * sizeof *p->starts);
    for (int64_t i = 0; i < p->n; i++) p->starts[place[f->row_of[i]] + 1]++;
    for (int64_t r = 0; r < p->n_rows; r++) p->starts[r + 1] += p->starts[r];
    memcpy(f->ends, p->starts, (size_t)p->n_rows * sizeof *f->ends);
    memcpy(f->order, p->order, (size_t)p->n * sizeof *f->order);
    memcpy(f->lengths, p->lengths, (size_t)p->n * sizeof *f->lengths);
    for (int64_t i = 0; i < p->n; i++) {
        int64_t to = f->ends[place[f->row_of[i]]]++;
        p->order[to] = f->order[i];
        p->lengths[to] = f->lengths[i];
    }
}

static err fitting_init(struct fitting *f, const struct packed *p, int64_t capacity) {
    size_t n = (size_t)p->n, n_ends = (size_t)(p->n > capacity ? p->n : capacity) + 2;
    TRY(rooms_init(&f->rooms, capacity, p->n));
    f->by_length = mem_alloc(n, sizeof *f->by_length);
    f->row_of = mem_alloc(n, sizeof *f->row_of);
    f->rows = mem_alloc(n, sizeof *f->rows);
    f->ends = mem_alloc(n_ends, sizeof *f->ends);
    f->order = mem_alloc(n, sizeof *f->order);
    f->lengths = mem_alloc(n, sizeof *f->lengths);
    bool there = f->by_length && f->row_of && f->rows && f->ends && f->order && f->lengths;
    return there ? ERR_OK : ERR_MEMORY;
}

static err best_fit(struct packed *p, int64_t capacity, const struct rng *rng) {
    struct fitting f = {0};
    err e = fitting_init(&f, p, capacity);
    if (e == ERR_OK) {
        sort_by_length(p, capacity, &f);
        choose_rows(p, capacity, &f);
        put_in_order(p, rng, &f);
    }
    rooms_release(&f.rooms);
    mem_free(f.by_length);
    mem_free(f.row_of);
    mem_free(f.rows);
    mem_free(f.ends);
    mem_free(f.order);
    mem_free(f.lengths);
    return e;
}

err pack_rows(struct packed *p, int64_t capacity, enum packing how, const struct rng *rng) {
    if (how == PACKING_BEST_FIT && p->n > 0) return best_fit(p, capacity, rng);
    if (how != PACKING_NONE) {
        next_fit(p, capacity);
        return ERR_OK;
    }
    for (int64_t i = 0; i <= p->n; i++) p->starts[i] = i;
    p->n_rows = p->n;
    return ERR_OK;
}
