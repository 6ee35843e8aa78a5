/* SPDX-License-Identifier: Apache-2.0
 * Fresh weights, a piece of one parameter at a time, made and rounded by all threads. The random
 * stream of a parameter is keyed by its number in params.def's order, the draw by the element's
 * index: no weight depends on another's size, nor on pieces or threads.
 * Read next: model/init.h, the contract. */
#include "model/init.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/philox.h"
#include "base/progress.h"
#include "model/formats/safetensors.h"
#include "model/params_int.h"
#include <math.h>
#include <string.h>

enum {
    PIECE = 1 << 22, /* elements written at once */
    BLOCK = 1 << 10, /* converted at once */
    LARGE = 1 << 28, /* a model of more takes a while, and shows how far it is */
};
static const int64_t SHARD_BYTES = 5000000000; /* as others cut them */

struct fresh {
    const struct model_config *config;
    uint64_t seed;
    const struct tensor *tensors; /* in the order of the parameters */
    char *stored;                 /* PIECE elements */
    struct progress progress;     /* in units of 2^20 elements */
    int64_t n_elements, n_done;
};

/* Elements [begin, begin + n) of one parameter into `stored`. */
struct piece {
    struct rng rng;
    bool random;
    double deviation; /* where random */
    float constant;   /* else */
    int64_t begin;
    enum dtype dtype;
    char *stored;
};

static void fill_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct piece *p = ctx;
    float block[BLOCK];
    (void)thread;
    for (int64_t at = begin; at < end; at += BLOCK) {
        int64_t n = end - at < BLOCK ? end - at : BLOCK;
        for (int64_t i = 0; i < n; i++)
            block[i] =
                p->random
                    ? (float)(p->deviation * rng_normal(&p->rng, (uint64_t)(p->begin + at + i)))
                    : p->constant;
        dtype_from_f32(block, n, p->dtype, p->stored + at * dtype_bytes(p->dtype));
    }
}

static err next_piece(void *ctx, const struct tensor *t, int64_t begin, int64_t *n,
                      const void **out) {
    struct fresh *f = ctx;
    const struct model_config *c = f->config;
    const int64_t number = t - f->tensors;
    const enum param_fresh kind = param_spec_at(c, number).fresh;
    struct piece p = {.rng = {.seed = f->seed, .purpose = RNG_INIT, .step = (uint64_t)number},
                      .random = kind == FRESH_NORMAL || kind == FRESH_OUTPUT,
                      .deviation = c->initializer_range,
                      .constant = kind == FRESH_ONE ? 1.0f : 0.0f,
                      .begin = begin,
                      .dtype = t->dtype,
                      .stored = f->stored};
    if (kind == FRESH_OUTPUT) p.deviation /= sqrt(2.0 * (double)c->n_layers);
    if (*n > PIECE) *n = PIECE;
    par_for(*n, BLOCK, fill_piece, &p);
    *out = f->stored;
    const int64_t before = f->n_done >> 20, done = (f->n_done += *n) >> 20;
    if (f->n_elements > LARGE && done > before) progress_step(&f->progress, done);
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
    json_t *copy;
    TRY(json_copy_members(c->json, &copy));
    static const char *const names[DTYPE_COUNT] = {
        [DTYPE_F32] = "float32", [DTYPE_BF16] = "bfloat16", [DTYPE_F16] = "float16"};
    err code = json_put(copy, "torch_dtype", json_string(names[dtype]));
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
    f->stored = mem_alloc(PIECE, (size_t)dtype_bytes(dtype));
    if (!f->stored) return ERR_MEMORY;
    struct tensor_source source = {.piece = next_piece, .ctx = f};
    f->n_elements = model_config_parameters(c);
    progress_start(&f->progress, "weights (Mi)", f->n_elements >> 20);
    err code =
        safetensors_write_dir(dir, "model", tensors, param_spec_count(c), SHARD_BYTES, &source);
    progress_end(&f->progress);
    return code;
}

err model_init_write(const struct model_config *config, uint64_t seed, enum dtype dtype,
                     const char *dir) {
    struct arena arena = {0};
    struct fresh f = {.config = config, .seed = seed};
    BUG_IF(dtype != DTYPE_F32 && dtype != DTYPE_BF16 && dtype != DTYPE_F16);
    if (file_exists(dir)) return fail(ERR_EXISTS, "'%s' is there already", dir);
    const char *temporary = arena_printf(&arena, "%s.tmp-init", dir);
    err code = temporary ? dir_remove(temporary) : ERR_MEMORY;
    if (!code) code = write_folder(&f, dtype, temporary, &arena);
    if (!code) code = dir_commit(temporary, dir);
    if (code && temporary) code = dir_give_up(code, temporary);
    mem_free(f.stored);
    arena_release(&arena);
    return code;
}
