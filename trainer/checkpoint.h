/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints: folders DIR/checkpoint-<step> that appear whole or not at all.
 *   model.safetensors, config.json   of full fine-tuning: the trained parameters; with an adapter
 *                                    instead
 *   adapter_model.safetensors, adapter_config.json   so that the folder is a PEFT folder
 *   optimizer.safetensors            the optimiser's tensors, "<state>.<parameter>"
 *   state.json                       step, end of the digest chain, identity of the run, SHA-256 of
 *                                    every other file, and its own seal: the SHA-256 of its text
 *                                    without the seal
 * Everything is fp32 and exact, so a resumed run has the bits of an uninterrupted one.
 * Read next: trainer/loop.c. */
#ifndef COTRAIN_TRAINER_CHECKPOINT_H
#define COTRAIN_TRAINER_CHECKPOINT_H

#include "trainer/record.h"
#include "trainer/trainer.h"

struct checkpoint_state {
    int64_t step, trained_tokens;
    double loss;                 /* of the last step */
    char chain[SHA256_HEX_SIZE]; /* digest after that step */
    struct train_best best;      /* of the evaluations up to it; step 0: none decided anything */
    struct run_identity identity;
};

/* Writes the checkpoint of t's progress, then removes those beyond save_total_limit, but for
 * multiples of state_steps, the best evaluation's (trainer/best.h), which counts among them, and
 * the newest. */
MUST_CHECK err checkpoint_write(const struct trainer *t);
/* Restores parameters, optimiser and progress from the newest checkpoint; *found is false when
 * there is none. An unfinished folder is passed over for an older one; a damaged one, or one of
 * another run, is an error naming it. */
MUST_CHECK err checkpoint_read(struct trainer *t, bool *found);
/* Restores the parameters alone, from the checkpoint of the best evaluation. */
MUST_CHECK err checkpoint_read_best(struct trainer *t);
/* Whether the folder holds a run already: checkpoints or run.jsonl. */
MUST_CHECK err checkpoint_any(const struct trainer *t, bool *found);

#endif
