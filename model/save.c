/* SPDX-License-Identifier: Apache-2.0
 * Writing a model back: config.json as it was read, each parameter in the dtype it was opened with;
 * quantised ones in bf16, as a config without their type says. One parameter is in memory at a
 * time, in fp32 and in its own dtype.
 * Read next: model/formats/safetensors.h. */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/formats/safetensors.h"
#include "model/model_int.h"
#include <string.h>

struct saver {
    const struct model *m;
    err (*change)(void *ctx, const struct param *p, float *value);
    void *ctx;
    const struct tensor *tensors; /* in the order of the params */
    float *value;
    void *stored;
};

static err bf16_value(const struct saver *s, const struct param *p) {
    struct compute *c = s->m->compute;
    uint16_t *narrow = mem_alloc((size_t)p->count, sizeof *narrow);
    if (!narrow) return ERR_MEMORY;
    err code = c->backend->download(c, narrow, p->value_bf16, (size_t)p->count * sizeof *narrow);
    if (!code) dtype_to_f32(narrow, DTYPE_BF16, p->count, s->value);
    mem_free(narrow);
    return code;
}

static err present_value(const struct saver *s, const struct param *p) {
    struct compute *c = s->m->compute;
    const void *stored;
    void *owned;
    if (p->value)
        return c->backend->download(c, s->value, p->value, (size_t)p->count * sizeof(float));
    if (p->value_bf16) return bf16_value(s, p);
    err code = weights_stored(s->m, p, &stored, &owned);
    if (!code) weights_to_f32(stored, p->dtype, 0, p->count, s->value);
    mem_free(owned);
    return code;
}

/* The dtype a parameter is written in: its own, or bf16 for what was quantised. */
static enum dtype saved_dtype(const struct param *p) {
    return quant_of_dtype(p->dtype) ? DTYPE_BF16 : p->dtype;
}

static err next_tensor(void *ctx, const struct tensor *t, const void **out) {
    struct saver *s = ctx;
    const struct param *p = &s->m->params[t - s->tensors];
    mem_free(s->value);
    mem_free(s->stored);
    s->value = s->stored = NULL;
    const bool as_it_is = !s->change && t->dtype == p->dtype;
    if (as_it_is && !p->value && !p->value_bf16) return weights_stored(s->m, p, out, &s->stored);
    if (as_it_is && p->value_bf16 && t->dtype == DTYPE_BF16 &&
        s->m->compute->backend->host_memory) {
        *out = p->value_bf16;
        return ERR_OK;
    }
    s->value = mem_alloc((size_t)p->count, sizeof(float));
    s->stored = mem_alloc((size_t)p->count, (size_t)dtype_bytes(t->dtype));
    if (!s->value || !s->stored) return ERR_MEMORY;
    TRY(present_value(s, p));
    if (s->change) TRY(s->change(s->ctx, p, s->value));
    dtype_from_f32(s->value, p->count, t->dtype, s->stored);
    *out = s->stored;
    return ERR_OK;
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
               err (*change)(void *ctx, const struct param *p, float *value), void *ctx) {
    struct arena arena = {0};
    err code = ERR_MEMORY;
    struct tensor *tensors = arena_alloc(&arena, (size_t)m->n_params, sizeof *tensors);
    const char *config_path = arena_printf(&arena, "%s/config.json", dir);
    struct saver s = {.m = m, .change = change, .ctx = ctx, .tensors = tensors};
    if (!tensors || !config_path) goto done;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        tensors[i] = (struct tensor){
            .name = p->name, .dtype = saved_dtype(p), .n_dims = p->n_dims, .count = p->count};
        memcpy(tensors[i].shape, p->shape, sizeof p->shape);
    }
    say_dtypes(m);
    struct tensor_source source = {.data = next_tensor, .ctx = &s};
    code = safetensors_write_dir(dir, "model", tensors, m->n_params, shard_bytes, &source);
    if (!code) code = write_config(m, config_path);
done:
    mem_free(s.value);
    mem_free(s.stored);
    arena_release(&arena);
    return code;
}
