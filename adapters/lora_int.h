/* SPDX-License-Identifier: Apache-2.0
 * The low-rank pair as other kinds use it:  u = s A x',  B u,  x' = dropout(x).
 * A kind lays out `work` itself; what each function needs there is said below.
 * Read next: adapters/lora.c for the formulas, adapters/dora.c for a kind that builds on it. */
#ifndef COTRAIN_ADAPTERS_LORA_INT_H
#define COTRAIN_ADAPTERS_LORA_INT_H

#include "adapters/adapter_int.h"

struct lora_call {
    const struct projection *p;
    const struct projection_call *call;
    const void *x; /* (N,in) as the projection gets it */
    void *u;       /* (N,R) kept from forward to backward */
    void *du;      /* (N,R) work of the backward pass */
    void *room;    /* (N,in) work, where the input is dropped out */
};

const struct adapter_site *lora_site(const struct projection *p);
/* (N,columns) of activations, rounded up so that what follows is aligned. */
size_t lora_act_bytes(const struct projection *p, int64_t n, int64_t columns);
/* Whether the call drops out part of x; and whether any training call will. */
bool lora_drops(const struct lora_call *l);
bool lora_may_drop(const struct projection *p);
struct mat lora_rows(const void *data, enum dtype dtype, int64_t row_stride);
struct mat lora_transposed(struct mat m);

void lora_shape(const struct adapter_site *site, int which, struct param *out);
/* x', in `room` where it is not x itself. */
MUST_CHECK err lora_input(const struct lora_call *l, const void **out);
/* u = s A input;  du = s dy B. */
MUST_CHECK err lora_down(const struct lora_call *l, const void *input);
MUST_CHECK err lora_down_back(const struct lora_call *l, struct mat dy);
/* y = or += B u, rows y_stride apart. */
MUST_CHECK err lora_up(const struct lora_call *l, void *y, int64_t y_stride, bool accumulate);
/* dB += dy^T u;  dA += du^T x'. */
MUST_CHECK err lora_gradients(const struct lora_call *l, struct mat dy);
/* dx += dropout(left right), left (N,k), right (k,in). */
MUST_CHECK err lora_input_gradient(const struct lora_call *l, struct mat left, struct mat right,
                                   int64_t k, void *dx);
/* W += scale B A. */
void lora_add(const struct adapter_site *site, const float *a, const float *b, double scale,
              float *weight);

/* What the start takes out of the base (adapters/residual.c):  y -= s B0 (A0 x), and in the
 * backward pass  dx -= s (dy B0) A0.  `work` holds (N,R). */
MUST_CHECK err residual_forward(const struct projection *p, const struct projection_call *call,
                                const void *x, void *work, void *y);
MUST_CHECK err residual_backward(const struct projection *p, const struct projection_call *call,
                                 const void *dy, void *work, void *dx);
/* W -= s B0 A0. */
MUST_CHECK err residual_merge(const struct adapter_site *site, float *weight);

#endif
