/* SPDX-License-Identifier: Apache-2.0
 * Which documents an epoch holds, and in which order: arithmetic on row numbers. The rules, with
 * their reasons, are those of data/loader.h, which is also the only user.
 * Read next: data/pack.h, for how the documents fill rows. */
#ifndef COTRAIN_DATA_MIX_H
#define COTRAIN_DATA_MIX_H

#include "base/err.h"
#include <stdint.h>

/* Rows [first, first + n) of a split that share a weight. */
struct share_group {
    int64_t first, n;
    double weight;
};
/* out[g]: how many documents of group g an epoch of n_total has, by largest remainders of their
 * shares (ties: the earlier group). Groups without rows get none. ERR_RANGE: no weight above 0. */
MUST_CHECK err share_counts(const struct share_group *groups, int64_t n_groups, int64_t n_total,
                            int64_t *out);
/* An epoch's documents, shuffled: `order` has room for the sum of counts. Each row of a group comes
 * count / n times, and count % n of them, drawn for this epoch, once more. */
MUST_CHECK err share_order(const struct share_group *groups, int64_t n_groups,
                           const int64_t *counts, uint64_t seed, int64_t epoch, int64_t *order);

#endif
