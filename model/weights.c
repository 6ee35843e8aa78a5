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
    if (q && p->trained) {
        err code = fail(ERR_UNSUPPORTED, "parameter '%s' is quantised (%s) and cannot be trained",
                        p->name, q->name);
        return fail_hint(code, "train an adapter, or have the weights in f32 (train.weight_dtype)");
    }
    if (p->trained) p->held_dtype = trained_dtype(m, p);
    return ERR_OK;
}

static bool wants_copy(const struct model *m, const struct param *p) {
    if (p->trained || p->held_dtype != p->dtype) return true;
    if (!m->compute->backend->host_memory) return true;
    if (!m->internal->file) return false; /* described: as the files are usually written */
    if (!p->stored) return true;
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

/* The layer that a parameter is streamed with; -1: it is not. */
static int64_t streamed_layer(const struct model *m, const struct param *p) {
    if (!m->internal->stream.on || p->trained) return -1;
    return param_spec_at(&m->config, p - m->params).layer;
}

static err plan_streamed(struct model *m, struct plan *plan) {
    size_t *bytes = mem_zalloc((size_t)m->config.n_layers, sizeof *bytes);
    if (!bytes) return ERR_MEMORY;
    for (int64_t i = 0; i < m->n_params; i++) {
        const int64_t layer = streamed_layer(m, &m->params[i]);
        if (layer >= 0) bytes[layer] = add_sizes(bytes[layer], copy_bytes(m, &m->params[i]));
    }
    err code = stream_plan(m, plan, bytes);
    mem_free(bytes);
    return code;
}

err weights_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    size_t copies[WEIGHT_COPY_KINDS] = {0}, mapped = 0, around = 0;
    in->stream.on = in->options.offload_layers && !m->compute->backend->host_memory;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        TRY(choose_dtype(m, p));
        if (!wants_copy(m, p)) {
            const size_t bytes = (size_t)param_stored_bytes(p);
            mapped += bytes;
            if (bytes > NEIGHBOURS) around += NEIGHBOURS;
        }
        size_t *sum = &copies[copy_kind(p)];
        if (streamed_layer(m, p) < 0) *sum = add_sizes(*sum, copy_bytes(m, p));
    }
    plan_add(plan, PLAN_MAPPED, "weights where the checkpoint has them", mapped);
    if (around > 0 && (copies[0] > 0 || copies[1] > 0 || copies[2] > 0))
        plan_add(plan, PLAN_MAPPED, "pages around those", around);
    for (int i = 0; i < WEIGHT_COPY_KINDS; i++)
        in->copies_at[i] = i == 0 || copies[i] > 0 /* a plan names what it has, and fp32 always */
                               ? plan_add(plan, PLAN_WEIGHTS, copy_names[i], copies[i])
                               : 0;
    return in->stream.on ? plan_streamed(m, plan) : ERR_OK;
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

/* Where a parameter's weights go: the backend's memory, or the host's that is streamed to there. */
struct target {
    char *to, *host; /* host: NULL, or in place of `to` */
};

static err put(const struct model *m, const struct target *t, size_t at, const void *from,
               size_t bytes) {
    if (!t->host) return m->compute->backend->upload(m->compute, t->to + at, from, bytes);
    memcpy(t->host + at, from, bytes);
    return ERR_OK;
}

/* Converts one parameter, a piece at a time. */
static err put_converted(const struct model *m, const struct param *p, const void *from,
                         const struct target *to) {
    enum { PIECE = 1 << 20 };
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
        code = put(m, to, (size_t)(at * size), values, (size_t)(n * size));
        forget(m, p);
    }
    mem_free(piece);
    mem_free(wide);
    return code;
}

/* Of a weight that is being placed, quantised: its parts in host memory, and where they go. */
struct parts {
    const struct quant *q;
    int64_t bytes[QUANT_MAX_PARTS], counts[QUANT_MAX_PARTS];
    size_t at[QUANT_MAX_PARTS];  /* from the target on */
    void *made[QUANT_MAX_PARTS]; /* on the host */
    const void *places[QUANT_MAX_PARTS];
};

/* Lays the parts out from `to` on. */
static struct parts lay_out(const struct param *p, char *to) {
    struct parts out = {.q = quant_of_dtype(p->held_dtype)};
    size_t at = 0;
    for (int i = 0; i < out.q->n_parts; i++) {
        const struct quant_part part = out.q->part(i, p->shape[0], p->shape[1]);
        out.counts[i] = part.count;
        out.bytes[i] = part.count * dtype_bytes(part.dtype);
        out.at[i] = at;
        out.places[i] = to + at;
        at += plan_aligned((size_t)out.bytes[i]);
    }
    return out;
}

