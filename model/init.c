/* SPDX-License-Identifier: Apache-2.0
 * Fresh weights, one parameter at a time. The random stream of a parameter is keyed by its number
 * in params.def's order, the draw by the element's index: no weight depends on another's size.
 * Read next: model/init.h, the contract. */
#include "model/init.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/philox.h"
#include "model/formats/safetensors.h"
#include "model/params_int.h"
#include <math.h>
#include <string.h>

enum { SHARD_BYTES = 0x7fffffff };

struct fresh {
    const struct model_config *config;
    uint64_t seed;
    const struct tensor *tensors;
    float *value;
    void *stored;
};

static void fill(const struct fresh *f, int64_t number, int64_t count, float *value) {
    const struct model_config *c = f->config;
    struct rng rng = {.seed = f->seed, .purpose = RNG_INIT, .step = (uint64_t)number};
    enum param_fresh kind = param_spec_at(c, number).fresh;
    double deviation = c->initializer_range;
    if (kind == FRESH_OUTPUT) deviation /= sqrt(2.0 * (double)c->n_layers);
    for (int64_t i = 0; i < count; i++) {
        if (kind == FRESH_ONE || kind == FRESH_ZERO)
            value[i] = kind == FRESH_ONE ? 1.0f : 0.0f;
        else
            value[i] = (float)(deviation * rng_normal(&rng, (uint64_t)i));
    }
}

static err next_tensor(void *ctx, const struct tensor *t, const void **out) {
    struct fresh *f = ctx;
    mem_free(f->value);
    mem_free(f->stored);
    f->value = mem_alloc((size_t)t->count, sizeof(float));
    f->stored = mem_alloc((size_t)t->count, (size_t)dtype_bytes(t->dtype));
    if (!f->value || !f->stored) return ERR_MEMORY;
    fill(f, t - f->tensors, t->count, f->value);
    dtype_from_f32(f->value, t->count, t->dtype, f->stored);
    *out = f->stored;
    return ERR_OK;
}

static err make_tensors(const struct model_config *c, enum dtype dtype, struct arena *arena,
                        struct tensor **out) {
    struct tensor *tensors = arena_alloc(arena, (size_t)param_spec_count(c), sizeof *tensors);
    if (!tensors) return ERR_MEMORY;
    for (int64_t i = 0; i < param_spec_count(c); i++) {
        struct param_spec spec = param_spec_at(c, i);
        struct tensor *t = &tensors[i];
        *t = (struct tensor){.dtype = dtype, .n_dims = spec.n_dims, .count = 1};
        t->name = spec.layer < 0 ? spec.suffix
                                 : arena_printf(arena, "model.layers.%lld.%s",
                                                (long long)spec.layer, spec.suffix);
        if (!t->name) return ERR_MEMORY;
        for (int d = 0; d < spec.n_dims; d++) {
            t->shape[d] = spec.shape[d];
            t->count *= spec.shape[d];
        }
    }
    *out = tensors;
    return ERR_OK;
}

static err write_config(const struct model_config *c, enum dtype dtype, const char *path) {
    json_t *copy = json_copy(c->json);
    if (!copy) return fail(ERR_MEMORY, "out of memory for a config");
    err code =
        json_put(copy, "torch_dtype", json_string(dtype == DTYPE_BF16 ? "bfloat16" : "float32"));
    if (!code) code = json_write_file(path, copy);
    json_decref(copy);
    return code;
}

static err write_folder(struct fresh *f, enum dtype dtype, const char *dir, struct arena *arena) {
    const struct model_config *c = f->config;
    struct tensor *tensors;
    TRY(make_tensors(c, dtype, arena, &tensors));
    f->tensors = tensors;
    const char *config_path = arena_printf(arena, "%s/config.json", dir);
    if (!config_path) return ERR_MEMORY;
    TRY(dir_make(dir));
    TRY(write_config(c, dtype, config_path));
    struct tensor_source source = {next_tensor, f};
    return safetensors_write_dir(dir, "model", tensors, param_spec_count(c), SHARD_BYTES, &source);
}

err model_init_write(const struct model_config *config, uint64_t seed, enum dtype dtype,
                     const char *dir) {
    struct arena arena = {0};
    struct fresh f = {.config = config, .seed = seed};
    if (dtype != DTYPE_F32 && dtype != DTYPE_BF16)
        return fail(ERR_UNSUPPORTED, "fresh weights in %s, there are F32 and BF16",
                    dtype_name(dtype));
    if (file_exists(dir)) return fail(ERR_EXISTS, "'%s' is there already", dir);
    const char *temporary = arena_printf(&arena, "%s.tmp-init", dir);
    err code = temporary ? dir_remove(temporary) : ERR_MEMORY;
    if (!code) code = write_folder(&f, dtype, temporary, &arena);
    if (!code) code = dir_commit(temporary, dir);
    if (code && temporary) code = dir_give_up(code, temporary);
    mem_free(f.value);
    mem_free(f.stored);
    arena_release(&arena);
    return code;
}
