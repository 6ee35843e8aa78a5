/* SPDX-License-Identifier: Apache-2.0
 * LoRA:  y += s B (A x'),  x' = dropout(x),  s = alpha / r  (alpha / sqrt(r) with use_rslora)
 *   A (R,in) and B (out,R) start as adapters/inits/ says
 *   backward, u = s A x':  dB += dy^T u;  du = s dy B;  dA += du^T x';  dx += dropout(du A)
 *   merged:  W + s B A
 * On the localized filter's convolutions A keeps the kernel, (R,C,2,1), and B is (out,R,1,1): over
 * the model's paired rows (compute/ops/pair.h) A is the same contiguous (R,in) matrix, in = 2 C.
 * Source: Hu et al. 2021; PEFT for names, shapes and the place of the dropout. */
#include "adapters/lora_int.h"

#include "base/par.h"
#include "compute/ops/add.h"
#include "compute/ops/dropout.h"
#include "compute/ops/product.h"
#include "compute/ops/scale.h"

#include <math.h>

const struct adapter_site *lora_site(const struct projection *p) {
    return p->adapter_state;
}

void lora_shape(const struct adapter_site *site, int which, struct param *out) {
    const struct projection *p = site->projection;
    int64_t rows = which == ADAPTER_A ? site->r : p->out;
    int64_t columns = which == ADAPTER_A ? p->in : site->r;
    bool kernel = p->paired && which == ADAPTER_A;
    out->n_dims = p->paired ? 4 : 2;
    out->shape[0] = rows;
    out->shape[1] = kernel ? columns / 2 : columns;
    out->shape[2] = kernel ? 2 : 1;
    out->shape[3] = 1;
}

size_t lora_act_bytes(const struct projection *p, int64_t n, int64_t columns) {
    const struct compute *c = lora_site(p)->adapter->compute;
    size_t bytes = (size_t)(n * columns * dtype_bytes(c->backend->act_dtype));
    return (bytes + 63) / 64 * 64;
}

struct mat lora_rows(const void *data, enum dtype dtype, int64_t row_stride) {
    return (struct mat){data, dtype, row_stride, 1};
}

struct mat lora_transposed(struct mat m) {
    return (struct mat){m.data, m.dtype, m.col_stride, m.row_stride};
}

bool lora_may_drop(const struct projection *p) {
    return lora_site(p)->adapter->options.lora_dropout > 0;
}

bool lora_drops(const struct lora_call *l) {
    return l->call->training && lora_may_drop(l->p);
}

static err drop(const struct lora_call *l, const void *x, void *y) {
    const struct projection_call *call = l->call;
    const struct dropout_args args = {
        .n = call->n,
        .c = l->p->in,
        .p = lora_site(l->p)->adapter->options.lora_dropout,
        .seed = call->seed,
        .step = call->step,
        .site = (uint64_t)l->p->site,
        .row = call->batch->row,
        .paired = l->p->paired,
        .x = x,
        .y = y,
    };
    return call->compute->backend->dropout(call->compute, &args);
}

err lora_input(const struct lora_call *l, const void **out) {
    *out = l->x;
    if (!lora_drops(l)) return ERR_OK;
    *out = l->room;
    return drop(l, l->x, l->room);
}

/* to (N,R) = s x right */
static err down(const struct lora_call *l, struct mat x, int64_t k, struct mat right, void *to) {
    const struct adapter_site *site = lora_site(l->p);
    struct compute *c = l->call->compute;
    const struct product_args product = {
        .m = l->call->n, .n = site->r, .k = k, .a = x, .b = right, .c = to, .c_stride = site->r};
    const struct scale_args scale = {
        .n = l->call->n * site->r, .s = (float)site->scale, .x = to, .y = to};
    TRY(c->backend->product(c, &product));
    return c->backend->scale(c, &scale);
}

