/* SPDX-License-Identifier: Apache-2.0
 * What a forward and backward pass costs, counted from the shapes and from what is trained: the
 * multiplications of its products (each with its addition) by the kind of product, and the bytes
 * that everything between the products reads and writes. From it and a machine's rates
 * (compute/rates.h) come the expected seconds of a step; the planner compares recomputations by it.
 * Adapters are their owner's to count. */
#ifndef COTRAIN_MODEL_COST_H
#define COTRAIN_MODEL_COST_H

#include "model/model.h"

struct cost {
    double forward, input_gradients, weight_gradients; /* of projections and head */
    double again;                                      /* of what the backward pass makes again */
    double attention;                                  /* scores and sums, both passes */
    double attention_again;
    double bytes; /* of norms, rotations, activations, sums and lookups, again or not */
};

struct cost_of {
    double tokens;         /* of the passes together */
    double trained_tokens; /* rows of the head */
    double keys;           /* that a token attends to, on average */
    struct recompute recompute;
};

/* Of a model that was planned with `backward`. */
struct cost model_cost(const struct model *m, const struct cost_of *of);
/* All multiplications; and those that recomputation alone costs. */
double cost_multiplications(const struct cost *c);
double cost_again(const struct cost *c);

#endif
