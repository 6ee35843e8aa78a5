/* SPDX-License-Identifier: Apache-2.0
 * Yuan 2.0: weights, forward, loss, backward. The passes are written out by hand, one function per
 * block (model/block.c), over the operations of compute/. Read next: model/block.c, then
 * model/generate.h for decoding. Source of the architecture: Yuan 2.0 paper and released code.
 *
 * Lifetimes: model_open maps the weight files; adapters attach to model->projections and the
 * parameters to train are marked (param.trained, any of them); then model_plan reserves weights'
 * copies, gradients, activations in the caller's plan; after plan_allocate, model_start places
 * everything. Only then the passes may be called. What is not trained costs nothing: no copy, no
 * gradient, and below the first trained layer no kept activation and no backward pass. */
#ifndef COTRAIN_MODEL_MODEL_H
#define COTRAIN_MODEL_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "compute/compute.h"
#include "compute/plan.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/gradient.h"
#include "model/projection.h"
#include <stdbool.h>

/* A named tensor that may be trained, whoever owns it (the model or an adapter). */
struct param {
    const char *name; /* checkpoint name; PEFT name for an adapter's */
    int n_dims;       /* as stored in files: 4 for convolutions */
    int64_t shape[4];
    int64_t count;
    enum dtype dtype; /* of the file it came from */
    bool linear;      /* a linear projection's weight: may be quantised */
    bool trained;     /* set before the plan is made: gets a value of its own and, where the
                       * backward pass is planned, a gradient */
    float *value;     /* fp32 copy in the plan's memory when trained or wanted in fp32; else NULL */
    uint16_t *value_bf16;    /* bf16 copy in the plan's memory when trained in bf16; else NULL */
    float *gradient;         /* fp32 when trained and kept so; else NULL */
    uint16_t *gradient_bf16; /* when trained and kept in bf16; else NULL */
    const void *held; /* what the passes read, in held_dtype: `stored`, `value` or another copy in
                       * the plan */
    enum dtype held_dtype;
    const void *stored; /* in `dtype`, as the file is mapped; NULL: new, or in pieces in the file */
};

/* The present value of one that is trained, as one row. */
static inline struct mat param_value(const struct param *p) {
    const void *data = p->value_bf16 ? (const void *)p->value_bf16 : p->value;
    return (struct mat){data, p->value_bf16 ? DTYPE_BF16 : DTYPE_F32, p->count, 1};
}

/* The kept gradient as one row. */
static inline struct mat param_gradient(const struct param *p) {
    const void *data = p->gradient_bf16 ? (const void *)p->gradient_bf16 : p->gradient;
    return (struct mat){data, p->gradient_bf16 ? DTYPE_BF16 : DTYPE_F32, p->count, 1};
}

struct model {
    struct model_config config;
    struct compute *compute;
    struct arena arena;
    struct param *params; /* of the base model, in checkpoint order; names as in HF files */
    int64_t n_params;
    struct projection *projections; /* layer by layer: see model_projection */
    int64_t n_projections;
    struct model_internal *internal;
};

/* What the backward pass makes again instead of keeping it from the forward pass: memory for
 * multiplications, and not a bit of any result. Counts past the last layer mean all. Without
 * `backward` nothing is kept anyway. */
struct recompute {
    int64_t layers; /* the first so many layers of those entered backwards (model/reach.c) keep
                     * their input only; layers before those keep nothing as it is */
    int64_t feed_forwards; /* the next so many do not keep the rows of `up` and `gate` */
    bool logits;           /* a block of the vocabulary at a time, where that is less */
};

struct model_plan_options {
    int64_t max_tokens; /* N of the largest batch; 0: only decoders will run */
    int64_t
        max_step_tokens; /* most tokens between two model_zero_gradients; 0: any number. Bounds the
                              * rows kept for the lookup's gradient when the head is tied */
    bool train_base;     /* every parameter of the model is trained; else those already marked */
    bool backward;       /* activations kept for model_backward */
    struct recompute recompute;
    enum dtype trained_dtype; /* what trained weights of two dimensions or more are held in: F32, or
                               * BF16, first rounded to nearest; the optimiser rounds after that */
    enum dtype gradient_dtype; /* what large gradients are kept in: F32, or BF16 with the rounding
                                * that model/gradient.h tells of */
    struct gradient_taker gradient_taker; /* take not NULL: large gradients are handed to it and not
                                           * kept; a step is then one pass */
    bool offload_layers;    /* weights of layers that are not trained stay in pinned host memory and
                          * are streamed in (model/stream.c): for backends with their own memory */
    double embedding_noise; /* alpha of model/noise.c, in calls that train; 0: none */
    /* What weights that are not trained are held in: NULL or "checkpoint" as they are stored,
     * mapped where that can be; "f32", "bf16"; or a row of compute/quants.def: projections so
     * quantised, the rest in 16 bits. */
    const char *weight_dtype;
};

