/* SPDX-License-Identifier: Apache-2.0
 * The one place where a weight meets its input. Weight gradients are one chain over the step's
 * tokens in order (the product adds to what is there), so cutting a step into micro-batches changes
 * no bit.
 * Read next: model/projection.h, the contract. */
#include "model/projection.h"
#include "compute/ops/add.h"
#include "compute/ops/product.h"
#include "compute/ops/rows.h"
#include "model/gradient.h"
#include "model/workspace_int.h"

err projection_forward(const struct projection *p, const struct projection_call *call,
                       const void *x, void *y) {
    struct compute *c = call->compute;
    struct low_rank more = {.k = 0};
    BUG_IF(call->add && p->y_stride != p->out);
    if (p->adapter && p->adapter->offer) TRY(p->adapter->offer(p, call, x, &more));
    const bool adapter_follows = p->adapter && more.k == 0;
    TRY(c->backend->product(c, &(struct product_args){.m = call->n,
                                                      .n = p->out,
                                                      .k = p->in,
                                                      .a = mat_act(c, x, p->in),
                                                      .b = mat_transposed(p->weight),
                                                      .c = y,
                                                      .c_stride = p->y_stride,
                                                      .paired = p->paired,
                                                      .bias = p->bias,
                                                      .more_a = more.left,
                                                      .more_b = more.right,
                                                      .more_k = more.k,
                                                      .add = adapter_follows ? NULL : call->add,
                                                      .add_stride = p->out}));
    if (!adapter_follows) return ERR_OK;
    TRY(p->adapter->forward(p, call, x, y));
    if (!call->add) return ERR_OK;
    return c->backend->add(
        c, &(struct add_args){.n = call->n * p->out, .a = y, .b = call->add, .y = y});
}

static err weight_gradient(const struct projection *p, const struct projection_call *call,
                           const void *x, const void *dy) {
    struct compute *c = call->compute;
    struct gradient_slice g;
    TRY(gradient_open_whole(p->weight_gradient, &g));
    TRY(c->backend->product(c,
                            &(struct product_args){.m = p->out,
                                                   .n = p->in,
                                                   .k = call->n,
                                                   .a = mat_transposed(mat_act(c, dy, p->y_stride)),
                                                   .b = mat_act(c, x, p->in),
                                                   .c = g.values,
                                                   .c_stride = p->in,
                                                   .accumulate = !g.fresh,
                                                   .c_is_gradient = true,
                                                   .paired = p->paired}));
    return gradient_close(&g);
}

static err bias_gradient(const struct projection *p, const struct projection_call *call,
                         const void *dy) {
    struct compute *c = call->compute;
    struct gradient_slice g;
    BUG_IF(p->y_stride != p->out);
    TRY(gradient_open_whole(p->bias_gradient, &g));
    TRY(c->backend->sum_rows(
        c, &(struct sum_rows_args){.n = call->n, .c = p->out, .dy = dy, .db = g.values}));
    return gradient_close(&g);
}

/* The parameters' gradients come last: closing one may change the weight. */
err projection_backward(const struct projection *p, const struct projection_call *call,
                        const void *x, const void *dy, void *dx, bool accumulate) {
    struct compute *c = call->compute;
    struct low_rank more = {.k = 0};
    if (p->adapter && p->adapter->offer_back) TRY(p->adapter->offer_back(p, call, dy, &more));
    if (dx)
        TRY(c->backend->product(c, &(struct product_args){.m = call->n,
                                                          .n = p->in,
                                                          .k = p->out,
                                                          .a = mat_act(c, dy, p->y_stride),
                                                          .b = p->weight,
                                                          .c = dx,
                                                          .c_stride = p->in,
                                                          .accumulate = accumulate,
                                                          .paired = p->paired,
                                                          .more_a = more.left,
                                                          .more_b = more.right,
                                                          .more_k = more.k}));
    if (p->adapter) TRY(p->adapter->backward(p, call, x, dy, more.k > 0 ? NULL : dx));
    if (p->weight_gradient) TRY(weight_gradient(p, call, x, dy));
    return p->bias_gradient ? bias_gradient(p, call, dy) : ERR_OK;
}
