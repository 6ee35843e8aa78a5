/* SPDX-License-Identifier: Apache-2.0
 * A start that is taken out of the base (PiSSA): the base keeps  W - s B0 A0,  where A0 and B0 are
 * A and B as they started. The weight is left alone (it may be mapped or quantised, and rounding
 * the residual to bf16 would lose what the method is for); the part is subtracted in the pass:
 *   y += s B (A x') - s B0 (A0 x)
 * Being of the base, it sees x without dropout and is not trained. At the start the two parts are
 * the same numbers with opposite signs: y differs from W x by the roundings of 2 R additions.
 * Read next: adapters/inits/pissa.c, and adapters/save.c for how it leaves the program. */
#include "adapters/lora_int.h"

#include "base/mem.h"
#include "compute/ops/product.h"
#include "compute/ops/scale.h"

/* u (N,R) = -s x right, x (N,k) rows x_stride apart. */
static err down(const struct projection *p, const struct projection_call *call, struct mat x,
                struct mat right, int64_t k, void *u) {
    const struct adapter_site *site = lora_site(p);
    const struct product_args product = {
        .m = call->n, .n = site->r, .k = k, .a = x, .b = right, .c = u, .c_stride = site->r};
    const struct scale_args scale = {
        .n = call->n * site->r, .s = -(float)site->scale, .x = u, .y = u};
    TRY(call->compute->backend->product(call->compute, &product));
    return call->compute->backend->scale(call->compute, &scale);
}

err residual_forward(const struct projection *p, const struct projection_call *call, const void *x,
                     void *work, void *y) {
    const struct adapter_site *site = lora_site(p);
    const enum dtype act = call->compute->backend->act_dtype;
    const struct mat a = lora_rows(site->start[ADAPTER_A], DTYPE_F32, p->in);
    TRY(down(p, call, lora_rows(x, act, p->in), lora_transposed(a), p->in, work));
    const struct product_args up = {
        .m = call->n,
        .n = p->out,
        .k = site->r,
        .a = lora_rows(work, act, site->r),
        .b = lora_transposed(lora_rows(site->start[ADAPTER_B], DTYPE_F32, site->r)),
        .c = y,
        .c_stride = p->y_stride,
        .accumulate = true,
    };
    return call->compute->backend->product(call->compute, &up);
}

err residual_backward(const struct projection *p, const struct projection_call *call,
                      const void *dy, void *work, void *dx) {
    const struct adapter_site *site = lora_site(p);
    const enum dtype act = call->compute->backend->act_dtype;
    const struct mat b = lora_rows(site->start[ADAPTER_B], DTYPE_F32, site->r);
    TRY(down(p, call, lora_rows(dy, act, p->y_stride), b, p->out, work));
    const struct product_args up = {
        .m = call->n,
        .n = p->in,
        .k = site->r,
        .a = lora_rows(work, act, site->r),
        .b = lora_rows(site->start[ADAPTER_A], DTYPE_F32, p->in),
        .c = dx,
        .c_stride = p->in,
        .accumulate = true,
    };
    return call->compute->backend->product(call->compute, &up);
}

err residual_merge(const struct adapter_site *site, float *weight) {
    float *values[ADAPTER_PAIR] = {NULL};
    err e = ERR_OK;
    for (int i = 0; i < ADAPTER_PAIR && e == ERR_OK; i++)
        e = adapter_download(site->adapter, site->start[i], site->params[i].count, &values[i]);
    if (e == ERR_OK) lora_add(site, values[ADAPTER_A], values[ADAPTER_B], -site->scale, weight);
    for (int i = 0; i < ADAPTER_PAIR; i++) mem_free(values[i]);
    return e;
}