/* A (R,in) and B (out,R). */
static struct mat factor(const struct projection *p, int which) {
    const struct adapter_site *site = lora_site(p);
    return lora_rows(site->params[which].value, DTYPE_F32, which == ADAPTER_A ? p->in : site->r);
}

err lora_down(const struct lora_call *l, const void *input) {
    const enum dtype act = l->call->compute->backend->act_dtype;
    return down(l, lora_rows(input, act, l->p->in), l->p->in,
                lora_transposed(factor(l->p, ADAPTER_A)), l->u);
}

err lora_down_back(const struct lora_call *l, struct mat dy) {
    return down(l, dy, l->p->out, factor(l->p, ADAPTER_B), l->du);
}

err lora_up(const struct lora_call *l, void *y, int64_t y_stride, bool accumulate) {
    const struct adapter_site *site = lora_site(l->p);
    const struct backend *b = l->call->compute->backend;
    const struct product_args args = {
        .m = l->call->n,
        .n = l->p->out,
        .k = site->r,
        .a = lora_rows(l->u, b->act_dtype, site->r),
        .b = lora_transposed(factor(l->p, ADAPTER_B)),
        .c = y,
        .c_stride = y_stride,
        .accumulate = accumulate,
    };
    return b->product(l->call->compute, &args);
}

/* gradient (rows,columns) += left^T right, one chain over the tokens */
static err add_gradient(const struct lora_call *l, struct mat left, struct mat right,
                        const struct param *param) {
    int64_t columns = param->count / param->shape[0];
    const struct product_args args = {
        .m = param->shape[0],
        .n = columns,
        .k = l->call->n,
        .a = lora_transposed(left),
        .b = right,
        .c = param->gradient,
        .c_stride = columns,
        .accumulate = true,
        .c_is_gradient = true,
    };
    return l->call->compute->backend->product(l->call->compute, &args);
}

err lora_gradients(const struct lora_call *l, struct mat dy) {
    const struct adapter_site *site = lora_site(l->p);
    const struct backend *b = l->call->compute->backend;
    if (site->params[ADAPTER_B].gradient)
        TRY(add_gradient(l, dy, lora_rows(l->u, b->act_dtype, site->r), &site->params[ADAPTER_B]));
    if (!site->params[ADAPTER_A].gradient) return ERR_OK;
    const void *input;
    TRY(lora_input(l, &input));
    return add_gradient(l, lora_rows(l->du, b->act_dtype, site->r),
                        lora_rows(input, b->act_dtype, l->p->in), &site->params[ADAPTER_A]);
}

err lora_input_gradient(const struct lora_call *l, struct mat left, struct mat right, int64_t k,
                        void *dx) {
    const struct backend *b = l->call->compute->backend;
    const bool dropped = lora_drops(l);
    const struct product_args args = {
        .m = l->call->n,
        .n = l->p->in,
        .k = k,
        .a = left,
        .b = right,
        .c = dropped ? l->room : dx,
        .c_stride = l->p->in,
        .accumulate = !dropped,
    };
    TRY(b->product(l->call->compute, &args));
    if (!dropped) return ERR_OK;
    TRY(drop(l, l->room, l->room));
    const struct add_args sum = {.n = l->call->n * l->p->in, .a = dx, .b = l->room, .y = dx};
    return b->add(l->call->compute, &sum);
}

/* ---- the kind ---- */

static size_t saved_bytes(const struct projection *p, int64_t n) {
    return lora_act_bytes(p, n, lora_site(p)->r);
}

static size_t work_bytes(const struct projection *p, int64_t n) {
    return lora_act_bytes(p, n, lora_site(p)->r) +
           (lora_may_drop(p) ? lora_act_bytes(p, n, p->in) : 0);
}

static struct lora_call call_of(const struct projection *p, const struct projection_call *call,
                                const void *x) {
    void *room = (char *)call->work + lora_act_bytes(p, call->n, lora_site(p)->r);
    return (struct lora_call){p, call, x, call->saved, call->work, room};
}

