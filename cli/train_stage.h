/* SPDX-License-Identifier: Apache-2.0
 * The stage `train` of a recipe: a dataset folder becomes a trained model. Shared by `cotrain
 * train` and `cotrain run`. What it leaves in its folder:
 *   checkpoint-*, run.jsonl   of the trainer
 *   plan.json                 the memory plan, and what was used of it: of this machine, unlike
 *                             everything else
 *   adapter/                  the trained PEFT adapter; absent for full fine-tuning
 *   merged/                   the trained model as others load it, in the base's dtypes
 *   result.json               {"digest", "n_steps", "trained_tokens", "loss"}, and "choice" where
 *                             evaluations decided something; written last
 * Read next: trainer/trainer.h, adapters/adapter.h. */
#ifndef COTRAIN_CLI_TRAIN_STAGE_H
#define COTRAIN_CLI_TRAIN_STAGE_H

#include "cli/chain.h"
#include "trainer/trainer.h"

/* Who looks at every step beside the terminal, and may end the run at a checkpoint. */
struct train_watch {
    void *ctx;
    err (*on_start)(void *ctx, const struct trainer *t);
    void (*on_step)(void *ctx, const struct train_report *report);
    bool (*should_stop)(void *ctx);
};
struct train_stage {
    const struct chain *chain;
    const char *dataset_dir;
    const char *dir;                 /* made when absent */
    const char *device;              /* NULL: the first backend that works */
    const struct opt_list *sets;     /* that made the chain what it is, for advice; or NULL */
    int64_t memory;                  /* --memory; 0: what the machine has left */
    bool resume;                     /* go on from the newest checkpoint; without one, start */
    const char *dataset_digest;      /* that the record begins with; NULL: the dataset's own */
    const struct train_watch *watch; /* NULL: nobody */
};

/* Trains to the last step. adapter/, merged/ and result.json of an earlier run of the same folder
 * are replaced; each appears whole or not at all. */
MUST_CHECK err train_stage(const struct train_stage *s, struct train_result *out);

#endif
