/* SPDX-License-Identifier: Apache-2.0
 * The training's own record in a release, logs/run.jsonl: every step's digest follows from the one
 * before it and from that step's batch, loss and update, and the last is the chain's 'training'. So
 * nobody can change a step's line without changing the manifest.
 *   digest[s] = SHA-256("<digest[s-1]> <batch> <loss> <update>\n"), the loss as its 16 digits
 * Source: docs/formats.md; trainer/record.h writes it. Read next: release/agree.h. */
#ifndef COTRAIN_RELEASE_STEPS_H
#define COTRAIN_RELEASE_STEPS_H

#include "base/err.h"
#include <stdint.h>

/* ERR_GATE naming the step where it breaks. The first step's digest starts from the run's identity,
 * which is no file of the release: it is taken as it stands. */
MUST_CHECK err steps_check(const char *path, const char *training, int64_t *out_steps);

#endif
