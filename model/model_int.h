/* SPDX-License-Identifier: Apache-2.0
 * What stands behind struct model: the mapped files, the layers' tables, places in the plan, and
 * the state of a step (what ran last, which embedding rows have a lookup gradient).
 * Read next: model/model.h, the contract. */
#ifndef COTRAIN_MODEL_MODEL_INT_H
#define COTRAIN_MODEL_MODEL_INT_H

#include "model/block_int.h"
#include "model/formats/tensor_file.h"
#include "model/gradient.h"

enum pass_state { PASS_NONE, PASS_FORWARD, PASS_LOSS };

/* The loss works on trained rows only, gathered side by side and cut into blocks of rows. */
enum { LOSS_ROWS = 5 }; /* arrays of a number a token */
struct loss_memory {
    int64_t block_rows, block_vocab; /* of one block of logits; block_vocab: V or less */
    int64_t n_logits;                /* that scratch.logits has room for, a row's at least */
    float *loss;                     /* (N) */
    float *most, *sum;               /* (N) of the trained rows: compute/ops/cross_entropy.h */
    int32_t *indices;                /* (N) backend: which rows they are */
    int32_t *targets;                /* (N) backend */
    int32_t *host;                   /* (N), on the host */
    float *host_loss;                /* (N), on the host */
};

/* What the gradients of the trained parameters are kept in (model/gradient.c). */
struct gradients {
    struct compute *compute;
    struct gradient_taker taker;
    size_t at, bf16_at, work_at; /* in the plan */
    void *few;                   /* of parameters of a few rows, back to back */
    size_t few_bytes;
    float *work; /* (work_count) the slice that is open, unless it is made where it is kept */
    int64_t work_count;
    bool open;
    struct gradient *list; /* of every parameter, in the order of model.params */
    int64_t n;
};

/* A tied embedding's lookup gradient, kept apart until a step ends. */
struct lookup {
    int64_t max_rows, n_rows;
    float *gradient;    /* (max_rows,C) */
    float *one;         /* 1.0, in the backend's memory */
    int32_t *indices;   /* (N) backend: row of `gradient` of each token */
    int32_t *row_of_id; /* (V) host: -1 none yet */
    int32_t *id_of_row; /* (max_rows) host */
    int32_t *host;      /* (N) host */
};

/* Scales of the noise that training adds to the embedded tokens. */
struct noise {
    size_t at;
    float *scale; /* (N) backend */
    float *host;  /* (N) host */
};

/* Frozen weights of the layers, streamed in through two places (model/stream.c). */
struct layer_stream {
    bool on;
    size_t at, host_at, place_bytes; /* in the plan; place_bytes of one */
    size_t *bytes;                   /* (L) of each layer */
    char *places, *host;             /* host: of the layers, one after another */
    int64_t held[2];                 /* layer in each place; -1: none */
};

enum { WEIGHT_COPY_KINDS = 3 };

struct model_internal {
    struct tensor_file *file;
    struct layer *layers;
    struct norm final_norm;
    struct mat embedding, head; /* (V,C); the same memory when tied */
    struct model_plan_options options;
    bool planned, started;
    bool hidden_wanted; /* the final norm, or what is before it, is trained */
    size_t copies_at[WEIGHT_COPY_KINDS], rope_at, x_final_at, rstd_at, loss_at[LOSS_ROWS],
        lookup_at[3];
    float *cos, *sin; /* (P, D/2) */
    struct layer_stream stream;
    struct gradients gradients;
    struct workspace workspace;
    void *x_final;     /* act (N,C) residual stream after the last layer */
    float *final_rstd; /* (N) */
    struct loss_memory loss;
    struct lookup lookup;
    struct noise noise;
    enum pass_state state;
    int64_t n; /* tokens of the last forward */
};

/* How far back gradients have to go (model/reach.c): sets hidden_wanted and every layer's `wanted`
 * from what is marked as trained. Then the first layer that is entered backwards; L: none. */
void reach_set(struct model *m);
int64_t reach_first_layer(const struct model *m);

