/* SPDX-License-Identifier: Apache-2.0
 * Where each parameter's weights lie while the model runs: in the mapped file, in its dtype, unless
 *   it is trained: a copy in the plan, in fp32 or, where model_plan_options.trained_dtype says
 *   so, in bf16;
 *   model_plan_options.weight_dtype asks for another dtype, or it is stored in F64;
 *   the file has it in pieces or misaligned, or the backend cannot read host memory.
 * Copies are made one parameter at a time; quantising reads the file block by block and gives the
 * bits of a folder that `model quantize` wrote. Read next: model/model_int.h, compute/quant.h. */
#include "base/mem.h"
#include "model/model_int.h"
#include "model/quantised_int.h"
#include <string.h>

static size_t add_sizes(size_t a, size_t b) {
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

size_t plan_floats(int64_t count) {
    return plan_aligned(plan_size(count, sizeof(float)));
}

int64_t param_stored_bytes(const struct param *p) {
    const struct quant *q = quant_of_dtype(p->dtype);
    return q ? quant_bytes(q, p->shape[0], p->shape[1]) : p->count * dtype_bytes(p->dtype);
}

/* What a parameter that is not trained is held in. */
static enum dtype frozen_dtype(const struct model *m, const struct param *p) {
    const char *wanted = m->internal->options.weight_dtype;
    if (!wanted || strcmp(wanted, "checkpoint") == 0)
        return p->dtype == DTYPE_F64 ? DTYPE_F32 : p->dtype;
    if (strcmp(wanted, "f32") == 0) return DTYPE_F32;
    if (strcmp(wanted, "bf16") == 0) return DTYPE_BF16;
    const struct quant *q = quant_named(wanted);
    BUG_IF(!q);
    return quantised_dtype(p, q);
}

/* What a parameter that is trained is held in: those of one dimension always fp32. */
static enum dtype trained_dtype(const struct model *m, const struct param *p) {
    return p->n_dims > 1 ? m->internal->options.trained_dtype : DTYPE_F32;
}

static err choose_dtype(const struct model *m, struct param *p) {
    const bool stored_quantised = quant_of_dtype(p->dtype) != NULL;
    p->held_dtype = p->trained && !stored_quantised ? DTYPE_F32 : frozen_dtype(m, p);
    const struct quant *q = quant_of_dtype(p->held_dtype);
    if (q && !m->compute->backend->host_memory)
        return fail(ERR_UNSUPPORTED, "quantised weights are not handled on '%s'",
                    m->compute->backend->name);
    if (q && p->trained) {
        err code = fail(ERR_UNSUPPORTED, "parameter '%s' is quantised (%s) and cannot be trained",
                        p->name, q->name);
        return fail_hint(code, "train an adapter, or have the weights in f32 (train.weight_dtype)");
    }
    if (p->trained) p->held_dtype = trained_dtype(m, p);
    return ERR_OK;
}

static bool wants_copy(const struct model *m, const struct param *p) {
    if (p->trained || p->held_dtype != p->dtype || !p->stored) return true;
    if (!m->compute->backend->host_memory) return true;
    return !quant_of_dtype(p->dtype) &&
           (uintptr_t)p->stored % (uintptr_t)dtype_bytes(p->dtype) != 0;
}

static size_t copy_bytes(const struct model *m, const struct param *p) {
    const struct quant *q = quant_of_dtype(p->held_dtype);
    size_t bytes = 0;
    if (!wants_copy(m, p)) return 0;
    if (!q) return plan_aligned(plan_size(p->count, dtype_bytes(p->held_dtype)));
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, p->shape[0], p->shape[1]);
        bytes = add_sizes(bytes, plan_aligned(plan_size(part.count, dtype_bytes(part.dtype))));
    }
    return bytes;
}

/* Copies by what they are held in, as the plan names them. */
static const char *const copy_names[WEIGHT_COPY_KINDS] = {"weights in fp32", "weights in 16 bits",
                                                          "quantised weights"};
static int copy_kind(const struct param *p) {
    if (p->held_dtype == DTYPE_F32) return 0;
    return quant_of_dtype(p->held_dtype) ? 2 : 1;
}

/* Where only some weights of a file are read, pages of their neighbours come with them: the system
 * maps up to 2 MiB at once, which is 1 MiB for a tensor as it happens to lie. */
enum { NEIGHBOURS = 1 << 20 };

