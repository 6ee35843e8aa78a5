/* SPDX-License-Identifier: Apache-2.0
 * From a step's gradients to its updates, in one of two ways:
 *   at its end    update_end, when all gradients are there and their norm is known
 *   as they come  update_take, during the backward pass (train.optimizer_in_backward); update_end
 *                 then does the others: norms and biases, and an adapter's parameters
 * Both give a parameter the same bits, as long as nothing is clipped.
 * Read next: trainer/update.c, trainer/optim/optim.h. */
#ifndef COTRAIN_TRAINER_UPDATE_H
#define COTRAIN_TRAINER_UPDATE_H

#include "trainer/trainer.h"

/* A step's updates. */
struct step_update {
    int64_t step;    /* from 0 */
    double lr;       /* of the schedule */
    int64_t trained; /* tokens that the gradients are sums over */
    double squares;  /* sum over the gradients that were taken */
    bool *taken;     /* of each trained parameter: updated in the backward pass */
    bool any_taken;
};

/* Before the step's first pass. */
void update_begin(struct trainer *t, int64_t step, int64_t trained);
/* A struct gradient_taker's; ctx is the struct trainer. */
MUST_CHECK err update_take(void *ctx, struct param *p, int64_t begin, int64_t n,
                           const float *values);
/* Updates what was not taken, and gives the norm of all gradients before clipping. */
MUST_CHECK err update_end(struct trainer *t, double *out_norm);

/* `what` with the step's number before it and its samples behind. */
MUST_CHECK err step_fail(const struct trainer *t, int64_t step, err code, const char *what);
/* The same as ERR_NUMERIC of the present step, and which checkpoint to go on from. */
MUST_CHECK err update_fail_numeric(const struct trainer *t, const char *what);

#endif
