/* SPDX-License-Identifier: Apache-2.0
 * state.json of a checkpoint folder, shared by the two files that make a checkpoint:
 * trainer/checkpoint.c (folders and tensors) and trainer/checkpoint_state.c (this file alone).
 * Read next: trainer/checkpoint.h. */
#ifndef COTRAIN_TRAINER_CHECKPOINT_INT_H
#define COTRAIN_TRAINER_CHECKPOINT_INT_H

#include "trainer/checkpoint.h"

/* Hashes every file of the folder and writes state.json beside them. */
MUST_CHECK err checkpoint_state_write(const struct checkpoint_state *s, const char *dir);
/* Reads it and checks its seal and every file's hash; *whole is false when the folder lacks
 * state.json or a file that state.json lists. */
MUST_CHECK err checkpoint_state_read(struct checkpoint_state *s, const char *dir, bool *whole);

#endif