/* Reserving and placing of the weights (model/weights.c). */
MUST_CHECK err weights_plan(struct model *m, struct plan *plan);
MUST_CHECK err weights_place(struct model *m, const struct plan *plan);
/* Bytes of fp32 values, 64-byte aligned, or SIZE_MAX where that does not fit. */
size_t plan_floats(int64_t count);
/* Streaming: the layer's weights are in place for the operations that follow, and the layer that
 * comes after by `step` (1 or -1) is fetched meanwhile. Nothing where they are in memory. */
MUST_CHECK err stream_enter(const struct model *m, int64_t layer, int64_t step);
MUST_CHECK err stream_plan(struct model *m, struct plan *plan, const size_t *layer_bytes);
void stream_place(struct model *m, const struct plan *plan);
/* Where `offset` bytes into a layer's weights are read by operations, and kept. */
char *stream_at(const struct model *m, int64_t layer, size_t offset);
char *stream_host_at(const struct model *m, int64_t layer, size_t offset);

/* A parameter as the passes read it, after weights_place. */
struct mat weights_mat(const struct param *p, int64_t columns);
/* Reserving and placing of their gradients; then the start and the end of a step's. */
MUST_CHECK err gradients_plan(struct model *m, struct plan *plan);
MUST_CHECK err gradients_place(struct model *m, const struct plan *plan);
MUST_CHECK err gradients_begin(struct gradients *g);
MUST_CHECK err gradients_end(struct gradients *g);
/* NULL: the parameter is frozen, or no backward pass was planned. */
struct gradient *gradient_of(const struct model *m, const struct param *p);
/* Of a model that is being planned: whether the parameter's gradient is handed to a taker, and
 * whether it can be opened in slices only, not whole. */
bool gradient_taken(const struct model *m, const struct param *p);
bool gradient_in_slices(const struct model *m, const struct param *p);
/* Of a gradient with several parts: what is closed from now on is complete. */
void gradient_complete(struct gradient *g);
/* The values as they are stored, in p->dtype, in host memory: where they are mapped, or in *owned,
 * which the caller frees (on failure, too). */
MUST_CHECK err weights_stored(const struct model *m, const struct param *p, const void **out,
                              void **owned);

/* Tensors that converted checkpoints hold besides the parameters, and that the released code
 * ignores: the rotary buffers, and a copy of the embedding as head when the config says tied. */
bool tensor_unused(const struct model *m, const char *name);
/* Residual stream through all layers; x of layer 0 is in place. `out` receives the last one. */
MUST_CHECK err layers_forward(const struct pass *p, void *out);
MUST_CHECK err embed_tokens(const struct pass *p, void *x);
/* Whether the id is below the vocabulary and the position below the rotary table's length; `number`
 * of the token, for the error. */
MUST_CHECK err check_token(const struct model *m, int64_t number, int32_t id, int32_t position);
/* Reserves what the operations of a pass need for themselves: of so many tokens, or keys that its
 * queries see; products over every width of the model. */
void scratch_plan(const struct model *m, struct plan *plan, int64_t n_tokens);
/* Reserving and placing of the loss (model/loss.c), of the lookup's gradient (model/lookup.c) and
 * of the embedding's noise (model/noise.c). */
size_t loss_plan(struct model *m, struct plan *plan); /* workspace_shape.logits_bytes */
MUST_CHECK err loss_place(struct model *m, const struct plan *plan);
void loss_release(struct model *m);
MUST_CHECK err lookup_plan(struct model *m, struct plan *plan);
MUST_CHECK err lookup_place(struct model *m, const struct plan *plan);
void lookup_release(struct model *m);
void lookup_clear(struct model *m);
void noise_plan(struct model *m, struct plan *plan);
MUST_CHECK err noise_place(struct model *m, const struct plan *plan);
void noise_release(struct model *m);
/* Adds it to embedded tokens where the call trains and noise was asked for. */
MUST_CHECK err noise_add(const struct pass *p, void *x);
/* The embedding's gradient from the rows' gradient in scratch.d_residual. */
MUST_CHECK err lookup_backward(struct model *m, const struct pass *p, const struct batch *batch);
MUST_CHECK err lookup_finish(struct model *m);

#endif