/* Opens a checkpoint of any format of model/formats/formats.def: a folder with its config.json, or
 * a single weight file beside one; formats that carry a config of their own can do without.
 * Headers and shapes are checked; errors name file and tensor. */
MUST_CHECK err model_open(struct model *m, const char *dir, struct compute *compute);
void model_close(struct model *m);
/* A model of that config without any weights: plans can be made of it, and nothing else. Takes the
 * config over, on failure, too. */
MUST_CHECK err model_describe(struct model *m, struct model_config *config,
                              struct compute *compute);
/* The checkpoint's config alone. */
MUST_CHECK err model_read_config(struct model_config *c, const char *dir);
/* May be called again until model_start, for another plan with other options: the plan that counts
 * is the last one. What train_base marked stays marked. */
MUST_CHECK err model_plan(struct model *m, struct plan *plan,
                          const struct model_plan_options *options);
MUST_CHECK err model_start(struct model *m, const struct plan *plan);
/* Bytes that the checkpoint's tensors of a parameter have. */
int64_t param_stored_bytes(const struct param *p);
const char *model_format(const struct model *m); /* of its files, a row of formats.def */
/* The projection of that module name, or NULL. */
struct projection *model_projection(struct model *m, const char *module);

/* Before operations outside the passes below that read the projection's weight: a model that
 * streams its layers brings it in. */
MUST_CHECK err model_enter_projection(const struct model *m, const struct projection *p);

struct model_call {
    const struct batch *batch;
    bool training; /* dropout of adapters and the embedding's noise on */
    uint64_t seed, step;
    /* Sees intermediate results of the forward pass as they come, in host memory:
     * "layers.0.lf_gate", "layers.1.mlp", ... (rows, columns). For tests and inspection; NULL:
     * nobody looks. */
    err (*observe)(void *ctx, const char *name, const float *values, int64_t rows, int64_t columns);
    void *observe_ctx;
};
/* Final normed hidden rows stay in the model's activations until the next call. Token ids or
 * positions outside the model's range are ERR_RANGE naming the place. */
MUST_CHECK err model_forward(struct model *m, const struct model_call *call);
/* Loss over the batch's trained tokens after model_forward: their sum, and per token where
 * token_loss (N, 0 where not trained) is given. With gradient_scale > 0 it also starts the backward
 * pass: d(gradient_scale * sum)/d(logits), in blocks of rows, and the head's weight gradient.
 * Where gradients are taken, a sum that is not finite starts none, and nothing was taken. */
MUST_CHECK err model_loss(struct model *m, const struct model_call *call, double gradient_scale,
                          double *out_sum, int64_t *out_trained, float *token_loss);
/* Adds to every trainable gradient. Must follow model_loss with gradient_scale > 0. */
MUST_CHECK err model_backward(struct model *m, const struct model_call *call);
/* Logits of rows [begin, end) of the last forward into host memory (end - begin, V). */
MUST_CHECK err model_logits(struct model *m, int64_t begin, int64_t end, float *out);
/* A step's gradients: zero, then loss and backward once a micro-batch, then finish, then read.
 * Finish adds the lookups' part to a tied embedding's gradient; it is kept apart until then so that
 * the bits do not depend on how the step was cut into micro-batches. */
MUST_CHECK err model_zero_gradients(struct model *m);
MUST_CHECK err model_finish_gradients(struct model *m);

/* What model_save changes on the way out: an adapter's merge. */
struct model_change {
    bool (*wanted)(void *ctx, const struct param *p);
    err (*apply)(void *ctx, const struct param *p, float *value); /* the whole, before rounding */
    void *ctx;
};
/* Writes a folder others can load: DIR/config.json (as it was read) and DIR/model.safetensors, or
 * shards when over shard_bytes (0: never), each parameter with its present value in the dtype it
 * was opened with (bf16 for quantised ones, whose config then says nothing of a quantisation).
 * Values pass in pieces of some MiB; only one that `change` (may be NULL) wants is in memory as a
 * whole, in fp32. DIR exists. */
MUST_CHECK err model_save(struct model *m, const char *dir, int64_t shard_bytes,
                          const struct model_change *change);

#endif
