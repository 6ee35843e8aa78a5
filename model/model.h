/* SPDX-License-Identifier: Apache-2.0
 * Yuan 2.0: weights, forward, loss, backward. The passes are written out by hand, one function per
 * block (model/block.c), over the operations of compute/. Read next: model/block.c, then
 * model/generate.h for decoding. Source of the architecture: Yuan 2.0 paper and released code.
 *
 * Lifetimes: model_open maps the weight files; adapters attach to model->projections; then
 * model_plan reserves weights' copies, gradients, activations in the caller's plan; after
 * plan_allocate, model_start places everything. Only then the passes may be called. */
#ifndef COTRAIN_MODEL_MODEL_H
#define COTRAIN_MODEL_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "compute/compute.h"
#include "compute/plan.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/projection.h"
#include <stdbool.h>

/* A named tensor that may be trained, whoever owns it (the model or an adapter). */
struct param {
    const char *name; /* checkpoint name; PEFT name for an adapter's */
    int n_dims;       /* as stored in files: 4 for convolutions */
    int64_t shape[4];
    int64_t count;
    enum dtype dtype; /* of the file it came from */
    float *value;     /* fp32 when trainable, in the plan's memory; else NULL */
    float *gradient;  /* fp32 when trainable */
    const void *stored; /* as mapped from the file, in `dtype`; NULL for new ones */
};

struct model {
    struct model_config config;
    struct compute *compute;
    struct arena arena;
    struct param *params; /* of the base model, in checkpoint order; names as in HF files */
    int64_t n_params;
    struct projection *projections; /* nine a layer: see model_projection */
    int64_t n_projections;
    bool train_base; /* full fine-tuning: every param gets value and gradient */
    struct model_internal *internal;
};

struct model_plan_options {
    int64_t max_tokens;  /* N of the largest batch */
    bool train_base;     /* gradients for the model's own parameters */
    bool backward;       /* activations kept for model_backward */
    bool fp32_weights;   /* copy the weights to fp32 in the plan even when they are frozen */
};

/* Opens a checkpoint folder: config.json and safetensors (single file or shards). Headers and shapes
 * are checked; errors name file and tensor. */
MUST_CHECK err model_open(struct model *m, const char *dir, struct compute *compute);
void model_close(struct model *m);
MUST_CHECK err model_plan(struct model *m, struct plan *plan, const struct model_plan_options *options);
MUST_CHECK err model_start(struct model *m, const struct plan *plan);
/* The projection of that module name, or NULL. */
struct projection *model_projection(struct model *m, const char *module);

struct model_call {
    const struct batch *batch;
    bool training; /* dropout of adapters on */
    uint64_t seed, step;
};
/* Final normed hidden rows stay in the model's activations until the next call. Token ids or
 * positions outside the model's range are ERR_RANGE naming the place. */
MUST_CHECK err model_forward(struct model *m, const struct model_call *call);
/* Loss over the batch's trained tokens after model_forward: their sum, and per token where
 * token_loss (N, 0 where not trained) is given. With gradient_scale > 0 it also starts the backward
 * pass: d(gradient_scale * sum)/d(logits), in blocks of rows, and the head's weight gradient. */
MUST_CHECK err model_loss(struct model *m, const struct model_call *call, double gradient_scale,
                          double *out_sum, int64_t *out_trained, float *token_loss);
/* Adds to every trainable gradient. Must follow model_loss with gradient_scale > 0. */
MUST_CHECK err model_backward(struct model *m, const struct model_call *call);
/* Logits of rows [begin, end) of the last forward into host memory (end - begin, V). */
MUST_CHECK err model_logits(struct model *m, int64_t begin, int64_t end, float *out);
MUST_CHECK err model_zero_gradients(struct model *m);

/* An activation of the last forward by name ("layers.0.lf_gate", "layers.1.mlp", ...), copied to host
 * memory (mem_alloc; the caller frees); for tests that compare intermediates. */
MUST_CHECK err model_activation(struct model *m, const char *name, float **out, int64_t *out_count);

#endif
