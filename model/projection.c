/* SPDX-License-Identifier: Apache-2.0
 * The one place where a weight meets its input. Weight gradients are one chain over the step's
 * tokens in order (the product adds to what is there), so cutting a step into micro-batches changes
 * no bit.
 * Read next: model/projection.h, the contract. */
#include "model/projection.h"
#include "compute/ops/product.h"
#include "compute/ops/rows.h"
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

static err parameter_gradients(const struct projection *p, const struct projection_call *call,
                               const void *x, const void *dy) {
    struct compute *c = call->compute;
    if (p->weight_gradient)
        TRY(c->backend->product(
            c, &(struct product_args){.m = p->out,
                                      .n = p->in,
                                      .k = call->n,
                                      .a = mat_transposed(mat_act(c, dy, p->y_stride)),
                                      .b = mat_act(c, x, p->in),
                                      .c = p->weight_gradient,
                                      .c_stride = p->in,
                                      .accumulate = true,
                                      .c_is_gradient = true}));
    if (!p->bias_gradient) return ERR_OK;
    BUG_IF(p->y_stride != p->out);
    return c->backend->sum_rows(
        c, &(struct sum_rows_args){.n = call->n, .c = p->out, .dy = dy, .db = p->bias_gradient});
}

err projection_backward(const struct projection *p, const struct projection_call *call,
                        const void *x, const void *dy, void *dx, bool accumulate) {
    struct compute *c = call->compute;
    TRY(parameter_gradients(p, call, x, dy));
    if (dx)
        TRY(c->backend->product(c, &(struct product_args){.m = call->n,
                                                          .n = p->in,
                                                          .k = p->out,
                                                          .a = mat_act(c, dy, p->y_stride),
                                                          .b = p->weight,
                                                          .c = dx,
                                                          .c_stride = p->in,
                                                          .accumulate = accumulate}));
    return p->adapter ? p->adapter->backward(p, call, x, dy, dx) : ERR_OK;
}
