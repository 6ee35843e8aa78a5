/* SPDX-License-Identifier: Apache-2.0
 * The one place where a weight meets its input. Weight gradients are one chain over the step's
 * tokens in order (the product adds to what is there), so cutting a step into micro-batches changes
 * no bit.
 * Read next: model/projection.h, the contract. */
#include "model/projection.h"
#include "compute/ops/product.h"
#include "compute/ops/rows.h"
#include "model/gradient.h"
#include "model/workspace_int.h"

err projection_forward(const struct projection *p, const struct projection_call *call,
                       const void *x, void *y) {
    struct compute *c = call->compute;
    bool biased = p->bias.data != NULL;
    BUG_IF(biased && p->y_stride != p->out);
    if (biased)
        TRY(c->backend->fill_rows(
            c, &(struct fill_rows_args){.n = call->n, .c = p->out, .b = p->bias, .y = y}));
    TRY(c->backend->product(c, &(struct product_args){.m = call->n,
                                                      .n = p->out,
                                                      .k = p->in,
                                                      .a = mat_act(c, x, p->in),
                                                      .b = mat_transposed(p->weight),
                                                      .c = y,
                                                      .c_stride = p->y_stride,
                                                      .accumulate = biased}));
    return p->adapter ? p->adapter->forward(p, call, x, y) : ERR_OK;
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
                                                   .c_is_gradient = true}));
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
    if (dx)
        TRY(c->backend->product(c, &(struct product_args){.m = call->n,
                                                          .n = p->in,
                                                          .k = p->out,
                                                          .a = mat_act(c, dy, p->y_stride),
                                                          .b = p->weight,
                                                          .c = dx,
                                                          .c_stride = p->in,
                                                          .accumulate = accumulate}));
    if (p->adapter) TRY(p->adapter->backward(p, call, x, dy, dx));
    if (p->weight_gradient) TRY(weight_gradient(p, call, x, dy));
    return p->bias_gradient ? bias_gradient(p, call, dy) : ERR_OK;
}
