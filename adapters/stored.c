/* SPDX-License-Identifier: Apache-2.0
 * adapter_model.safetensors: how an adapter's values stand in its file, written and read back. It
 * is the file of a checkpoint and of a release alike, so a checkpoint's folder loads anywhere.
 * Read next: adapters/residual.c for what a start that was taken out of the base means. */
#include "adapters/adapter_int.h"

#include "base/mem.h"
#include "model/formats/safetensors.h"

#include <string.h>

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

static err own_tensor(const struct adapter *a, int64_t i, struct tensor *out) {
    const struct stored s = stored_at(a, i);
    float *values;
    TRY(stored_values(a, i, &values));
    *out = (struct tensor){.name = a->params[i].name,
                           .dtype = DTYPE_F32,
                           .n_dims = a->params[i].n_dims,
                           .count = s.count,
                           .data = values};
    memcpy(out->shape, s.shape, sizeof s.shape);
    return ERR_OK;
}

static err module_tensor(const struct adapter *a, const struct adapter_module *module,
                         struct tensor *out) {
    const struct param *p = module->param;
    float *values;
    TRY(adapter_download(a, p->value, p->count, &values));
    *out = (struct tensor){.name = module->name,
                           .dtype = DTYPE_F32,
                           .n_dims = p->n_dims,
                           .count = p->count,
                           .data = values};
    memcpy(out->shape, p->shape, sizeof p->shape);
    return ERR_OK;
}

err stored_write(const struct adapter *a, const char *path) {
    const int64_t n = a->n_params + a->n_modules;
    struct tensor *tensors = mem_zalloc((size_t)n, sizeof *tensors);
    if (!tensors) return ERR_MEMORY;
    err e = ERR_OK;
    for (int64_t i = 0; i < n && e == ERR_OK; i++)
        e = i < a->n_params ? own_tensor(a, i, &tensors[i])
                            : module_tensor(a, &a->modules[i - a->n_params], &tensors[i]);
    if (e == ERR_OK) e = safetensors_write(path, tensors, n);
    for (int64_t i = 0; i < n; i++) mem_free((void *)tensors[i].data);
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
    if (e == ERR_OK) e = modules_read(a, f);
    tensor_file_close(f);
    return e;
}
