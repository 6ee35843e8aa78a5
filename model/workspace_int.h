/* SPDX-License-Identifier: Apache-2.0
 * The memory a pass works on: the activations of acts.def, the batch in the backend's memory, and
 * what adapters keep. The model has one in its plan; each decoder has its own.
 * Read next: model/acts.def and model/workspace.c. */
#ifndef COTRAIN_MODEL_WORKSPACE_INT_H
#define COTRAIN_MODEL_WORKSPACE_INT_H

#include "model/model.h"
#include "model/params_int.h"

#define ACT_TYPE_ACT void
#define ACT_TYPE_F32 float

struct saved {
#define SAVED(field, variant, type, width, kept) ACT_TYPE_##type *field;
#define SCRATCH(...)
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
    void *adapter[LAYER_PROJECTION_COUNT]; /* struct projection_call.saved of each projection */
};

/* What passes go through, in this order, as bits of a set: the layers one after the other, the
 * loss, the layers from the last one on. */
enum stage {
    STAGE_QKV = 1 << 0,       /* input norm, filter, queries, keys, values */
    STAGE_ATTENTION = 1 << 1, /* attention and its projection */
    STAGE_GATE = 1 << 2,      /* post norm, up and gate */
    STAGE_DOWN = 1 << 3,      /* their product and its projection */
    STAGES_LAYER = (1 << 4) - 1,
    STAGE_LOSS = 1 << 4,      /* final norm, logits, loss */
    STAGE_LOSS_BACK = 1 << 5, /* beside it; logits may still be asked for */
    STAGE_AGAIN = 1 << 6,     /* the first two, in a backward pass that begins with the input */
    STAGE_DOWN_BACK = 1 << 7, /* the next two but the last projection, and back through their end */
    STAGE_GATE_BACK = 1 << 8,
    STAGE_ATTENTION_BACK = 1 << 9,
    STAGE_QKV_BACK = 1 << 10, /* input norm again; values, queries and keys */
    STAGE_FILTER_BACK = 1 << 11,
    STAGES_BACK = (1 << 12) - (1 << 5)
};

struct scratch {
#define SAVED(...)
#define SCRATCH(field, variant, type, width, stages) ACT_TYPE_##type *field;
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
    void *logits; /* of a block of rows, in the stages of the loss */
    void *adapter_work;
};

struct workspace_shape {
    int64_t n_tokens; /* most tokens of a pass */
    unsigned stages;  /* what passes go through */
    size_t logits_bytes;
    /* With stages of the way back: */
    int64_t kept_from; /* the layers before it keep nothing */
    struct recompute recompute;
};

struct workspace {
    struct workspace_shape shape;
    int64_t n_layers;
    struct saved *layers; /* L */
    struct scratch scratch;
    struct batch batch;   /* in the backend's memory; targets stay on the host (NULL here) */
    float *blind_weights; /* 1 / row of each of batch.blind, in the backend's memory */
    size_t *offsets;      /* into the plan, in the order they were reserved */
    int64_t n_offsets, n_placed;
};

/* Reserves, then (after plan_allocate) sets every pointer. The adapters on the model's projections
 * must be attached before and stay as they are. `w` is zeroed or was planned before, which it
 * forgets. */
MUST_CHECK err workspace_plan(struct workspace *w, const struct model *m, struct plan *plan,
                              const struct workspace_shape *shape);
void workspace_place(struct workspace *w, const struct model *m, const struct plan *plan);
void workspace_release(struct workspace *w);
/* Copies a host batch (at most shape.n_tokens) into w->batch. */
MUST_CHECK err workspace_load(struct workspace *w, struct compute *c, const struct batch *batch);

enum { LAYOUT_MAX_ROWS = 32 };
/* A row of memory that others may lie in at other stages (model/layout.c). */
struct layout_row {
    size_t bytes;
    unsigned stages; /* 0: not there */
    size_t at;       /* 64-byte aligned */
};
/* Sets each row's place; rows that have a stage in common lie apart. Returns where the last one
 * ends, or SIZE_MAX where that does not fit. */
size_t layout_rows(struct layout_row *rows, int n);

/* Whether the layer's rows of that level are there after the forward pass: it keeps them, or it is
 * the last one that had the shared memory. */
bool workspace_holds(const struct workspace *w, int64_t layer, enum keep kept);

/* n * size, or SIZE_MAX where that does not fit: the plan reports it. */
size_t plan_size(int64_t n, int64_t size);
size_t plan_aligned(size_t bytes); /* up to a multiple of 64, SIZE_MAX likewise */
/* Element `offset` of an activation. */
static inline void *act_at(const struct compute *c, const void *act, int64_t offset) {
    return (char *)act + offset * dtype_bytes(c->backend->act_dtype);
}
static inline struct mat mat_act(const struct compute *c, const void *act, int64_t row_stride) {
    return (struct mat){act, c->backend->act_dtype, row_stride, 1};
}
static inline struct mat mat_transposed(struct mat m) {
    return (struct mat){m.data, m.dtype, m.col_stride, m.row_stride};
}
/* Activations to host fp32. */
MUST_CHECK err act_download(struct compute *c, const void *act, int64_t n, float *out);

#endif