/* A start taken out of the base follows the pair; a dropped gradient is added apart. */
static err offer(const struct projection *p, const struct projection_call *call, const void *x,
                 struct low_rank *out) {
    const struct adapter_site *site = lora_site(p);
    const struct lora_call l = call_of(p, call, x);
    const void *input;
    if (site->start[ADAPTER_A]) return ERR_OK;
    TRY(lora_input(&l, &input));
    TRY(lora_down(&l, input));
    *out = (struct low_rank){lora_rows(l.u, call->compute->backend->act_dtype, site->r),
                             lora_transposed(factor(p, ADAPTER_B)), site->r};
    return ERR_OK;
}

static err offer_back(const struct projection *p, const struct projection_call *call,
                      const void *dy, struct low_rank *out) {
    const struct adapter_site *site = lora_site(p);
    const struct lora_call l = call_of(p, call, NULL);
    const enum dtype act = call->compute->backend->act_dtype;
    TRY(lora_down_back(&l, lora_rows(dy, act, p->y_stride)));
    if (site->start[ADAPTER_A] || lora_drops(&l)) return ERR_OK;
    *out = (struct low_rank){lora_rows(l.du, act, site->r), factor(p, ADAPTER_A), site->r};
    return ERR_OK;
}

static err forward(const struct projection *p, const struct projection_call *call, const void *x,
                   void *y) {
    const struct lora_call l = call_of(p, call, x);
    const void *input;
    TRY(lora_input(&l, &input));
    TRY(lora_down(&l, input));
    TRY(lora_up(&l, y, p->y_stride, true));
    return residual_forward(p, call, x, l.du, y);
}

/* du is there: offer_back made it. */
static err backward(const struct projection *p, const struct projection_call *call, const void *x,
                    const void *dy, void *dx) {
    const struct lora_call l = call_of(p, call, x);
    const struct adapter_site *site = lora_site(p);
    const enum dtype act = call->compute->backend->act_dtype;
    TRY(lora_gradients(&l, lora_rows(dy, act, p->y_stride)));
    if (!dx) return ERR_OK;
    TRY(lora_input_gradient(&l, lora_rows(l.du, act, site->r), factor(p, ADAPTER_A), site->r, dx));
    return site->start[ADAPTER_A] ? residual_backward(p, call, dy, l.du, dx) : ERR_OK;
}

/* ---- merging ---- */

struct merge_call {
    const float *a, *b;
    float *weight, scale;
    int64_t in, r;
};

static void merge_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct merge_call *call = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < call->in; j++) {
            float sum = 0;
            for (int64_t k = 0; k < call->r; k++)
                sum = fmaf(call->b[i * call->r + k], call->a[k * call->in + j], sum);
            float *w = &call->weight[i * call->in + j];
            *w = fmaf(call->scale, sum, *w);
        }
}

void lora_add(const struct adapter_site *site, const float *a, const float *b, double scale,
              float *weight) {
    struct merge_call call = {a, b, weight, (float)scale, site->projection->in, site->r};
    par_for(site->projection->out, 16, merge_rows, &call);
}

static err merge(const struct adapter_site *site, float *const *values, float *weight) {
    lora_add(site, values[ADAPTER_A], values[ADAPTER_B], site->scale, weight);
    return site->start[ADAPTER_A] ? residual_merge(site, weight) : ERR_OK;
}

extern const struct adapter_kind lora_adapter;
const struct adapter_kind lora_adapter = {
    .name = "lora",
    .summary = "low-rank update of chosen projections, the base frozen",
    .peft_type = "LORA",
    .n_tensors = ADAPTER_PAIR,
    .suffixes = {".lora_A.weight", ".lora_B.weight"},
    .adds = true,
    .shape = lora_shape,
    .ops = {.offer = offer,
            .offer_back = offer_back,
            .forward = forward,
            .backward = backward,
            .saved_bytes = saved_bytes,
            .work_bytes = work_bytes,
            .trained = adapter_site_trained},
    .merge = merge,
};
