/* SPDX-License-Identifier: Apache-2.0
 * Optimisers: one file and one line of optim.def each. An optimiser keeps fp32 tensors shaped like
 * the parameter, zero at the start, which the trainer plans and checkpoints by name; it knows no
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
    int64_t begin, n;                   /* the elements [begin, begin + n) */
    struct mat gradient;                /* (1,N) of those elements */
    float *state[OPTIMIZER_MAX_STATES]; /* of the whole parameter */
    double lr, weight_decay;            /* decay already 0 for parameters that do not decay */
    double gradient_scale; /* the gradient times this is what counts: mean over tokens, clipped */
    int64_t step;          /* updates done, with this one: from 1 */
    const struct train_options *options;
};

struct optimizer_kind {
    const char *name, *summary;
    int n_states;
    const char *state_names[OPTIMIZER_MAX_STATES]; /* prefix of the tensor's name in a checkpoint */
    MUST_CHECK err (*update)(struct compute *c, const struct optimizer_update *u);
};
extern const struct optimizer_kind *const optimizer_kinds[];
extern const int n_optimizer_kinds;

MUST_CHECK err optimizer_find(const char *name, const struct optimizer_kind **out);

#endif
