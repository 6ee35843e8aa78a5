/* SPDX-License-Identifier: Apache-2.0
 * LoRA:  y += s B (A x'),  x' = dropout(x),  s = alpha / r  (alpha / sqrt(r) with use_rslora)
 *   A (R,in) starts Kaiming-uniform with a = sqrt(5), that is uniform in +-1/sqrt(in)
 *   B (out,R) starts at 0
 *   backward, u = s A x':  dB += dy^T u;  du = s dy B;  dA += du^T x';  dx += dropout(du A)
 *   merged:  W + s B A
 * On the localized filter's convolutions A keeps the kernel, (R,C,2,1), and B is (out,R,1,1): over
 * the model's paired rows (compute/ops/pair.h) A is the same contiguous (R,in) matrix, in = 2 C.
 * Source: Hu et al. 2021; PEFT for names, shapes, initialisation and the place of the dropout. */
#include "adapters/adapter_int.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/ops/add.h"
#include "compute/ops/dropout.h"
#include "compute/ops/product.h"
#include "compute/ops/scale.h"

#include <math.h>

enum { LORA_A, LORA_B, LORA_TENSORS };

static const struct adapter_site *site_of(const struct projection *p) {
    return p->adapter_state;
}

static double lora_scale(const struct adapter_options *o) {
    return o->lora_alpha / (o->use_rslora ? sqrt((double)o->r) : (double)o->r);
}

static void lora_shape(const struct adapter *a, const struct projection *p, int which,
                       struct param *out) {
    int64_t rows = which == LORA_A ? a->options.r : p->out;
    int64_t columns = which == LORA_A ? p->in : a->options.r;
    bool kernel = p->paired && which == LORA_A;
    out->n_dims = p->paired ? 4 : 2;
    out->shape[0] = rows;
    out->shape[1] = kernel ? columns / 2 : columns;
    out->shape[2] = kernel ? 2 : 1;
    out->shape[3] = 1;
}

static void lora_init(const struct adapter *a, const struct projection *p, int which,
                      float *values) {
    int64_t count = a->options.r * (which == LORA_A ? p->in : p->out);
    const struct rng rng = {a->seed, RNG_INIT, (uint64_t)p->site};
    double bound = 1 / sqrt((double)p->in);
    for (int64_t i = 0; i < count; i++)
        values[i] = which == LORA_A ? (float)((2 * rng_uniform(&rng, (uint64_t)i) - 1) * bound) : 0;
}

/* Activations in the backend's dtype, rounded up so that what follows is aligned. */
static size_t act_bytes(const struct projection *p, int64_t n, int64_t columns) {
    const struct compute *c = site_of(p)->adapter->compute;
    size_t bytes = (size_t)(n * columns * dtype_bytes(c->backend->act_dtype));
    return (bytes + 63) / 64 * 64;
}

static size_t lora_saved_bytes(const struct projection *p, int64_t n) {
    return act_bytes(p, n, site_of(p)->adapter->options.r);
}

static size_t lora_work_bytes(const struct projection *p, int64_t n) {
    const struct adapter_options *o = &site_of(p)->adapter->options;
    return act_bytes(p, n, o->r) + (o->lora_dropout > 0 ? act_bytes(p, n, p->in) : 0);
}

static struct mat rows_of(const void *data, enum dtype dtype, int64_t row_stride) {
    return (struct mat){data, dtype, row_stride, 1};
}

static struct mat transposed(struct mat m) {
    return (struct mat){m.data, m.dtype, m.col_stride, m.row_stride};
}

static bool drops(const struct projection *p, const struct projection_call *call) {
    return call->training && site_of(p)->adapter->options.lora_dropout > 0;
}

static err drop(const struct projection *p, const struct projection_call *call, const void *x,
                void *y) {
    const struct dropout_args args = {
        .n = call->n,
        .c = p->in,
        .p = site_of(p)->adapter->options.lora_dropout,
        .seed = call->seed,
        .step = call->step,
        .site = (uint64_t)p->site,
        .row = call->batch->row,
        .paired = p->paired,
        .x = x,
        .y = y,
    };
    return call->compute->backend->dropout(call->compute, &args);
}

/* The adapter's input: x itself, or its dropped form in `room`. */
static err lora_input(const struct projection *p, const struct projection_call *call, const void *x,
                      void *room, const void **out) {
    *out = x;
    if (!drops(p, call)) return ERR_OK;
    *out = room;
    return drop(p, call, x, room);
}

static err scale_rows(const struct projection *p, const struct projection_call *call, void *u) {
    const struct adapter_options *o = &site_of(p)->adapter->options;
    const struct scale_args args = {.n = call->n * o->r, .s = (float)lora_scale(o), .x = u, .y = u};
    return call->compute->backend->scale(call->compute, &args);
}

