/* SPDX-License-Identifier: Apache-2.0
 * Training states in a release: the checkpoints of every release.state_steps-th step but the last,
 * as training wrote them (trainer/checkpoint.h), below states/. Who wants to check steps A to B
 * begins from the nearest one before A instead of from the first step.
 * Read next: release/reproduce.h. */
#ifndef COTRAIN_RELEASE_STATES_H
#define COTRAIN_RELEASE_STATES_H

#include "base/err.h"
#include <stdint.h>

#define PACK_STATES "states"

/* From a run's folder into the release folder `dir`, every `every` steps; 0: none. A checkpoint
 * that is not there is ERR_MISSING. */
MUST_CHECK err states_pack(const char *train_dir, int64_t every, const char *dir);
/* The newest state of a release at or before `step`; 0: none is. */
MUST_CHECK err states_nearest(const char *dir, int64_t step, int64_t *out);
/* Copies a state of the release `dir` to where a run that resumes in `train_dir` finds it. */
MUST_CHECK err states_restore(const char *dir, int64_t step, const char *train_dir);

#endif
