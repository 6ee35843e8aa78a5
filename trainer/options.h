/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `train` section. Keys are those that users of LLaMA-Factory, Axolotl and the HF
 * trainer type; their other spellings are aliases (trainer/options.c). Some rows are read by data/
 * (masks, lengths, packing) but stand here because users look for them here.
 * Read next: trainer/trainer.h, which takes them. */
#ifndef COTRAIN_TRAINER_OPTIONS_H
#define COTRAIN_TRAINER_OPTIONS_H

#include "base/opt.h"

struct train_options {
    const char *optimizer;                      /* a row of trainer/optim/optim.def */
    const char *loss_mask, *isolate, *overlong; /* names as data/ and model/batch.h know them */
    int64_t sequence_len;                       /* tokens of a packed row */
    bool sample_packing;                        /* several documents in one row */
    const char *packing_strategy;        /* how they fill it (data/steps/pack.h); NULL: best_fit */
    int64_t micro_batch_size;            /* rows of one forward pass */
    int64_t gradient_accumulation_steps; /* forward passes of one update */
    double num_epochs;                   /* passes over the data */
    int64_t max_steps;                   /* updates; 0: from num_epochs */
    double learning_rate;                /* largest */
    double min_learning_rate, min_learning_rate_ratio; /* where the schedule ends; one of the two */
    const char *lr_scheduler;                          /* a row of trainer/schedule/schedule.def */
    double warmup_ratio;                               /* share of the steps, rounded up */
    int64_t warmup_steps;                              /* over warmup_ratio when above 0 */
    double weight_decay;
    const char *weight_decay_rule; /* "2d": tensors of two dimensions; "megatron": of more than one
                                    * dimension and not named .bias, so convolutions too */
    double adam_beta1, adam_beta2, adam_epsilon;
    double max_grad_norm;  /* 0: no clipping */
    const char *recompute; /* what the backward pass makes again (trainer/fit.h) */
    int64_t seed;
    int64_t save_steps;       /* steps between checkpoints; 0: only the last */
    int64_t save_total_limit; /* newest checkpoints kept; 0: all */
    int64_t eval_steps;       /* steps between evaluations; 0: none, unless eval_strategy: epoch */
    /* of trainer/best.h; not there where nothing is decided by evaluations */
    const char *eval_strategy;  /* "no", "steps", "epoch"; NULL: steps, where eval_steps says so */
    struct opt_list eval_tasks; /* asked beside the validation loss */
    bool load_best_model_at_end;
    const char *metric_for_best_model, *greater_is_better;
    int64_t early_stopping_patience; /* evaluations; 0: the run never ends early */
    double early_stopping_threshold;
    struct opt_list report_to; /* loggers beside those that always are (trainer/loggers/) */
    int64_t logging_steps;     /* steps between their lines; 0: 1 */
    /* of trainer/methods/; zero or empty where a method is not wanted */
    struct opt_list freeze, train_only; /* patterns of parameter names */
    int64_t trainable_layers;           /* the last n, or the first -n; 0: all */
    const char *weight_dtype;           /* what frozen weights are held in (model/model.h) */
    const char *trained_weight_dtype; /* what trained weights of the model are held in; NULL: f32 */
    const char *gradient_dtype;       /* what large gradients are kept in (model/gradient.h) */
    bool optimizer_in_backward;       /* they are not kept: each is used as soon as it is there */
    const char *offload;              /* what a GPU's run keeps on the host (trainer/offload.h) */
    double loraplus_lr_ratio, loraplus_lr_embedding;
    double neftune_noise_alpha;
};
struct opt_table train_options_table(void);

/* What no single row can check: pairs that exclude each other. The error names the keys. */
MUST_CHECK err train_options_check(const struct train_options *o);
/* Rows of one update: micro_batch_size * gradient_accumulation_steps. */
int64_t train_options_rows(const struct train_options *o);

#endif
