/* SPDX-License-Identifier: Apache-2.0
 * Filter `near_dup`: samples that are copies of an earlier one but for a few characters, or made of
 * the same pieces in another order. Two passes: the first makes every sample's windows, whose grams
 * are counted then, the second searches each sample among those kept before it. The search against
 * what was kept before a block of samples runs side by side, the one within the block in order.
 * Read next: data/text/alike.h, which says what a copy is. */
#include "base/mem.h"
#include "data/dataset/near_rows.h"
#include "data/filters/filter.h"
#include "data/text/alike.h"
#include <stdio.h>

#define DISTANCE 0.18
#define SIMILARITY 0.85

struct search {
    struct alike_text *texts; /* of each sample */
    struct alike_counts counts;
    struct alike_index *index;
    struct alike_query query;
    struct near_rows earlier; /* of other datasets; their numbers are below 0, from -1 down */
};

/* What the search among earlier blocks left for the one within the block. */
struct found {
    uint32_t sketch[ALIKE_SKETCH];
    int64_t searched; /* entries of the index that were there */
    struct alike_match match;
    bool is_copy, any; /* any: it has a sketch */
};

static err cut_look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct search *s = ctx;
    (void)out;
    alike_text_release(&s->texts[number]); /* of a first attempt */
    return near_row_init(&s->texts[number], filter_sample(p, number));
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct search *s = ctx;
    struct found *found = mem_zalloc(1, sizeof *found);
    (void)p;
    out->found = found;
    if (!found) return ERR_MEMORY;
    TRY(alike_sketch(&s->counts, &s->texts[number], found->sketch, &found->any));
    found->searched = alike_index_size(s->index);
    if (!found->any) return ERR_OK;
    return alike_find(s->index, &s->texts[number], found->sketch, &s->query, &found->match,
                      &found->is_copy);
}

static err drop(const struct search *s, struct filter_pass *p, int64_t number,
                const struct alike_match *m) {
    char reason[FILTER_REASON_MAX];
    if (m->distance < 1)
        snprintf(reason, sizeof reason, "%.1f %% of the characters differ", 100 * m->distance);
    else
        snprintf(reason, sizeof reason, "%.1f %% of the shingles are the same",
                 100 * m->similarity);
    struct filter_drop why = {.reason = reason, .related = m->number};
    if (m->number < 0) {
        why.related = -1;
        why.elsewhere = s->earlier.places[-1 - m->number];
    }
    return filter_drop(p, number, &why);
}

static err settle(void *ctx, struct filter_pass *p, int64_t number, void *given) {
    struct search *s = ctx;
    struct found *found = given;
    if (!found->any) return ERR_OK; /* nothing is like it */
    if (!found->is_copy) {
        struct alike_query query = s->query;
        query.from = found->searched;
        TRY(alike_find(s->index, &s->texts[number], found->sketch, &query, &found->match,
                       &found->is_copy));
    }
    if (found->is_copy) TRY(drop(s, p, number, &found->match));
    if (found->is_copy && !filter_is_example(p, number)) return ERR_OK;
    return alike_index_add(s->index, &s->texts[number], found->sketch, number);
}

/* Rows of earlier datasets are there before any of this one. */
static err add_earlier(struct search *s) {
    for (int64_t i = 0; i < s->earlier.n; i++) {
        uint32_t sketch[ALIKE_SKETCH];
        bool any;
        TRY(alike_sketch(&s->counts, &s->earlier.texts[i], sketch, &any));
        if (any) TRY(alike_index_add(s->index, &s->earlier.texts[i], sketch, -1 - i));
    }
    return ERR_OK;
}

static err search_all(struct search *s, struct filter_pass *p) {
    const struct opt_list *earlier = &filter_options(p)->earlier;
    for (int64_t i = 0; i < earlier->n; i++) TRY(near_rows_read(&s->earlier, earlier->items[i]));
    int64_t n_windows = s->earlier.n_windows, n = filter_n_samples(p);
    TRY(filter_each(p, cut_look, NULL, s));
    for (int64_t i = 0; i < n; i++) n_windows += s->texts[i].n;
    TRY(alike_counts_init(&s->counts, n_windows));
    for (int64_t i = 0; i < n; i++)
        if (s->texts[i].n > 0) TRY(alike_counts_add(&s->counts, &s->texts[i]));
    for (int64_t i = 0; i < s->earlier.n; i++)
        TRY(alike_counts_add(&s->counts, &s->earlier.texts[i]));
    TRY(alike_index_new(s->earlier.n + n, &s->index));
    TRY(add_earlier(s));
    return filter_each(p, look, settle, s);
}

static err run(struct filter_pass *p) {
    const struct filter_options *o = filter_options(p);
    struct search s = {
        .query = {.distance = o->near_distance > 0 ? o->near_distance : DISTANCE,
                  .similarity = o->near_similarity > 0 ? o->near_similarity : SIMILARITY,
                  .counts = &s.counts},
    };
    int64_t n = filter_n_samples(p);
    s.texts = mem_zalloc((size_t)n + 1, sizeof *s.texts);
    err e = s.texts ? search_all(&s, p) : ERR_MEMORY;
    for (int64_t i = 0; i < n && s.texts; i++) alike_text_release(&s.texts[i]);
    mem_free(s.texts);
    alike_counts_release(&s.counts);
    alike_index_free(s.index);
    near_rows_release(&s.earlier);
    return e;
}

const struct filter filter_near_dup = {
    .name = "near_dup",
    .summary = "copies of an earlier sample but for a few characters (MinHash, then edits counted)",
    .run = run,
};
