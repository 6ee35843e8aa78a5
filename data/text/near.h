/* SPDX-License-Identifier: Apache-2.0
 * Near-duplicates of texts. Texts are normalised (data/text/normal.h) and cut into shingles: from
 * each character on, the shortest run of two Chinese or five other characters (a mixture by weight:
 * 5 and 2, a run has 10 or more). There are no words to find, and a change stays where it was made.
 * Similarity is the exact share of common shingles (Jaccard). An index finds the pairs worth
 * comparing by MinHash and locality-sensitive hashing. The same texts give the same answer on every
 * machine. As a guide, from the pairs of tests/unit/data/test_near.c: a short request in other
 * words is at 0.37 to 0.81, another request of the same build at 0.08 to 0.42; three Chinese
 * characters instead of two bring the first down to 0.19 and the second to 0.37. */
#ifndef COTRAIN_DATA_TEXT_NEAR_H
#define COTRAIN_DATA_TEXT_NEAR_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NEAR_SKETCH = 128 };

/* A text made ready to be compared; takes 8 bytes a character. Making one needs no other, so many
 * can be made side by side (base/par.h). */
struct near_text {
    uint64_t *shingles; /* hashes, ascending, each once; the empty text has one of its own */
    int64_t n;
    uint32_t sketch[NEAR_SKETCH]; /* the share of equal places estimates the similarity */
};
MUST_CHECK err near_text_init(struct near_text *t, const char *text, size_t n);
void near_text_release(struct near_text *t);
/* Takes the shingles of `common` out: what a form, a template or a prompt's frame puts into every
 * text says nothing about likeness. A text that holds nothing else becomes as the empty one. */
void near_text_leave_out(struct near_text *t, const struct near_text *common);
/* The same for the shingles that is_common says are. Returns how many stay (0: only the empty
 * text's). */
int64_t near_text_leave_out_if(struct near_text *t,
                               bool (*is_common)(const void *ctx, uint64_t shingle),
                               const void *ctx);

/* The sketch of any set of hashes, in any order, some of them more than once; the empty set is as
 * the set of a 0. */
void near_sketch(const uint64_t *hashes, int64_t n, uint32_t out[NEAR_SKETCH]);

/* Exact: |A and B| / |A or B| over the sets of shingles; two empty texts are 1. */
double near_text_similarity(const struct near_text *a, const struct near_text *b);
MUST_CHECK err near_similarity(const char *a, const char *b, double *out);

/* An index for pairs of at least `threshold` (0.05 to 1; else ERR_RANGE): the hashing is laid out
 * so that a pair exactly there is found with a probability of NEAR_RECALL, a more similar one more
 * surely. Texts are added one by one, each with the caller's number. Memory is linear: about 1.2 kB
 * a text beside its shingles. Adding only what is not found keeps many equal texts from being
 * compared with each other again and again. */
#define NEAR_RECALL 0.995
#define NEAR_LEAST_THRESHOLD 0.05
struct near_index;
MUST_CHECK err near_index_new(double threshold, struct near_index **out);
void near_index_free(struct near_index *index);
/* Copies what it needs of the text. */
MUST_CHECK err near_index_add(struct near_index *index, const struct near_text *text,
                              int64_t number);

struct near_match {
    int64_t number;
    double similarity; /* exact */
};
/* Texts of the index that are at least that similar, most similar first (then by number), at most
 * `max`. Leaves the index as it is: many may search at once. */
MUST_CHECK err near_index_find(const struct near_index *index, const struct near_text *text,
                               struct near_match *out, int64_t max, int64_t *out_n);

#endif
