/* SPDX-License-Identifier: Apache-2.0
 * Optimiser states that a run on a GPU keeps in pinned host memory (train.offload). An update
 * passes over a parameter in pieces: states are fetched into one of two places on the GPU, updated
 * and stored again, while those of the piece before and after are on their way. An element's update
 * depends on nothing outside its block of 256, so no bit shows it.
 * Read next: trainer/offload.c, compute/compute.h for slots. */
#ifndef COTRAIN_TRAINER_OFFLOAD_H
#define COTRAIN_TRAINER_OFFLOAD_H

#include "compute/plan.h"
#include "trainer/optim/optim.h"

struct offload {
    bool optimizer;
    size_t at;          /* in the plan: both places */
    size_t place_bytes; /* of one */
    char *places;
    int next; /* slot */
};

/* Whether train.offload asks for "optimizer" or "layers", and the backend has memory of its own. */
bool offload_wanted(const struct train_options *o, const struct compute *c, const char *what);
/* Reserves both places, for the states of any parameter. */
void offload_plan(struct offload *f, struct plan *plan);
void offload_place(struct offload *f, const struct plan *plan);
/* kind->update, with states u->state in host memory; `states`: what they are, `n` of them. */
MUST_CHECK err offload_update(struct offload *f, struct compute *c,
                              const struct optimizer_kind *kind, const struct optimizer_update *u,
                              const struct optimizer_state *states, int n);

#endif
