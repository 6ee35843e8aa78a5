/* SPDX-License-Identifier: Apache-2.0
 * What the forms of AdamW share: a step's settings, whatever the states are held in. A parameter
 * that is too small for 8 bits is updated by the same code as everywhere else.
 * Read next: trainer/optim/adamw.c, compute/ops/adamw.h. */
#ifndef COTRAIN_TRAINER_OPTIM_ADAMW_INT_H
#define COTRAIN_TRAINER_OPTIM_ADAMW_INT_H

#include "compute/ops/adamw.h"
#include "trainer/optim/optim.h"

/* All but the states. */
struct adamw_args adamw_settings(const struct optimizer_update *u);
/* exp_avg and exp_avg_sq in fp32, and the update with them. */
int adamw_states(const struct param *p, struct optimizer_state out[OPTIMIZER_MAX_STATES]);
MUST_CHECK err adamw_update(struct compute *c, const struct optimizer_update *u);

#endif
