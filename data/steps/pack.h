/* SPDX-License-Identifier: Apache-2.0
 * How an epoch's documents fill rows: arithmetic on lengths; tokens are data/steps/loader.c's.
 * best_fit: documents are taken from the longest to the shortest, each into the row with the least
 * room that still holds it, and opens a row where none does (best-fit decreasing). Rows would so
 * come sorted by length, and a step's loss would tell how long its documents are; so the rows of
 * the whole epoch are shuffled, and inside a row documents stand in the order they were given in.
 * Every row is equally likely in every step, which makes a step the same unbiased sample of the
 * epoch as a step of shuffled documents. Packing within windows of the shuffled order would do that
 * as well, and fills less: of 100,000 documents of lengths as people's sets have them in rows of
 * 2048 it fills 0.9999 of the positions, with windows of 1000 documents 0.9963, and next_fit 0.855
 * (bench/README.md, bench_pack).
 * next_fit: in the given order, a document that does not fit opens the next row. Concatenated rows
 * are the given documents, whatever the row length.
 * Source: Johnson et al., "Worst-case performance bounds for simple one-dimensional packing
 * algorithms" (1974): best_fit needs at most 11/9 of the fewest rows, plus a constant. */
#ifndef COTRAIN_DATA_STEPS_PACK_H
#define COTRAIN_DATA_STEPS_PACK_H

#include "base/err.h"
#include "base/philox.h"
#include <stdint.h>

enum packing { PACKING_NONE, PACKING_NEXT_FIT, PACKING_BEST_FIT };

/* Documents in the order they are to be packed in, and then in the order of the rows. */
struct packed {
    int64_t *order;   /* their numbers; permuted with the lengths */
    int32_t *lengths; /* their tokens, each in [1, capacity] */
    int64_t n;
    int64_t *starts; /* row r holds [starts[r], starts[r + 1]); room for n + 1 */
    int64_t n_rows;
};
/* Fills starts and n_rows. A row has at most `capacity` tokens; without packing, one document.
 * `rng` orders the rows of best_fit and is not used otherwise. Time and memory grow with n and
 * capacity: a million documents take less than a tenth of a second. */
MUST_CHECK err pack_rows(struct packed *p, int64_t capacity, enum packing how,
                         const struct rng *rng);

#endif