static err encode(const struct param *p, const void *from, struct parts *k,
                  struct quant_blocks *out) {
    const struct quant_weight w = {from, p->dtype, p->shape[0], p->shape[1]};
    TRY(k->q->encode(&w, k->made));
    return k->q->open((const void *const *)k->made, k->counts, w.rows, w.columns, out);
}

static err put_parts(const struct model *m, const struct param *p, const struct parts *k,
                     const void *const *from, const struct target *to) {
    for (int i = 0; i < k->q->n_parts; i++) TRY(put(m, to, k->at[i], from[i], (size_t)k->bytes[i]));
    forget(m, p);
    return ERR_OK;
}

/* Quantised in host memory, one parameter at a time, and the parts put where they go. */
static err encode_and_put(const struct model *m, const struct param *p, const void *from,
                          const struct target *to, struct quant_blocks *out) {
    struct parts parts = lay_out(p, to->to), *k = &parts;
    err code = ERR_OK;
    for (int i = 0; i < k->q->n_parts; i++)
        if (!(k->made[i] = mem_alloc((size_t)k->bytes[i], 1))) code = ERR_MEMORY;
    if (!code) code = encode(p, from, k, out);
    if (!code) code = put_parts(m, p, k, (const void *const *)k->made, to);
    quant_blocks_move(out, k->q->n_parts, (const void *const *)k->made, k->places);
    for (int i = 0; i < k->q->n_parts; i++) mem_free(k->made[i]);
    return code;
}

/* As the file has it: the parts, bytes for bytes. */
static err put_stored(struct model *m, const struct param *p, const struct target *to,
                      struct quant_blocks *out) {
    struct parts layout = lay_out(p, to->to), *k = &layout;
    const void *parts[QUANT_MAX_PARTS];
    int64_t counts[QUANT_MAX_PARTS];
    TRY(quantised_parts(m, p, parts, counts));
    for (int i = 0; i < k->q->n_parts; i++)
        if (counts[i] < k->counts[i]) k->bytes[i] = k->bytes[i] / k->counts[i] * counts[i];
    *out = *(const struct quant_blocks *)p->stored;
    TRY(put_parts(m, p, k, parts, to));
    quant_blocks_move(out, k->q->n_parts, parts, k->places);
    return ERR_OK;
}

/* p->held becomes blocks in host memory, which point into the target. */
static err quantise(struct model *m, struct param *p, const void *from, const struct target *to) {
    struct quant_blocks *blocks = arena_alloc(&m->arena, 1, sizeof *blocks);
    if (!blocks) return ERR_MEMORY;
    p->held = blocks;
    if (m->compute->backend->host_memory) {
        struct parts k = lay_out(p, to->to);
        for (int i = 0; i < k.q->n_parts; i++) k.made[i] = (void *)k.places[i];
        return encode(p, from, &k, blocks);
    }
    return p->dtype == p->held_dtype ? put_stored(m, p, to, blocks)
                                     : encode_and_put(m, p, from, to, blocks);
}

static err copy_weights(struct model *m, struct param *p, const struct target *to) {
    const void *from;
    void *owned;
    err code = weights_stored(m, p, &from, &owned);
    p->held = to->to;
    if (p->held_dtype == DTYPE_F32 && !to->host) p->value = (float *)(void *)to->to;
    if (p->held_dtype == DTYPE_BF16 && p->trained) p->value_bf16 = (uint16_t *)(void *)to->to;
    if (!code && quant_of_dtype(p->held_dtype))
        code = quantise(m, p, from, to);
    else if (!code)
        code = put_converted(m, p, from, to);
    mem_free(owned);
    forget(m, p);
    return code ? fail_in(code, "parameter '%s'", p->name) : ERR_OK;
}

err weights_place(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    char *copies[WEIGHT_COPY_KINDS];
    int64_t before = -1; /* layer of the streamed parameter before */
    size_t offset = 0;
    if (in->stream.on) stream_place(m, plan);
    for (int i = 0; i < WEIGHT_COPY_KINDS; i++) copies[i] = plan_at(plan, in->copies_at[i]);
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        const int64_t layer = streamed_layer(m, p);
        char **to = &copies[copy_kind(p)];
        struct target target = {*to, NULL};
        if (layer >= 0) {
            if (layer != before) offset = 0;
            target = (struct target){stream_at(m, layer, offset), stream_host_at(m, layer, offset)};
            offset += copy_bytes(m, p);
            before = layer;
        }
        p->held = p->stored;
        if (wants_copy(m, p)) TRY(copy_weights(m, p, &target));
        if (layer < 0) *to += copy_bytes(m, p);
    }
    return ERR_OK;
}

struct mat weights_mat(const struct param *p, int64_t columns) {
    return (struct mat){p->held, p->held_dtype, columns, 1};
}
