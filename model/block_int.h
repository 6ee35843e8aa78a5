/* SPDX-License-Identifier: Apache-2.0
 * The blocks of a layer, forward and backward, and what one pass over them works on. Shared by
 * training (model/pass.c) and decoding (model/generate.c).
 * Read next: model/block.c. */
#ifndef COTRAIN_MODEL_BLOCK_INT_H
#define COTRAIN_MODEL_BLOCK_INT_H

#include "model/workspace_int.h"

struct norm {
    struct mat w;    /* (1,C) */
    float *gradient; /* NULL: frozen */
    float eps;
};

/* How queries and keys are made of what they share (compute/ops/shareqk.h). */
struct shareqk {
    struct mat weight, bias;                /* (2,C) */
    float *weight_gradient, *bias_gradient; /* NULL: frozen */
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

/* A decoder's memory of the localized filter in one layer: the rows of the token before. */
struct filter_state {
    void *normed;  /* act (C) input of the first convolution */
    void *filter1; /* act (C/2) its output */
};

struct pass {
    const struct model *model;
    struct compute *compute;
    const struct model_call *call;
    const struct workspace *workspace;
    int64_t n;
    const float *cos, *sin;      /* rotary tables (P, D/2) */
    int64_t q_start;             /* decoding: tokens in the cache before these */
    struct filter_state *states; /* decoding: one per layer; else NULL */
};

/* x -> middle = x + attention(filter(norm(x))), and middle -> out = middle +
 * feed_forward(norm(middle)).
 * `s` holds x on entry; out may be x. */
MUST_CHECK err attention_forward(const struct pass *p, const struct layer *l,
                                 const struct saved *s);
MUST_CHECK err feed_forward_forward(const struct pass *p, const struct layer *l,
                                    const struct saved *s, void *out);
/* Both take the gradient of their output in scratch.d_residual and leave that of their input
 * there, where something before them is trained. */
MUST_CHECK err feed_forward_backward(const struct pass *p, const struct layer *l,
                                     const struct saved *s);
MUST_CHECK err attention_backward(const struct pass *p, const struct layer *l,
                                  const struct saved *s);

/* y = norm(x) over n rows. */
MUST_CHECK err norm_forward(const struct pass *p, const struct norm *norm, int64_t n, const void *x,
                            void *y, float *rstd);
MUST_CHECK err norm_backward(const struct pass *p, const struct norm *norm, const void *x,
                             const float *rstd, const void *dy, void *dx, bool accumulate);
/* Copies act row `from` to `to` (C elements each) within the backend. */
MUST_CHECK err copy_row(const struct pass *p, const void *from, int64_t columns, void *to);

#endif
