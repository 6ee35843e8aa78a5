/* SPDX-License-Identifier: Apache-2.0
 * Writing a model back: config.json as it was read, each parameter in the dtype it was opened with;
 * quantised ones in bf16, as a config without their type says. Values pass in pieces, and
 * pages of the base are given back behind them, so that saving takes no memory that a run did not
 * plan for; what an adapter merges into is whole in fp32.
 * Read next: model/formats/safetensors.h. */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/formats/safetensors.h"
#include "model/model_int.h"
#include <string.h>

enum { PIECE = 1 << 18 };

struct saver {
    const struct model *m;
    const struct model_change *change; /* NULL: none */
    const struct tensor *tensors;      /* in the order of the params */
    const void *stored;                /* of one that is not trained: mapped, or `owned` */
    void *owned;
    float *changed; /* the whole of one that is changed; else NULL */
    float *wide;    /* a piece in fp32 */
    void *narrowed; /* and in the dtype it is written in, or was held in */
};

static bool trained(const struct param *p) {
    return p->value || p->value_bf16;
}

/* The present values of [begin, begin + n), n up to PIECE. */
static err present_values(const struct saver *s, const struct param *p, int64_t begin, int64_t n,
                          float *out) {
    struct compute *c = s->m->compute;
    if (p->value) return c->backend->download(c, out, p->value + begin, (size_t)n * sizeof *out);
    if (!p->value_bf16) {
        weights_to_f32(s->stored, p->dtype, begin, n, out);
        return ERR_OK;
    }
    TRY(c->backend->download(c, s->narrowed, p->value_bf16 + begin, (size_t)n * sizeof(uint16_t)));
    dtype_to_f32(s->narrowed, DTYPE_BF16, n, out);
    return ERR_OK;
}

static int64_t piece_of(const struct param *p, int64_t begin) {
    return p->count - begin < PIECE ? p->count - begin : PIECE;
}

static err make_changed(struct saver *s, const struct param *p) {
    s->changed = mem_alloc((size_t)p->count, sizeof *s->changed);
    if (!s->changed) return ERR_MEMORY;
    for (int64_t at = 0; at < p->count; at += PIECE)
        TRY(present_values(s, p, at, piece_of(p, at), s->changed + at));
    return s->change->apply(s->change->ctx, p, s->changed);
}

static void end_tensor(struct saver *s) {
    mem_free(s->owned);
    mem_free(s->changed);
    s->owned = NULL;
    s->changed = NULL;
}

static err begin_tensor(struct saver *s, const struct param *p) {
    end_tensor(s);
    if (!trained(p)) TRY(weights_stored(s->m, p, &s->stored, &s->owned));
    return s->change && s->change->wanted(s->change->ctx, p) ? make_changed(s, p) : ERR_OK;
}

/* For tensor_source. */
static err next_piece(void *ctx, const struct tensor *t, int64_t begin, int64_t *n,
                      const void **out) {
    struct saver *s = ctx;
    const struct param *p = &s->m->params[t - s->tensors];
    tensor_file_forget(s->m->internal->file, tensor_file_find(s->m->internal->file, p->name));
    if (begin == 0) TRY(begin_tensor(s, p));
    *n = piece_of(p, begin);
    if (!s->changed && !trained(p) && t->dtype == p->dtype) { /* the bytes as they are */
        *out = (const char *)s->stored + begin * dtype_bytes(p->dtype);
        return ERR_OK;
    }
    const float *values = s->changed ? s->changed + begin : s->wide;
    if (!s->changed) TRY(present_values(s, p, begin, *n, s->wide));
    dtype_from_f32(values, *n, t->dtype, s->narrowed);
    *out = s->narrowed;
    return ERR_OK;
}

/* The dtype a parameter is written in: its own, or bf16 for what was quantised. */
static enum dtype saved_dtype(const struct param *p) {
    return quant_of_dtype(p->dtype) ? DTYPE_BF16 : p->dtype;
}

/* What of a quantised model is not quantised any more. */
static void say_dtypes(const struct model *m) {
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        const struct quant *stored = quant_of_dtype(p->dtype),
                           *held = quant_of_dtype(p->held_dtype);
        if (!stored && !held) continue;
        if (stored)
            LOG(MODEL, WARN, "weights in %s are decoded and written in bf16", stored->name);
        else
            LOG(MODEL, WARN,
                "weights that were quantised to %s for the run are written as the "
                "checkpoint has them",
                held->name);
        return;
    }
}

static err write_config(const struct model *m, const char *path) {
    if (!m->config.quant) return json_write_file(path, m->config.json);
    json_t *config;
    TRY(json_copy_members(m->config.json, &config));
    json_object_del(config, "quantization_config");
    err code = json_put(config, "torch_dtype", json_string("bfloat16"));
    if (!code) code = json_write_file(path, config);
    json_decref(config);
    return code;
}

err model_save(struct model *m, const char *dir, int64_t shard_bytes,
               const struct model_change *change) {
    struct arena arena = {0};
    err code = ERR_MEMORY;
    struct tensor *tensors = arena_alloc(&arena, (size_t)m->n_params, sizeof *tensors);
    const char *config_path = arena_printf(&arena, "%s/config.json", dir);
    struct saver s = {.m = m,
                      .change = change,
                      .tensors = tensors,
                      .wide = arena_alloc(&arena, PIECE, sizeof *s.wide),
                      .narrowed = arena_alloc(&arena, PIECE, sizeof(double))};
    if (!tensors || !config_path || !s.wide || !s.narrowed) goto done;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        tensors[i] = (struct tensor){
            .name = p->name, .dtype = saved_dtype(p), .n_dims = p->n_dims, .count = p->count};
        memcpy(tensors[i].shape, p->shape, sizeof p->shape);
    }
    say_dtypes(m);
    struct tensor_source source = {.piece = next_piece, .ctx = &s};
    code = safetensors_write_dir(dir, "model", tensors, m->n_params, shard_bytes, &source);
    if (!code) code = write_config(m, config_path);
done:
    end_tensor(&s);
    arena_release(&arena);
    return code;
}
