/* SPDX-License-Identifier: Apache-2.0
 * What the files of trainer/ share behind struct trainer: trainer.c prepares a run, loop.c does its
 * steps, checkpoint.c keeps it, record.c writes it down.
 * Read next: trainer/loop.c. */
#ifndef COTRAIN_TRAINER_TRAINER_INT_H
#define COTRAIN_TRAINER_TRAINER_INT_H

#include "base/arena.h"
#include "trainer/checkpoint.h"
#include "trainer/loggers/logger.h"
#include "trainer/offload.h"
#include "trainer/optim/optim.h"
#include "trainer/record.h"
#include "trainer/schedule/schedule.h"
#include "trainer/trainer.h"
#include "trainer/update.h"

/* What the optimiser keeps for one parameter. */
struct optimizer_states {
    int n;
    struct optimizer_state of[OPTIMIZER_MAX_STATES];
    size_t at[OPTIMIZER_MAX_STATES]; /* in the plan */
    void *data[OPTIMIZER_MAX_STATES];
};

struct trainer_internal {
    struct arena arena;
    const struct optimizer_kind *optimizer;
    struct schedule schedule;
    enum isolate isolate;
    int64_t max_tokens; /* of one forward pass */
    int64_t n_beside;   /* of the trained parameters: the adapter's, which come first */
    double *rates;      /* of each trained parameter, over the schedule's */
    struct optimizer_states *states; /* of each trained parameter */
    struct batch batch;
    float *token_loss; /* (max_tokens) host */
    struct record record;
    struct loggers loggers;
    struct checkpoint_state progress;
    int64_t kept_step; /* of the newest checkpoint; 0: none */
    struct step_update update;
    struct offload offload;
};

/* The parameters that are marked as trained: the adapter's, then the model's. */
struct trained_list {
    struct param **params;
    int64_t n, n_beside; /* n_beside: the adapter's */
};
MUST_CHECK err trained_list(const struct train_run *run, struct arena *arena,
                            struct trained_list *out);

#endif
