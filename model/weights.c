/* SPDX-License-Identifier: Apache-2.0
 * Where each parameter's weights lie while the model runs: in the mapped file, in its dtype, unless
 *   it is trained or wanted in fp32, or is stored in F64: an fp32 copy in the plan;
 *   the file has it in pieces or misaligned, or the backend cannot read host memory: a copy in the
 *   plan in the dtype it came in.
 * Copies are made one parameter at a time. Read next: model/model_int.h. */
#include "base/mem.h"
#include "model/model_int.h"

enum residence { IN_FILE, COPIED, WIDENED };

static enum residence residence_of(const struct model *m, const struct param *p) {
    const size_t size = (size_t)dtype_bytes(p->dtype);
    if (p->trained || m->internal->options.fp32_weights || p->dtype == DTYPE_F64) return WIDENED;
    return m->compute->backend->host_memory && p->stored && (uintptr_t)p->stored % size == 0
               ? IN_FILE
               : COPIED;
}

size_t plan_floats(int64_t count) {
    size_t bytes = plan_size(count, sizeof(float));
    return bytes > SIZE_MAX - 63 ? SIZE_MAX : (bytes + 63) & ~(size_t)63;
}

/* Bytes of a parameter's copy, 64-byte aligned like all of the plan. */
static size_t copy_bytes(const struct param *p, enum residence r) {
    if (r == IN_FILE) return 0;
    return r == WIDENED ? plan_floats(p->count)
                        : plan_floats((p->count * dtype_bytes(p->dtype) + 3) / 4);
}

static size_t add_sizes(size_t a, size_t b) {
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

void weights_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    size_t widened = 0, copied = 0, gradients = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        const enum residence r = residence_of(m, p);
        size_t *sum = r == WIDENED ? &widened : &copied;
        *sum = add_sizes(*sum, copy_bytes(p, r));
        if (p->trained) gradients = add_sizes(gradients, plan_floats(p->count));
    }
    plan_add(plan, PLAN_MAPPED, "checkpoint", (size_t)tensor_file_bytes(in->file));
    in->widened_at = plan_add(plan, PLAN_WEIGHTS, "weights in fp32", widened);
    in->copied_at = plan_add(plan, PLAN_WEIGHTS, "weights as stored", copied);
    in->gradients_at = plan_add(plan, PLAN_GRADIENTS, "gradients", gradients);
    in->gradients_bytes = gradients;
}

err weights_stored(const struct model *m, const struct param *p, const void **out, void **owned) {
    const struct tensor_file *f = m->internal->file;
    const struct tensor *t = tensor_file_find(f, p->name);
    *owned = NULL;
    *out = t->data;
    if (t->data) return ERR_OK;
    *out = *owned = mem_alloc((size_t)t->count, (size_t)dtype_bytes(t->dtype));
    return *owned ? tensor_file_read(f, t, *owned) : ERR_MEMORY;
}

/* Copies n values of `type` to fp32 in the backend's memory, a piece at a time. */
static err upload_widened(struct compute *c, const char *from, enum dtype type, int64_t n,
                          float *to) {
    enum { PIECE = 1 << 16 };
    float *piece = mem_alloc(PIECE, sizeof *piece);
    if (!piece) return ERR_MEMORY;
    err code = ERR_OK;
    for (int64_t at = 0; at < n && !code; at += PIECE) {
        int64_t part = n - at < PIECE ? n - at : PIECE;
        dtype_to_f32(from + at * dtype_bytes(type), type, part, piece);
        code = c->backend->upload(c, to + at, piece, (size_t)part * sizeof *piece);
    }
    mem_free(piece);
    return code;
}

static err copy_weights(const struct model *m, struct param *p, enum residence r, void *to) {
    struct compute *c = m->compute;
    const void *from;
    void *owned;
    err code;
    if (r == COPIED && c->backend->host_memory) {
        code =
            tensor_file_read(m->internal->file, tensor_file_find(m->internal->file, p->name), to);
    } else {
        code = weights_stored(m, p, &from, &owned);
        if (!code && r == WIDENED) code = upload_widened(c, from, p->dtype, p->count, to);
        if (!code && r == COPIED)
            code = c->backend->upload(c, to, from, (size_t)(p->count * dtype_bytes(p->dtype)));
        mem_free(owned);
    }
    if (r == WIDENED)
        p->value = to;
    else
        p->stored = to;
    return code;
}

err weights_place(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    char *widened = plan_at(plan, in->widened_at), *copied = plan_at(plan, in->copied_at),
         *gradient = plan_at(plan, in->gradients_at);
    in->gradients = (float *)gradient;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        const enum residence r = residence_of(m, p);
        char **to = r == WIDENED ? &widened : &copied;
        if (r != IN_FILE) TRY(copy_weights(m, p, r, *to));
        *to += copy_bytes(p, r);
        if (!p->trained) continue;
        p->gradient = (float *)gradient;
        gradient += plan_floats(p->count);
    }
    return ERR_OK;
}
