/* SPDX-License-Identifier: Apache-2.0
 * Which documents an epoch holds, and in which order: arithmetic on weights and counts of tokens.
 * A document is a row of a split that is used. Everything is a pure function of the arguments and
 * the epoch's number. docs/mixing.md says it for users; data/steps/pack.h fills rows with the
 * result.
 */
#ifndef COTRAIN_DATA_STEPS_MIX_H
#define COTRAIN_DATA_STEPS_MIX_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* Groups. Group g of n_g documents and weight w_g has the share
 *     p_g = w_g n_g^(1/T) / sum_h w_h n_h^(1/T)          without temperature: w_g / sum_h w_h
 * of the documents. T = 1 mixes as the groups are large, a large T (or none) by the weights alone.
 * Source: Raffel et al., "Exploring the limits of transfer learning with a unified text-to-text
 * transformer" (2020), section 3.5.2, without its artificial limit; the weights are ours.
 *
 * Sequence. Documents are drawn one after the other, the k-th from the group with the largest
 * p_g / (a_g + 1) among those with a_g < p_g k, where a_g is how many it has given (ties: the
 * earlier group). So after any k each group has given p_g k documents, rounded up or down.
 * Source: Balinski and Young, "The quota method of apportionment" (1975).
 * A group gives its documents in an order drawn anew each epoch, and begins again at its end.
 *
 * Replay. A replayed group has no weight. After each document of the others it gives documents as
 * long as its trained tokens stay within the share s of all trained tokens:
 *     trained_replay (1 - s) <= s trained_others
 * which is what the loss, a mean over trained tokens, sees of it. At most a document is missing.
 *
 * Length. The others give as many documents as they have rows (with weight or not), or, given a
 * budget, the most for which the epoch's tokens, replayed ones too, are at most max_tokens. */
struct mix_document {
    int64_t row;                 /* of the split */
    int32_t cut;                 /* tokens of its start that are not used */
    int32_t n_tokens, n_trained; /* used ones; targets among them when it is alone in a row */
};
/* Documents [first, first + n). */
struct mix_group {
    int64_t first, n;
    double weight;
    bool replay;
};
struct mix {
    const struct mix_document *documents;
    const struct mix_group *groups;
    int64_t n_groups;
    double temperature;  /* 0: none */
    double replay_share; /* 0: none; below 1 */
    int64_t max_tokens;  /* 0: no budget */
    uint64_t seed;
};
/* Numbers of documents, shuffled, and how many each group gave. Zeroed is empty. */
struct mix_epoch {
    int64_t *order, *counts;
    int64_t n, capacity;
};
/* Replaces what `out` holds. ERR_RANGE: no group has a weight above 0, replay trains nothing, a
 * budget takes no document. */
MUST_CHECK err mix_draw(const struct mix *m, int64_t epoch, struct mix_epoch *out);
void mix_epoch_release(struct mix_epoch *e);

#endif