static err lora_forward(const struct projection *p, const struct projection_call *call,
                        const void *x, void *y) {
    const struct adapter_site *site = site_of(p);
    const struct backend *b = call->compute->backend;
    int64_t r = site->adapter->options.r;
    void *u = call->saved;
    TRY(lora_input(p, call, x, (char *)call->work + act_bytes(p, call->n, r), &x));
    const struct product_args down = {
        .m = call->n,
        .n = r,
        .k = p->in,
        .a = rows_of(x, b->act_dtype, p->in),
        .b = transposed(rows_of(site->params[LORA_A].value, DTYPE_F32, p->in)),
        .c = u,
        .c_stride = r,
    };
    TRY(b->product(call->compute, &down));
    TRY(scale_rows(p, call, u));
    const struct product_args up = {
        .m = call->n,
        .n = p->out,
        .k = r,
        .a = rows_of(u, b->act_dtype, r),
        .b = transposed(rows_of(site->params[LORA_B].value, DTYPE_F32, r)),
        .c = y,
        .c_stride = p->y_stride,
        .accumulate = true,
    };
    return b->product(call->compute, &up);
}

/* gradient (rows,columns) += left^T right, one chain over the tokens */
static err add_gradient(const struct projection_call *call, struct mat left, struct mat right,
                        const struct param *param) {
    int64_t columns = param->count / param->shape[0];
    const struct product_args args = {
        .m = param->shape[0],
        .n = columns,
        .k = call->n,
        .a = transposed(left),
        .b = right,
        .c = param->gradient,
        .c_stride = columns,
        .accumulate = true,
        .c_is_gradient = true,
    };
    return call->compute->backend->product(call->compute, &args);
}

/* dx += du A, through the dropout's mask where there is one. */
static err input_gradient(const struct projection *p, const struct projection_call *call,
                          struct mat du, void *room, void *dx) {
    const struct backend *b = call->compute->backend;
    bool dropped = drops(p, call);
    const struct product_args args = {
        .m = call->n,
        .n = p->in,
        .k = site_of(p)->adapter->options.r,
        .a = du,
        .b = rows_of(site_of(p)->params[LORA_A].value, DTYPE_F32, p->in),
        .c = dropped ? room : dx,
        .c_stride = p->in,
        .accumulate = !dropped,
    };
    TRY(b->product(call->compute, &args));
    if (!dropped) return ERR_OK;
    TRY(drop(p, call, room, room));
    const struct add_args sum = {.n = call->n * p->in, .a = dx, .b = room, .y = dx};
    return b->add(call->compute, &sum);
}

static err lora_backward(const struct projection *p, const struct projection_call *call,
                         const void *x, const void *dy, void *dx) {
    const struct adapter_site *site = site_of(p);
    const struct backend *b = call->compute->backend;
    int64_t r = site->adapter->options.r;
    void *du = call->work, *room = (char *)call->work + act_bytes(p, call->n, r);
    struct mat dy_rows = rows_of(dy, b->act_dtype, p->y_stride);
    struct mat u_rows = rows_of(call->saved, b->act_dtype, r),
               du_rows = rows_of(du, b->act_dtype, r);
    if (site->params[LORA_B].gradient)
        TRY(add_gradient(call, dy_rows, u_rows, &site->params[LORA_B]));
    const struct product_args down = {
        .m = call->n,
        .n = r,
        .k = p->out,
        .a = dy_rows,
        .b = rows_of(site->params[LORA_B].value, DTYPE_F32, r),
        .c = du,
        .c_stride = r,
    };
    TRY(b->product(call->compute, &down));
    TRY(scale_rows(p, call, du));
    if (site->params[LORA_A].gradient) {
        TRY(lora_input(p, call, x, room, &x));
        TRY(add_gradient(call, du_rows, rows_of(x, b->act_dtype, p->in), &site->params[LORA_A]));
    }
    return dx ? input_gradient(p, call, du_rows, room, dx) : ERR_OK;
}

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

static void lora_merge(const struct adapter_site *site, float *const *values, float *weight) {
    const struct adapter_options *o = &site->adapter->options;
    struct merge_call call = {values[LORA_A],       values[LORA_B],       weight,
                              (float)lora_scale(o), site->projection->in, o->r};
    par_for(site->projection->out, 16, merge_rows, &call);
}

extern const struct adapter_kind lora_adapter;
const struct adapter_kind lora_adapter = {
    .name = "lora",
    .summary = "low-rank update of chosen projections, the base frozen",
    .peft_type = "LORA",
    .n_tensors = LORA_TENSORS,
    .suffixes = {".lora_A.weight", ".lora_B.weight"},
    .shape = lora_shape,
    .init = lora_init,
    .ops = {lora_forward, lora_backward, lora_saved_bytes, lora_work_bytes, adapter_site_trained},
    .merge = lora_merge,
};
