/* SPDX-License-Identifier: Apache-2.0
 * A projection: one weight matrix and, where adapters/ put one, an adapter beside it. The model
 * calls projections and knows no adapter; an adapter fills in this table and knows no block. The
 * localized filter's convolutions are projections whose input rows are paired (ops/pair): in = 2
 * C. */
#ifndef COTRAIN_MODEL_PROJECTION_H
#define COTRAIN_MODEL_PROJECTION_H

#include "base/err.h"
#include "compute/compute.h"
#include "model/batch.h"
#include <stdbool.h>

struct projection;
struct gradient;

/* What one call works on. `saved` is the adapter's own activation memory for this projection and
 * this call, adapter_ops.saved_bytes(N) long, kept from forward to backward. */
struct projection_call {
    struct compute *compute;
    const struct batch *batch;
    int64_t n;
    bool training; /* dropout on */
    uint64_t seed, step;
    void *saved;
    void *work;      /* adapter_ops.work_bytes(N) of scratch */
    const void *add; /* (N,out), contiguous, apart from y: added to y at the end; NULL: none */
};

/* left (N,k) right (k,columns), a part of a product's result. */
struct low_rank {
    struct mat left, right;
    int64_t k; /* 0: nothing */
};

struct adapter_ops {
    /* Called before the base's products, which take what is offered into their chains: then
     * `forward` is left out, or `backward` called with dx NULL. NULL: offers nothing. The backward
     * one is called in every backward pass, and `work` is kept until `backward`. */
    MUST_CHECK err (*offer)(const struct projection *p, const struct projection_call *call,
                            const void *x, struct low_rank *out);
    MUST_CHECK err (*offer_back)(const struct projection *p, const struct projection_call *call,
                                 const void *dy, struct low_rank *out);
    /* y (N,out), rows y_stride apart, already holds W x + bias; adds the adapter's part. */
    MUST_CHECK err (*forward)(const struct projection *p, const struct projection_call *call,
                              const void *x, void *y);
    /* Adds the adapter's parameter gradients, and to dx (N,in) its part of the input's gradient (dx
     * NULL: not wanted, nothing before this layer is trained). */
    MUST_CHECK err (*backward)(const struct projection *p, const struct projection_call *call,
                               const void *x, const void *dy, void *dx);
    size_t (*saved_bytes)(const struct projection *p, int64_t n);
    size_t (*work_bytes)(const struct projection *p, int64_t n);
    /* Whether one of the adapter's parameters here is trained; NULL: always. */
    bool (*trained)(const struct projection *p);
};

struct projection {
    const char *module; /* "model.layers.0.self_attn.q_proj" */
    int64_t site;       /* number of this projection in the model, keys dropout */
    int64_t in, out;    /* in = 2 C for a paired input */
    int64_t
        y_stride; /* elements between rows of y and dy: 2 C for q_proj and k_proj, which share one
                         * buffer (N,2C); out for all others. Rows of x and dx are contiguous. */
    bool paired;
    struct mat weight;                 /* (out,in) */
    struct mat bias;                   /* (1,out); data NULL: none */
    struct gradient *weight_gradient;  /* (out,in); NULL: frozen */
    struct gradient *bias_gradient;    /* (out); NULL: frozen */
    const struct adapter_ops *adapter; /* NULL: none */
    void *adapter_state;
};

/* y = W x + bias and the adapter's part, + call->add. */
MUST_CHECK err projection_forward(const struct projection *p, const struct projection_call *call,
                                  const void *x, void *y);
/* Adds parameter gradients; dx = or += W^T dy and the adapter's part (dx NULL: not wanted). */
MUST_CHECK err projection_backward(const struct projection *p, const struct projection_call *call,
                                   const void *x, const void *dy, void *dx, bool accumulate);

#endif
