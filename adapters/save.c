/* SPDX-License-Identifier: Apache-2.0
 * An adapter on its way out: as a PEFT folder, or merged into the base's weights as a model folder
 * that needs no adapter. Merging is in fp32 and rounds once, to the dtype the base was stored in.
 * Read next: adapters/peft.c for the config file, model/model.h for model_save. */
#include "adapters/adapter_int.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/folder.h"
#include "model/formats/safetensors.h"

#include <string.h>

enum { SHARD_BYTES = 2000000000 };

/* ---- the stored form ---- */

/* A tensor of the file: a parameter, or where the start was taken out of the base two halves of
 * twice the rank: [A; A0] by rows, [B, -B0] by columns. */
struct stored {
    const struct adapter_site *site;
    int which;
    int64_t shape[4], count;
};

static struct stored stored_at(const struct adapter *a, int64_t i) {
    const struct param *p = &a->params[i];
    struct stored s = {.site = &a->sites[i / a->kind->n_tensors],
                       .which = (int)(i % a->kind->n_tensors),
                       .count = p->count};
    memcpy(s.shape, p->shape, sizeof s.shape);
    if (s.which >= ADAPTER_PAIR || !s.site->start[s.which]) return s;
    s.shape[s.which == ADAPTER_A ? 0 : 1] *= 2;
    s.count *= 2;
    return s;
}

/* Where element (i,j) of a half's (rows,columns) lies in the whole. */
struct halves {
    int64_t rows, columns;
    float sign; /* of the second half */
};

static struct halves halves_of(const struct stored *s) {
    const struct adapter_site *site = s->site;
    const bool is_a = s->which == ADAPTER_A;
    const int64_t rows = is_a ? 1 : site->projection->out;
    return (struct halves){rows, site->params[s->which].count / rows, is_a ? 1 : -1};
}

static void put_half(const struct stored *s, int second, const float *half, float *whole) {
    const struct halves h = halves_of(s);
    for (int64_t i = 0; i < h.rows; i++)
        for (int64_t j = 0; j < h.columns; j++)
            whole[(2 * i + second) * h.columns + j] =
                (second ? h.sign : 1) * half[i * h.columns + j];
}

static void take_half(const struct stored *s, int second, const float *whole, float *half) {
    const struct halves h = halves_of(s);
    for (int64_t i = 0; i < h.rows; i++)
        for (int64_t j = 0; j < h.columns; j++)
            half[i * h.columns + j] =
                (second ? h.sign : 1) * whole[(2 * i + second) * h.columns + j];
}

/* The stored values, in host memory (mem_alloc; the caller frees). */
static err stored_values(const struct adapter *a, int64_t i, float **out) {
    const struct param *p = &a->params[i];
    const struct stored s = stored_at(a, i);
    if (s.count == p->count) return adapter_download(a, p->value, p->count, out);
    float *halves[2] = {NULL};
    *out = mem_alloc((size_t)s.count, sizeof **out);
    err e = *out ? adapter_download(a, p->value, p->count, &halves[0]) : ERR_MEMORY;
    if (e == ERR_OK) e = adapter_download(a, s.site->start[s.which], p->count, &halves[1]);
    for (int h = 0; h < 2; h++) {
        if (e == ERR_OK) put_half(&s, h, halves[h], *out);
        mem_free(halves[h]);
    }
    return e;
}

static err save_tensors(const struct adapter *a, const char *path) {
    struct tensor *tensors = mem_zalloc((size_t)a->n_params, sizeof *tensors);
    if (!tensors) return ERR_MEMORY;
    err e = ERR_OK;
    for (int64_t i = 0; i < a->n_params && e == ERR_OK; i++) {
        const struct stored s = stored_at(a, i);
        float *values = NULL;
        e = stored_values(a, i, &values);
        tensors[i] = (struct tensor){.name = a->params[i].name,
                                     .dtype = DTYPE_F32,
                                     .n_dims = a->params[i].n_dims,
                                     .count = s.count,
                                     .data = values};
        memcpy(tensors[i].shape, s.shape, sizeof s.shape);
    }
    if (e == ERR_OK) e = safetensors_write(path, tensors, a->n_params);
    for (int64_t i = 0; i < a->n_params; i++) mem_free((void *)tensors[i].data);
    mem_free(tensors);
    return e;
}

