/* SPDX-License-Identifier: Apache-2.0
 * Texts that are the same but for a few characters. A text is normalised (data/text/normal.h) and
 * kept as its windows: from each character on a hash of the shortest run of two Chinese or three
 * other characters. That is enough to count edits: a changed run of L characters changes L + w - 1
 * windows of w characters that follow one another, so between two texts that are laid side by side
 * the edits are the sum over the differing stretches of max(windows here, windows there) - (w - 1),
 * at least 1 each (what lies between two edits that are nearer than a window counts as changed).
 *
 * Which texts are worth comparing is found by MinHash and locality-sensitive hashing over the grams
 * that tell a text apart: runs of 3 and of 10 Chinese characters, of 6 and of 25 others, that some
 * but not many of all the texts have. What a template puts into thousands of rows is no gram of
 * that kind, so its rows do not meet; what only one text has cannot be shared, so an edited place
 * does not count against a copy. Grams are counted over all texts first.
 * The same texts give the same answer on every machine. */
#ifndef COTRAIN_DATA_TEXT_ALIKE_H
#define COTRAIN_DATA_TEXT_ALIKE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ALIKE_SKETCH = 128, ALIKE_DIGITS = 0xFF };

struct alike_text {
    uint32_t
        *windows; /* in order; ALIKE_DIGITS: which digits are in it, 0: none; the rest: all else */
    uint32_t answer; /* the caller's: a hash of what is answered, where that is part of the text */
    uint32_t frame;  /* a hash of the text with every number taken for the same */
    int32_t n;       /* at least one */
    int32_t width;   /* characters of a window: 2 where most of them are Chinese, else 3 */
};
MUST_CHECK err alike_text_init(struct alike_text *t, const char *text, size_t n);
void alike_text_release(struct alike_text *t);

/* Edits between two texts as a share of the longer one's characters, when it is at most `limit`;
 * else 1. Exact up to ALIKE_EXACT_MAX windows; of longer ones it is estimated from the windows in
 * common. Scratch memory is the only thing that can fail. */
enum { ALIKE_EXACT_MAX = 4096 };
MUST_CHECK err alike_distance(const struct alike_text *a, const struct alike_text *b, double limit,
                              double *out);
/* Exact share of common windows (Jaccard). */
MUST_CHECK err alike_similarity(const struct alike_text *a, const struct alike_text *b,
                                double *out);

/* ---- how many texts have a gram ---- */

/* Counts up to 255, in a table that may take two grams for one: then both seem more frequent. When
 * there are too many for the table, one gram in `every` is looked at, always the same ones. */
struct alike_counts {
    uint8_t *counts;
    uint64_t mask, every;
    uint64_t *seen; /* hashes of the texts that were counted */
    int64_t n_seen, seen_capacity;
};
/* For texts of that many windows together. */
MUST_CHECK err alike_counts_init(struct alike_counts *c, int64_t n_windows);
/* Each gram once a text, and a text that came before only once more. */
MUST_CHECK err alike_counts_add(struct alike_counts *c, const struct alike_text *t);
void alike_counts_release(struct alike_counts *c);

/* The grams of a text that are looked at, as they are: ascending, each once. */
struct alike_grams {
    uint64_t *items;
    int64_t n;
};
MUST_CHECK err alike_grams_of(const struct alike_counts *c, const struct alike_text *t,
                              struct alike_grams *out);
void alike_grams_release(struct alike_grams *g);
int alike_count_of(const struct alike_counts *c, uint64_t gram);

/* A sketch of the grams that tell the text apart. *out_any is false where it has none: no text that
 * was counted is a copy of it. */
MUST_CHECK err alike_sketch(const struct alike_counts *c, const struct alike_text *t,
                            uint32_t out[ALIKE_SKETCH], bool *out_any);
/* Whether what differs between two texts that are nearly the same is an edit. Rows of one template
 * differ in values that come again elsewhere; an edit makes something that does not. So it is one
 * when of the grams that only one of them has - every digit taken for the same - at least half, for
 * one of them, are in next to no other text. Where numbers alone differ, of however many digits, it
 * is one only if the answer is the same all the same: 12 + 35 is another question than 12 + 136. */
MUST_CHECK err alike_is_edit(const struct alike_counts *c, const struct alike_text *a,
                             const struct alike_text *b, bool *out);

/* ---- the index ---- */

struct alike_index;
/* For about that many texts: more are taken, and searched more slowly. Memory is 0.9 kB a text
 * beside its windows. */
MUST_CHECK err alike_index_new(int64_t n_texts, struct alike_index **out);
void alike_index_free(struct alike_index *index);
/* Keeps t->windows, which must stay; copies all else. */
MUST_CHECK err alike_index_add(struct alike_index *index, const struct alike_text *t,
                               const uint32_t sketch[ALIKE_SKETCH], int64_t number);
int64_t alike_index_size(const struct alike_index *index);

struct alike_query {
    double distance;   /* most edits, as a share */
    double similarity; /* or: at least this share of common windows, whatever their order; 0: no */
    int64_t from;      /* only entries from this one on, in the order they were added */
    const struct alike_counts *counts; /* NULL, or: only edits, as alike_is_edit tells them */
};
struct alike_match {
    int64_t number;
    double distance;   /* 1: not by edits */
    double similarity; /* of windows; 0 where `distance` decided */
};
/* The entry that is like the text, by the fewest edits, then the earliest. *out_found is false when
 * there is none. Leaves the index as it is: many may search at once. */
MUST_CHECK err alike_find(const struct alike_index *index, const struct alike_text *t,
                          const uint32_t sketch[ALIKE_SKETCH], const struct alike_query *query,
                          struct alike_match *out, bool *out_found);

#endif
