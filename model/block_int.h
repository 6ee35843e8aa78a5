/* SPDX-License-Identifier: Apache-2.0
 * The blocks of a layer, forward and backward, and what one pass over them works on. Shared by
 * training (model/pass.c) and decoding (model/generate.c).
 * Read next: model/block.c. */
#ifndef COTRAIN_MODEL_BLOCK_INT_H
#define COTRAIN_MODEL_BLOCK_INT_H

#include "model/workspace_int.h"

struct norm {
    struct mat w;              /* (1,C) */
    struct gradient *gradient; /* NULL: frozen */
    float eps;
};

/* How queries and keys are made of what they share (compute/ops/shareqk.h). */
struct shareqk {
    struct mat weight, bias;                          /* (2,C) */
    struct gradient *weight_gradient, *bias_gradient; /* NULL: frozen */
};

struct layer {
    int64_t number;
    struct projection *projections[LAYER_PROJECTION_COUNT]; /* NULL: of the other variant */
    struct norm input_norm, filter_norm, post_norm;
    struct shareqk shareqk;
    struct {                /* rows whose gradient is needed (model/reach.c) */
        bool normed;        /* of the input norm */
        bool middle;        /* between the blocks */
        bool middle_normed; /* of the post norm */
        bool out;           /* of the layer */
    } wanted;
};

/* What a decoder keeps of the tokens before, for all its texts (model/decoder.c). */
struct cache {
    int64_t n_rows;   /* of keys and values: every text has its own range */
    int64_t n_states; /* of the localized filter: one for each text, then one for each mark */
    struct cache_layer {
        void *keys, *values; /* act (n_rows,C), keys rotated */
        void *normed;        /* act (n_states,C) the localized filter's last input row */
        void *filter1;       /* act (n_states,C/2) and its first convolution's */
    } * layers;              /* L */
    /* Of the tokens of a pass, in the backend's memory (N): */
    int32_t *place;  /* row of keys and values */
    int32_t *before; /* state that stands before the token; -1: the pass's own row does */
    int32_t *after;  /* state that the token's rows become; -1: none */
};

struct pass {
    const struct model *model;
    struct compute *compute;
    const struct model_call *call;
    const struct workspace *workspace;
    int64_t n;
    const float *cos, *sin;    /* rotary tables (P, D/2) */
    const struct cache *cache; /* decoding; else NULL */
    bool again;                /* the backward pass: rows that are made were seen before */
};

/* x -> middle = x + attention(filter(norm(x))), and middle -> out = middle +
 * feed_forward(norm(middle)).
 * `s` holds x on entry; out may be x. */
MUST_CHECK err attention_forward(const struct pass *p, const struct layer *l,
                                 const struct saved *s);
MUST_CHECK err feed_forward_forward(const struct pass *p, const struct layer *l,
                                    const struct saved *s, void *out);
/* Both take the gradient of their output in scratch.d_residual and leave that of their input
 * there, where something before them is trained. They make again what scratch lost; `holds`: and up
 * and gate are still there. */
MUST_CHECK err feed_forward_backward(const struct pass *p, const struct layer *l,
                                     const struct saved *s, bool holds);
MUST_CHECK err attention_backward(const struct pass *p, const struct layer *l,
                                  const struct saved *s);

/* y = norm(x) over n rows. */
MUST_CHECK err norm_forward(const struct pass *p, const struct norm *norm, int64_t n, const void *x,
                            void *y, float *rstd);
MUST_CHECK err norm_backward(const struct pass *p, const struct norm *norm, const void *x,
                             const float *rstd, const void *dy, void *dx, bool accumulate);

#endif
