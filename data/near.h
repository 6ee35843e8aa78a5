/* SPDX-License-Identifier: Apache-2.0
 * Near-duplicates of texts: the share of common character shingles (Jaccard), which needs no words
 * and so is right for Chinese; MinHash signatures with locality-sensitive hashing find the pairs
 * worth comparing among many. Texts are normalised first (case, width, white space, digits kept).
 * The same texts give the same answer on every machine. */
#ifndef COTRAIN_DATA_NEAR_H
#define COTRAIN_DATA_NEAR_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Exact: |A and B| / |A or B| over the sets of character shingles; two empty texts are 1. */
MUST_CHECK err near_similarity(const char *a, const char *b, double *out);

/* An index to which texts are added one by one, each with the caller's number. */
struct near_index;
MUST_CHECK err near_index_new(struct near_index **out);
void near_index_free(struct near_index *index);
MUST_CHECK err near_index_add(struct near_index *index, const char *text, int64_t number);
struct near_match {
    int64_t number;
    double similarity; /* exact */
};
/* Texts of the index with at least `threshold`, most similar first, at most `max`. */
MUST_CHECK err near_index_find(const struct near_index *index, const char *text, double threshold,
                               struct near_match *out, int64_t max, int64_t *out_n);

#endif
