/* SPDX-License-Identifier: Apache-2.0
 * adapter_model.safetensors: how an adapter's values stand in its file, written and read back. It
 * is the file of a checkpoint and of a release alike, so a checkpoint's folder loads anywhere.
 * Read next: adapters/residual.c for what a start that was taken out of the base means. */
#include "adapters/adapter_int.h"

#include "base/mem.h"
#include "model/formats/safetensors.h"

#include <string.h>

/* A tensor of the file: a parameter as it is, or where the start was taken out of the base two
 * halves of twice the rank: [A; A0] by rows, [B, -B0] by columns. */
struct stored {
    const char *name;
    const struct param *param;
    float *start;          /* the second half's values; NULL: there is none */
    int64_t rows, columns; /* of one half, as blocks of the whole's rows */
    float sign;            /* of the second half */
    int64_t shape[4], count;
};

static struct stored stored_at(const struct adapter *a, int64_t i) {
    struct stored s = {0};
    s.param = adapter_tensor(a, i, &s.name);
    s.count = s.param->count;
    memcpy(s.shape, s.param->shape, sizeof s.shape);
    const struct adapter_site *site = i < a->n_params ? &a->sites[i / a->kind->n_tensors] : NULL;
    const int64_t which = i % a->kind->n_tensors;
    if (!site || which >= ADAPTER_PAIR || !site->start[which]) return s;
    s.start = site->start[which];
    s.rows = which == ADAPTER_A ? 1 : site->projection->out;
    s.columns = s.count / s.rows;
    s.sign = which == ADAPTER_A ? 1 : -1;
    s.shape[which == ADAPTER_A ? 0 : 1] *= 2;
    s.count *= 2;
    return s;
}

static void put_half(const struct stored *s, int second, const float *half, float *whole) {
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++)
            whole[(2 * i + second) * s->columns + j] =
                (second ? s->sign : 1) * half[i * s->columns + j];
}

static void take_half(const struct stored *s, int second, const float *whole, float *half) {
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++)
            half[i * s->columns + j] =
                (second ? s->sign : 1) * whole[(2 * i + second) * s->columns + j];
}

/* The stored values, in host memory (mem_alloc; the caller frees). */
static err stored_values(const struct adapter *a, const struct stored *s, float **out) {
    const float *const places[2] = {s->param->value, s->start};
    if (!s->start) return adapter_download(a, s->param->value, s->count, out);
    *out = mem_alloc((size_t)s->count, sizeof **out);
    if (!*out) return ERR_MEMORY;
    for (int h = 0; h < 2; h++) {
        float *half;
        err e = adapter_download(a, places[h], s->param->count, &half);
        if (e == ERR_OK) put_half(s, h, half, *out);
        mem_free(half);
        if (e == ERR_OK) continue;
        mem_free(*out);
        *out = NULL;
        return e;
    }
    return ERR_OK;
}

struct stored_source {
    const struct adapter *adapter;
    const struct tensor *first;
    float *values; /* of the tensor at work */
};

/* For tensor_source: a whole tensor at a time. */
static err next_tensor(void *ctx, const struct tensor *t, int64_t begin, int64_t *n,
                       const void **out) {
    struct stored_source *source = ctx;
    const struct stored s = stored_at(source->adapter, t - source->first);
    BUG_IF(begin != 0 || *n != s.count);
    mem_free(source->values);
    source->values = NULL;
    TRY(stored_values(source->adapter, &s, &source->values));
    *out = source->values;
    return ERR_OK;
}

err stored_write(const struct adapter *a, const char *dir) {
    const int64_t n = adapter_n_tensors(a);
    struct tensor *tensors = mem_zalloc((size_t)n, sizeof *tensors);
    if (!tensors) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        const struct stored s = stored_at(a, i);
        tensors[i] = (struct tensor){
            .name = s.name, .dtype = DTYPE_F32, .n_dims = s.param->n_dims, .count = s.count};
        memcpy(tensors[i].shape, s.shape, sizeof s.shape);
    }
    struct stored_source values = {.adapter = a, .first = tensors};
    const struct tensor_source source = {.piece = next_tensor, .ctx = &values};
    err e = safetensors_write_dir(dir, "adapter_model", tensors, n, 0, &source);
    mem_free(values.values);
    mem_free(tensors);
    return e;
}

static err upload(const struct adapter *a, float *to, const float *from, int64_t n) {
    return a->compute->backend->upload(a->compute, to, from, (size_t)n * sizeof *to);
}

static err restore_halves(const struct adapter *a, const struct stored *s, const float *whole) {
    float *const places[2] = {s->param->value, s->start};
    float *half = mem_alloc((size_t)s->param->count, sizeof *half);
    err e = half ? ERR_OK : ERR_MEMORY;
    for (int h = 0; h < 2 && e == ERR_OK; h++) {
        take_half(s, h, whole, half);
        e = upload(a, places[h], half, s->param->count);
    }
    mem_free(half);
    return e;
}

static err restore_tensor(const struct adapter *a, const struct tensor_file *f, int64_t i) {
    const struct stored s = stored_at(a, i);
    const struct tensor *t;
    float *values;
    TRY(tensor_file_need(f, s.name, s.param->n_dims, s.shape, &t));
    if (t->dtype != DTYPE_F32)
        return fail(ERR_MISMATCH, "tensor '%s' is %s and not F32", s.name, dtype_name(t->dtype));
    TRY(adapter_read_tensor(f, t, &values));
    err e = s.start ? restore_halves(a, &s, values) : upload(a, s.param->value, values, s.count);
    mem_free(values);
    return e;
}

err adapter_restore(struct adapter *a, const char *dir) {
    struct tensor_file *f = NULL;
    err e = tensor_file_open_dir(&f, dir, "adapter_model");
    for (int64_t i = 0; i < adapter_n_tensors(a) && e == ERR_OK; i++) e = restore_tensor(a, f, i);
    tensor_file_close(f);
    return e;
}