static err restore_halves(const struct adapter *a, const struct stored *s, const float *whole) {
    const struct param *p = &s->site->params[s->which];
    float *const places[2] = {p->value, s->site->start[s->which]};
    float *half = mem_alloc((size_t)p->count, sizeof *half);
    err e = half ? ERR_OK : ERR_MEMORY;
    for (int h = 0; h < 2 && e == ERR_OK; h++) {
        take_half(s, h, whole, half);
        e = a->compute->backend->upload(a->compute, places[h], half,
                                        (size_t)p->count * sizeof *half);
    }
    mem_free(half);
    return e;
}

static err restore_tensor(const struct adapter *a, const struct tensor_file *f, int64_t i) {
    const struct param *p = &a->params[i];
    const struct stored s = stored_at(a, i);
    const struct tensor *t;
    TRY(tensor_file_need(f, p->name, p->n_dims, s.shape, &t));
    if (t->dtype != DTYPE_F32)
        return fail(ERR_MISMATCH, "tensor '%s' is %s and not F32", p->name, dtype_name(t->dtype));
    float *values;
    TRY(adapter_read_tensor(f, t, &values));
    err e = s.count == p->count ? a->compute->backend->upload(a->compute, p->value, values,
                                                              (size_t)p->count * sizeof *values)
                                : restore_halves(a, &s, values);
    mem_free(values);
    return e;
}

err adapter_restore(struct adapter *a, const char *dir) {
    struct tensor_file *f = NULL;
    err e = tensor_file_open_dir(&f, dir, "adapter_model");
    for (int64_t i = 0; i < a->n_params && e == ERR_OK; i++) e = restore_tensor(a, f, i);
    tensor_file_close(f);
    return e;
}

/* ---- a folder ---- */

err adapter_save(const struct adapter *a, const char *dir, const char *base_model_name) {
    json_t *config = NULL;
    char *config_path = path_join(dir, "adapter_config.json");
    char *tensor_path = path_join(dir, "adapter_model.safetensors");
    err e = config_path && tensor_path ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = peft_config(a, base_model_name, &config);
    if (e == ERR_OK) e = json_write_file(config_path, config);
    if (e == ERR_OK) e = save_tensors(a, tensor_path);
    json_decref(config);
    mem_free(config_path);
    mem_free(tensor_path);
    return e;
}

/* ---- merged ---- */

err adapter_merge(const struct adapter *a, const struct projection *p, float *weight) {
    if (!a || p->adapter != &a->kind->ops) return ERR_OK;
    const struct adapter_site *site = p->adapter_state;
    float *values[ADAPTER_MAX_TENSORS] = {NULL};
    err e = ERR_OK;
    for (int i = 0; i < a->kind->n_tensors && e == ERR_OK; i++)
        e = adapter_download(a, site->params[i].value, site->params[i].count, &values[i]);
    if (e == ERR_OK) e = a->kind->merge(site, values, weight);
    for (int i = 0; i < a->kind->n_tensors; i++) mem_free(values[i]);
    return e;
}

/* For model_save: merges where the parameter is an adapted projection's weight. */
static err merge_param(void *ctx, const struct param *p, float *value) {
    const struct adapter *a = ctx;
    for (int64_t i = 0; a && i < a->n_sites; i++) {
        const struct projection *projection = a->sites[i].projection;
        size_t n = strlen(projection->module);
        if (strncmp(p->name, projection->module, n) != 0 || strcmp(p->name + n, ".weight") != 0)
            continue;
        return adapter_merge(a, projection, value);
    }
    return ERR_OK;
}

struct merged {
    struct model *model;
    const struct adapter *adapter;
};

static err fill_merged(void *ctx, const char *dir) {
    const struct merged *m = ctx;
    return model_save(m->model, dir, SHARD_BYTES, merge_param, (void *)m->adapter);
}

err adapter_save_merged(struct model *m, const struct adapter *a, const char *base_dir,
                        const char *dir) {
    struct merged merged = {m, a};
    return model_folder_write(dir, base_dir, fill_merged, &merged);
}
