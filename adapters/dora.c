/* SPDX-License-Identifier: Apache-2.0
 * DoRA:  W' = m (W + s B A) / |W + s B A|, the norm |.| over a row's inputs (for a convolution over
 * channels and kernel), m a trained magnitude a row. As a sum on top of what the base gives:
 *   y += (g - 1) (W x') + g s B A x',   g = m / |W + s B A|,   x' = dropout(x)
 * The bias stays outside; the dropout is on everything that is added, the base's own W x is not
 * touched by it (without dropout W x' is y less the bias, with it a product more). The norm is a
 * constant of the gradient:
 *   v = W x' + s B A x';  dm += sum_t dy v / |.|;  A, B as in LoRA with g dy for dy;
 *   dx += dropout(((g - 1) dy) W + (s g dy B) A)
 * m starts as the row norms of W and B as 0: g is 1 and the start is the base, bit for bit.
 * The norms of each forward pass are made anew while A or B is trained, a row at a time
 * (compute/ops/magnitude.h); otherwise they are kept.
 * Source: Liu et al. 2024, sections 4.1 and 4.3; PEFT's tuners/lora/dora.py for the place of bias
 * and dropout, for names and shapes. Read next: adapters/lora_int.h. */
#include "adapters/lora_int.h"

#include "base/mem.h"
#include "base/par.h"
#include "compute/ops/magnitude.h"
#include "compute/ops/product.h"

enum { DORA_M = ADAPTER_PAIR, DORA_TENSORS };

/* Saved: u (N,R), v (N,out). Work: du (N,R), z (N,out), and the dropped input. */
struct dora_call {
    struct lora_call lora;
    void *v, *z;
};

static size_t saved_bytes(const struct projection *p, int64_t n) {
    return lora_act_bytes(p, n, lora_site(p)->r) + lora_act_bytes(p, n, p->out);
}

static size_t work_bytes(const struct projection *p, int64_t n) {
    return saved_bytes(p, n) + (lora_may_drop(p) ? lora_act_bytes(p, n, p->in) : 0);
}

static struct dora_call call_of(const struct projection *p, const struct projection_call *call,
                                const void *x) {
    const size_t pair = lora_act_bytes(p, call->n, lora_site(p)->r);
    char *saved = call->saved, *work = call->work;
    return (struct dora_call){
        .lora = {p, call, x, saved, work, work + saved_bytes(p, call->n)},
        .v = saved + pair,
        .z = work + pair,
    };
}

static void shape(const struct adapter_site *site, int which, struct param *out) {
    const struct projection *p = site->projection;
    if (which != DORA_M) {
        lora_shape(site, which, out);
        return;
    }
    out->n_dims = p->paired ? 4 : 1;
    for (int d = 0; d < 4; d++) out->shape[d] = 1;
    out->shape[p->paired ? 1 : 0] = p->out;
}

static err row_norms(const struct adapter_site *site, struct mat weight, float *out) {
    const struct projection *p = site->projection;
    struct compute *c = site->adapter->compute;
    const struct row_norms_args args = {
        .n = p->out,
        .c = p->in,
        .r = site->r,
        .w = weight,
        .s = (float)site->scale,
        .a = site->params[ADAPTER_A].value,
        .b = site->params[ADAPTER_B].value,
        .y = out,
    };
    return c->backend->row_norms(c, &args);
}

static err start(struct adapter_site *site) {
    return row_norms(site, site->projection->weight, site->params[DORA_M].value);
}

static err refresh_norms(struct adapter_site *site) {
    const bool trained = site->params[ADAPTER_A].gradient || site->params[ADAPTER_B].gradient;
    if (site->norms_hold && !trained) return ERR_OK;
    TRY(row_norms(site, site->projection->weight, site->norms));
    site->norms_hold = true;
    return ERR_OK;
}

/* v = W x' for the dropped input. */
static err base_product(const struct dora_call *d, const void *input) {
    const struct projection *p = d->lora.p;
    struct compute *c = d->lora.call->compute;
    const struct product_args args = {
        .m = d->lora.call->n,
        .n = p->out,
        .k = p->in,
        .a = lora_rows(input, c->backend->act_dtype, p->in),
        .b = lora_transposed(p->weight),
        .c = d->v,
        .c_stride = p->out,
    };
    return c->backend->product(c, &args);
}

