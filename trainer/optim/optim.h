/* SPDX-License-Identifier: Apache-2.0
 * Optimisers: one file and one line of optim.def each. An optimiser says which tensors it keeps for
 * a parameter, all zero at the start; the trainer plans and checkpoints them by name. It knows no
 * file and no schedule.
 * Read next: trainer/optim/adamw.c. */
#ifndef COTRAIN_TRAINER_OPTIM_OPTIM_H
#define COTRAIN_TRAINER_OPTIM_OPTIM_H

#include "model/model.h"
#include "trainer/options.h"

enum { OPTIMIZER_MAX_STATES = 4 };

/* Of a slice of a parameter, or of the whole. */
struct optimizer_update {
    const struct param *param;
    int64_t number;      /* of the parameter among the run's trained ones */
    int64_t begin, n;    /* the elements [begin, begin + n); begin a multiple of 256 */
    struct mat gradient; /* (1,N) of those elements */
    void *state[OPTIMIZER_MAX_STATES]; /* as `states` described them, of the elements from */
    int64_t state_begin;               /* this one on: 0, the whole parameter; else as begin */
    double lr, weight_decay;           /* decay already 0 for parameters that do not decay */
    double gradient_scale; /* the gradient times this is what counts: mean over tokens, clipped */
    int64_t step;          /* updates done, with this one: from 1 */
    const struct train_options *options;
};

/* A tensor that is kept for a parameter. */
struct optimizer_state {
    const char *name; /* prefix of its name in a checkpoint */
    enum dtype dtype;
    int n_dims;
    int64_t shape[4];
    int64_t count;
    int64_t block; /* elements of the parameter for each one */
};
/* One of the parameter's own shape. */
struct optimizer_state optimizer_state_like(const struct param *p, const char *name,
                                            enum dtype dtype);

struct optimizer_kind {
    const char *name, *summary;
    /* Returns how many there are. */
    int (*states)(const struct param *p, struct optimizer_state out[OPTIMIZER_MAX_STATES]);
    MUST_CHECK err (*update)(struct compute *c, const struct optimizer_update *u);
};
extern const struct optimizer_kind *const optimizer_kinds[];
extern const int n_optimizer_kinds;

MUST_CHECK err optimizer_find(const char *name, const struct optimizer_kind **out);

#endif
