/* SPDX-License-Identifier: Apache-2.0
 * Training: full fine-tuning (or pre-training from fresh weights) and adapters alike, as a loop
 * over a list of parameters. Losses and gradients are sums over trained tokens, divided once by the
 * step's count of them, so how a step is cut into micro-batches does not show in any bit.
 *
 *     model_open, adapter_new              (the caller's)
 *     trainer_init(&t, &run);
 *     trainer_plan(&t, &plan);             memory of model, adapter, gradients, optimiser
 *     plan_allocate(&plan, run.compute);   or print the plan and stop here
 *     trainer_start(&t, &plan);
 *     trainer_run(&t, &result);            checkpoints and run.jsonl in run.dir; the weights are
 *                                          then those that the run ends with
 *
 * Read next: trainer/methods/method.h, trainer/loop.c, trainer/checkpoint.h, trainer/record.h. */
#ifndef COTRAIN_TRAINER_TRAINER_H
#define COTRAIN_TRAINER_TRAINER_H

#include "adapters/adapter.h"
#include "base/hash.h"
#include "trainer/best.h"
#include "trainer/options.h"
#include "trainer/source.h"

struct train_report {               /* one finished step */
    int64_t step, n_steps;          /* from 1 */
    double lr, loss, gradient_norm; /* the loss before the update, the norm before clipping */
    int64_t trained_tokens, tokens, rows;
    double seconds;                            /* without the evaluation */
    const struct train_evaluation *evaluation; /* after it; NULL: none was due */
    double of_peak;                      /* of the product peak, by on_measure; 0: not known */
    int64_t memory_bytes;                /* that the run holds, by on_measure; 0 */
    const char *batch, *update, *digest; /* as its record has them; valid in on_step */
};

struct train_run {
    struct compute *compute;
    struct model *model;     /* opened, not started */
    struct adapter *adapter; /* attached to it; NULL: the model itself is trained */
    const struct train_options *options;
    const struct train_source *source;
    const char *dir;         /* checkpoints and run.jsonl; made when absent */
    const char *base_name;   /* base_model_name_or_path of a saved adapter */
    const char *base_digest; /* SHA-256 of the base model; a checkpoint of another one is foreign */
    bool resume;             /* go on from the newest checkpoint in dir; without one, start */
    int64_t eval_bytes;      /* that on_eval holds while it runs, beside the plan */
    int64_t state_steps;     /* steps between checkpoints that stay, whatever the options say; 0 */
    void *ctx;               /* of the functions below, each of which may be NULL */
    /* Before a step is recorded: fills in what the caller can measure. */
    void (*on_measure)(void *ctx, struct train_report *report);
    void (*on_step)(void *ctx, const struct train_report *report);
    /* Where an evaluation is due (trainer/best.h): measures the model as it stands, in the memory
     * that is planned. NULL: there is nothing to evaluate on. */
    err (*on_eval)(void *ctx, struct model *m, struct train_evaluation *out);
    /* Asked after every step; true stops at a checkpoint with ERR_STOPPED. */
    bool (*should_stop)(void *ctx);
};

struct train_result {
    int64_t n_steps, trained_tokens; /* of the whole run, resumed parts too */
    double loss;                     /* of the last step */
    char digest[SHA256_HEX_SIZE];    /* end of the chain of run.jsonl */
    struct train_best best;          /* step 0: nothing was decided by evaluations */
    int64_t kept_step;               /* the model is that of this step: the last or the best */
    bool ended_early; /* train.early_stopping_patience, before the last planned step */
};

struct trainer {
    struct train_run run;
    struct param **params; /* the trained ones: the adapter's, then the model's */
    int64_t n_params;
    int64_t n_steps;
    /* What the backward pass makes again: trainer_init sets what the recipe says (nothing for auto,
     * where trainer/fit.h chooses); may be set before each trainer_plan. No bit depends on it. */
    struct recompute recompute;
    struct trainer_internal *internal;
};

/* Checks the options and the source against each other; opens nothing. `run` is copied. */
MUST_CHECK err trainer_init(struct trainer *t, const struct train_run *run);
/* May be called again, for another plan, until trainer_start, which takes the last one. */
MUST_CHECK err trainer_plan(struct trainer *t, struct plan *plan);
MUST_CHECK err trainer_start(struct trainer *t, const struct plan *plan);
/* Trains from the start or the newest checkpoint to the last step, or to where evaluations end it
 * (trainer/best.h), and leaves a checkpoint there.
 * ERR_STOPPED: should_stop said so, and a checkpoint is there. A non-finite loss or gradient is
 * ERR_NUMERIC naming step and samples; earlier checkpoints stay. A folder that already holds a run
 * is ERR_EXISTS unless `resume`. */
MUST_CHECK err trainer_run(struct trainer *t, struct train_result *result);
void trainer_release(struct trainer *t);

#endif
