/* SPDX-License-Identifier: Apache-2.0
 * Merged weights against base and adapter: the same held-out texts through both models. Merging
 * rounds each weight once more, so the logits differ a little, and by how much is what a user of
 * the merged folder has to be told. `model merge` and the packing of a release both ask here.
 *
 * Compared is  rms(difference) / rms(logits)  over all positions and the whole vocabulary, with
 *   bound = 8 sqrt(2 L) (u + 2 sqrt(K) 2^-24)
 * L layers with two residual branches each, whose errors are independent; u is the unit roundoff of
 * the stored dtype (2^-24 fp32, 2^-11 fp16, 2^-8 bf16), once per merged weight; K the longest
 * product, summed in two orders; 8 leaves room for what norms and softmax amplify. */
#ifndef COTRAIN_ADAPTERS_COMPARE_H
#define COTRAIN_ADAPTERS_COMPARE_H

#include "model/model.h"

struct comparison {
    double difference, logits;      /* sums of squares */
    double largest, largest_logit;  /* of |difference| and of |logit| */
    int64_t positions, same_greedy; /* those whose likeliest next token is the same */
};
struct compared {
    struct model *adapted, *merged; /* started, with activations for the batch's capacity */
    struct batch *batch;            /* what is in it is lost */
};

/* Adds the positions of one text. */
MUST_CHECK err comparison_add(struct comparison *c, const struct compared *models,
                              const int32_t *ids, int64_t n);
double comparison_relative(const struct comparison *c);
double comparison_bound(const struct model *merged);
/* ERR_MISMATCH where the relative difference is over the bound. */
MUST_CHECK err comparison_check(const struct comparison *c, double bound);

#endif