err weights_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    size_t copies[WEIGHT_COPY_KINDS] = {0}, mapped = 0, around = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        TRY(choose_dtype(m, p));
        if (!wants_copy(m, p)) {
            const size_t bytes = (size_t)param_stored_bytes(p);
            mapped += bytes;
            if (bytes > NEIGHBOURS) around += NEIGHBOURS;
        }
        size_t *sum = &copies[copy_kind(p)];
        *sum = add_sizes(*sum, copy_bytes(m, p));
    }
    plan_add(plan, PLAN_MAPPED, "weights where the checkpoint has them", mapped);
    if (around > 0 && (copies[0] > 0 || copies[1] > 0 || copies[2] > 0))
        plan_add(plan, PLAN_MAPPED, "pages around those", around);
    for (int i = 0; i < WEIGHT_COPY_KINDS; i++)
        in->copies_at[i] = i == 0 || copies[i] > 0 /* a plan names what it has, and fp32 always */
                               ? plan_add(plan, PLAN_WEIGHTS, copy_names[i], copies[i])
                               : 0;
    return ERR_OK;
}

err weights_stored(const struct model *m, const struct param *p, const void **out, void **owned) {
    *owned = NULL;
    *out = p->stored;
    if (p->stored) return ERR_OK;
    const struct tensor *t = tensor_file_find(m->internal->file, p->name);
    *out = *owned = mem_alloc((size_t)t->count, (size_t)dtype_bytes(t->dtype));
    return *owned ? tensor_file_read(m->internal->file, t, *owned) : ERR_MEMORY;
}

/* The file's pages of a parameter are given back. */
static void forget(const struct model *m, const struct param *p) {
    tensor_file_forget(m->internal->file, tensor_file_find(m->internal->file, p->name));
}

/* Converts one parameter into the backend's memory, a piece at a time. */
static err upload_converted(const struct model *m, const struct param *p, const void *from,
                            char *to) {
    enum { PIECE = 1 << 20 };
    struct compute *c = m->compute;
    const int64_t size = dtype_bytes(p->held_dtype);
    const bool same = p->dtype == p->held_dtype;
    float *wide = mem_alloc(same ? 1 : PIECE, sizeof *wide);
    char *piece = mem_alloc(same ? 1 : PIECE, (size_t)size);
    err code = wide && piece ? ERR_OK : ERR_MEMORY;
    for (int64_t at = 0; at < p->count && !code; at += PIECE) {
        const int64_t n = p->count - at < PIECE ? p->count - at : PIECE;
        const void *values = piece;
        if (same) {
            values = (const char *)from + at * size;
        } else {
            weights_to_f32(from, p->dtype, at, n, wide);
            dtype_from_f32(wide, n, p->held_dtype, piece);
        }
        code = c->backend->upload(c, to + at * size, values, (size_t)(n * size));
        forget(m, p);
    }
    mem_free(piece);
    mem_free(wide);
    return code;
}

/* Into the plan's memory, which is host memory here. */
static err quantise(struct model *m, struct param *p, const void *from, char *to) {
    const struct quant *q = quant_of_dtype(p->held_dtype);
    const struct quant_weight w = {from, p->dtype, p->shape[0], p->shape[1]};
    struct quant_blocks *blocks = arena_alloc(&m->arena, 1, sizeof *blocks);
    void *parts[QUANT_MAX_PARTS];
    int64_t counts[QUANT_MAX_PARTS];
    if (!blocks) return ERR_MEMORY;
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, w.rows, w.columns);
        parts[i] = to;
        counts[i] = part.count;
        to += plan_aligned((size_t)(part.count * dtype_bytes(part.dtype)));
    }
    p->held = blocks;
    TRY(q->encode(&w, parts));
    return q->open((const void *const *)parts, counts, w.rows, w.columns, blocks);
}

static err copy_weights(struct model *m, struct param *p, char *to) {
    const void *from;
    void *owned;
    err code = weights_stored(m, p, &from, &owned);
    p->held = to;
    if (p->held_dtype == DTYPE_F32) p->value = (float *)(void *)to;
    if (p->held_dtype == DTYPE_BF16 && p->trained) p->value_bf16 = (uint16_t *)(void *)to;
    if (!code && quant_of_dtype(p->held_dtype))
        code = quantise(m, p, from, to);
    else if (!code)
        code = upload_converted(m, p, from, to);
    mem_free(owned);
    forget(m, p);
    return code ? fail_in(code, "parameter '%s'", p->name) : ERR_OK;
}

err weights_place(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    char *copies[WEIGHT_COPY_KINDS];
    for (int i = 0; i < WEIGHT_COPY_KINDS; i++) copies[i] = plan_at(plan, in->copies_at[i]);
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        char **to = &copies[copy_kind(p)];
        p->held = p->stored;
        if (wants_copy(m, p)) TRY(copy_weights(m, p, *to));
        *to += copy_bytes(m, p);
    }
    return ERR_OK;
}

struct mat weights_mat(const struct param *p, int64_t columns) {
    return (struct mat){p->held, p->held_dtype, columns, 1};
}