static err forward(const struct projection *p, const struct projection_call *call, const void *x,
                   void *y) {
    struct adapter_site *site = p->adapter_state;
    const struct dora_call d = call_of(p, call, x);
    const bool dropped = lora_drops(&d.lora);
    const void *input;
    TRY(refresh_norms(site));
    TRY(lora_input(&d.lora, &input));
    if (dropped) TRY(base_product(&d, input));
    TRY(lora_down(&d.lora, input));
    TRY(lora_up(&d.lora, d.z, p->out, false));
    const struct magnitude_args args = {
        .n = call->n,
        .c = p->out,
        .y_stride = p->y_stride,
        .m = site->params[DORA_M].value,
        .norm = site->norms,
        .b = p->bias,
        .w = dropped ? d.v : NULL,
        .z = d.z,
        .v = d.v,
        .y = y,
    };
    return call->compute->backend->magnitude(call->compute, &args);
}

/* z = (g - shift) dy, and the magnitude's gradient where it is wanted. */
static err rescale(const struct dora_call *d, const void *dy, float shift, float *dm) {
    const struct adapter_site *site = lora_site(d->lora.p);
    const struct projection_call *call = d->lora.call;
    const struct magnitude_backward_args args = {
        .n = call->n,
        .c = d->lora.p->out,
        .dy_stride = d->lora.p->y_stride,
        .m = site->params[DORA_M].value,
        .norm = site->norms,
        .shift = shift,
        .dy = dy,
        .v = dm ? d->v : NULL,
        .dz = d->z,
        .dm = dm,
    };
    return call->compute->backend->magnitude_backward(call->compute, &args);
}

static err backward(const struct projection *p, const struct projection_call *call, const void *x,
                    const void *dy, void *dx) {
    const struct adapter_site *site = lora_site(p);
    const struct dora_call d = call_of(p, call, x);
    const enum dtype act = call->compute->backend->act_dtype;
    const struct mat z = lora_rows(d.z, act, p->out);
    TRY(rescale(&d, dy, 0, site->params[DORA_M].gradient));
    TRY(lora_down_back(&d.lora, z));
    TRY(lora_gradients(&d.lora, z));
    if (!dx) return ERR_OK;
    const struct mat a = lora_rows(site->params[ADAPTER_A].value, DTYPE_F32, p->in);
    TRY(lora_input_gradient(&d.lora, lora_rows(d.lora.du, act, site->r), a, site->r, dx));
    TRY(rescale(&d, dy, 1, NULL));
    return lora_input_gradient(&d.lora, z, p->weight, p->out, dx);
}

/* ---- merging ---- */

struct merge_call {
    const float *m, *norms;
    float *weight;
    int64_t in;
};

static void merge_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct merge_call *call = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float g = call->norms[i] > 0 ? call->m[i] / call->norms[i] : 1;
        for (int64_t j = 0; j < call->in; j++) call->weight[i * call->in + j] *= g;
    }
}

/* Of the weight that is merged: training may hold a quantised copy of it, or none at hand. */
static err merged_norms(const struct adapter_site *site, const float *weight) {
    const struct projection *p = site->projection;
    struct compute *c = site->adapter->compute;
    const size_t bytes = (size_t)(p->out * p->in) * sizeof *weight;
    void *copy;
    if (c->backend->host_memory)
        return row_norms(site, (struct mat){weight, DTYPE_F32, p->in, 1}, site->norms);
    TRY(c->backend->alloc(c, bytes, &copy));
    err e = c->backend->upload(c, copy, weight, bytes);
    if (e == ERR_OK) e = row_norms(site, (struct mat){copy, DTYPE_F32, p->in, 1}, site->norms);
    c->backend->free(c, copy);
    return e;
}

static err merge(const struct adapter_site *site, float *const *values, float *weight) {
    const struct projection *p = site->projection;
    float *norms;
    ((struct adapter_site *)p->adapter_state)->norms_hold = false;
    TRY(merged_norms(site, weight));
    TRY(adapter_download(site->adapter, site->norms, p->out, &norms));
    lora_add(site, values[ADAPTER_A], values[ADAPTER_B], site->scale, weight);
    struct merge_call call = {values[DORA_M], norms, weight, p->in};
    par_for(p->out, 16, merge_rows, &call);
    mem_free(norms);
    return ERR_OK;
}

extern const struct adapter_kind dora_adapter;
const struct adapter_kind dora_adapter = {
    .name = "dora",
    .summary = "LoRA for the direction of a weight's rows, and a trained length of each",
    .peft_type = "LORA",
    .peft_flag = "use_dora",
    .n_tensors = DORA_TENSORS,
    .suffixes = {".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"},
    .has_norms = true,
    .shape = shape,
    .start = start,
    .ops = {.forward = forward,
            .backward = backward,
            .saved_bytes = saved_bytes,
            .work_bytes = work_bytes,
            .trained = adapter_site_trained},
    .merge = merge,
};
