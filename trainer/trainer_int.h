/* SPDX-License-Identifier: Apache-2.0
 * What the files of trainer/ share behind struct trainer: trainer.c prepares a run, loop.c does its
 * steps, checkpoint.c keeps it, record.c writes it down.
 * Read next: trainer/loop.c. */
#ifndef COTRAIN_TRAINER_TRAINER_INT_H
#define COTRAIN_TRAINER_TRAINER_INT_H

#include "base/arena.h"
#include "trainer/checkpoint.h"
#include "trainer/optim/optim.h"
#include "trainer/record.h"
#include "trainer/schedule/schedule.h"
#include "trainer/trainer.h"
#include "trainer/update.h"

struct trainer_internal {
    struct arena arena;
    const struct optimizer_kind *optimizer;
    struct schedule schedule;
    enum isolate isolate;
    int64_t max_tokens; /* of one forward pass */
    int64_t n_beside;   /* of the trained parameters: the adapter's, which come first */
    double *rates;      /* of each trained parameter, over the schedule's */
    size_t *state_at;   /* in the plan; n_states of each parameter */
    float **state;
    struct batch batch;
    float *token_loss; /* (max_tokens) host */
    struct record record;
    struct checkpoint_state progress;
    int64_t kept_step; /* of the newest checkpoint; 0: none */
    struct step_update update;
};

/* The parameters that are marked as trained: the adapter's, then the model's. */
struct trained_list {
    struct param **params;
    int64_t n, n_beside; /* n_beside: the adapter's */
};
MUST_CHECK err trained_list(const struct train_run *run, struct arena *arena,
                            struct trained_list *out);

/* The optimiser's tensor `which` of parameter `i`. */
static inline float *trainer_state(const struct trainer *t, int64_t i, int which) {
    return t->internal->state[i * t->internal->optimizer->n_states + which];
}

#endif
