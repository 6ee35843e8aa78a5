/* SPDX-License-Identifier: Apache-2.0
 * Two forms of one model, the same texts through both: merged weights against base and adapter,
 * or a checkpoint against another that stores it in fewer bits. Each weight was rounded once more,
 * so the logits differ a little, and by how much is what a user has to be told. `model merge` and
 * the packing of a release both ask here.
 *
 * Compared is  rms(difference) / rms(logits)  over all positions and the whole vocabulary, with
 *   bound = 8 sqrt(2 L) (u + 2 sqrt(K) 2^-24)
 * L layers with two residual branches each, whose errors are independent; u is the unit roundoff of
 * the stored dtype (2^-24 fp32, 2^-11 fp16, 2^-8 bf16), once per rounded weight; K the longest
 * product, summed in two orders; 8 leaves room for what norms and softmax amplify.
 *
 * Where the likeliest token is another, the logits of the two are a near tie: apart by at most 12
 * times the rms difference of that position, two errors of six standard deviations. */
#ifndef COTRAIN_ADAPTERS_COMPARE_H
#define COTRAIN_ADAPTERS_COMPARE_H

#include "model/model.h"

struct comparison {
    double difference, logits;      /* sums of squares */
    double largest, largest_logit;  /* of |difference| and of |logit| */
    int64_t positions, same_greedy; /* those whose likeliest next token is the same */
    struct {                        /* of the others, the one furthest from a tie */
        double apart, rms;          /* logits of the two tokens; difference of that position */
        int64_t one, other;         /* each model's choice */
    } choice;
};
struct compared {
    struct model *one, *other; /* started, with activations for the batch's capacity */
    struct batch *batch;       /* what is in it is lost */
};

/* Adds the positions of one text from `first` on. */
MUST_CHECK err comparison_add(struct comparison *c, const struct compared *models,
                              const int32_t *ids, int64_t n, int64_t first);
double comparison_relative(const struct comparison *c);
/* Of a model whose weights were rounded to the dtypes they are held in; or with the unit roundoff
 * `u`, for those of another form. */
double comparison_bound(const struct model *rounded);
double comparison_bound_of(const struct model_config *config, double u);
/* ERR_MISMATCH where the relative difference is over the bound. */
MUST_CHECK err comparison_check(const struct comparison *c, double bound);
/* ERR_MISMATCH where another choice was no near tie. */
MUST_CHECK err comparison_check_choices(const struct comparison *c);

#endif
