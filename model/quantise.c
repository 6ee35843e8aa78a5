/* SPDX-License-Identifier: Apache-2.0
 * Writing a quantised folder. The list of tensors follows from the shapes alone; the data stream
 * through one parameter at a time: its first part quantises it and measures the error, the others
 * are handed out after it.
 * Read next: model/quantise.h, the contract; compute/quant.h. */
#include "model/quantise.h"

#include "base/mem.h"
#include "base/par.h"
#include "model/folder.h"
#include "model/formats/safetensors.h"
#include "model/model_int.h"
#include "model/quantised_int.h"
#include <math.h>
#include <string.h>

enum { MEASURE_PIECE = 1 << 14, NARROW_PIECE = 1 << 12 };

/* Tensor number i of the output is part `part` of parameter `param`. */
struct place {
    int64_t param;
    int part;
};

struct quantiser {
    const struct model *m;
    const struct quant *q;
    int64_t shard_bytes;
    struct arena arena;
    struct tensor *tensors;
    struct place *places;
    int64_t n;
    void *parts[QUANT_MAX_PARTS]; /* of the present parameter */
    const void *stored;           /* its values */
    void *owned;                  /* the same where they are not mapped */
    float wide[NARROW_PIECE];
    uint16_t narrow[NARROW_PIECE];
    struct quantise_report *report;
};

static void drop_parts(struct quantiser *z) {
    for (int i = 0; i < QUANT_MAX_PARTS; i++) {
        mem_free(z->parts[i]);
        z->parts[i] = NULL;
    }
    mem_free(z->owned);
    z->owned = NULL;
}

/* ---- the error ---- */

struct measuring {
    const struct quant_weight *weight;
    const struct quant *q;
    const struct quant_blocks *blocks;
    struct sums {
        double error, weights, largest_error, largest_weight;
    } * sums; /* of each piece */
};

static void measure_pieces(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct measuring *k = ctx;
    const int64_t n = k->weight->rows * k->weight->columns;
    (void)thread;
    for (int64_t piece = begin; piece < end; piece++) {
        struct sums *s = &k->sums[piece];
        for (int64_t at = piece * MEASURE_PIECE; at < n && at < (piece + 1) * MEASURE_PIECE;
             at += QUANT_BLOCK) {
            float was[QUANT_BLOCK], is[QUANT_BLOCK];
            const int64_t count = n - at < QUANT_BLOCK ? n - at : QUANT_BLOCK;
            weights_to_f32(k->weight->data, k->weight->dtype, at, count, was);
            k->q->decode(k->blocks, at, count, is);
            for (int64_t i = 0; i < count; i++) {
                const double weight = fabs((double)was[i]),
                             error = fabs((double)is[i] - (double)was[i]);
                s->error += error;
                s->weights += weight;
                s->largest_error = fmax(s->largest_error, error);
                s->largest_weight = fmax(s->largest_weight, weight);
            }
        }
    }
}

/* The row of the report for the parameter's kind, "mlp.up_proj" of any layer. */
static struct quantise_error *error_row(const struct quantiser *z, int64_t param) {
    struct quantise_report *r = z->report;
    const char *module = param_spec_at(&z->m->config, param).suffix;
    for (int i = 0; i < r->n_kinds; i++)
        if (strcmp(r->kinds[i].module, module) == 0) return &r->kinds[i];
    BUG_IF(r->n_kinds == QUANTISE_MAX_KINDS);
    struct quantise_error *row = &r->kinds[r->n_kinds++];
    *row = (struct quantise_error){.module = module};
    return row;
}

static err measure(struct quantiser *z, int64_t param, const struct quant_weight *w,
                   const struct quant_blocks *blocks) {
    const int64_t n = w->rows * w->columns, pieces = (n + MEASURE_PIECE - 1) / MEASURE_PIECE;
    struct measuring k = {w, z->q, blocks, mem_zalloc((size_t)pieces, sizeof *k.sums)};
    struct quantise_error *row = error_row(z, param);
    double largest_error = 0, largest_weight = 0;
    if (!k.sums) return ERR_MEMORY;
    par_for(pieces, 1, measure_pieces, &k);
    for (int64_t i = 0; i < pieces; i++) {
        row->sum_error += k.sums[i].error;
        row->sum_weights += k.sums[i].weights;
        largest_error = fmax(largest_error, k.sums[i].largest_error);
        largest_weight = fmax(largest_weight, k.sums[i].largest_weight);
    }
    row->n_weights += n;
    if (largest_weight > 0) row->largest = fmax(row->largest, largest_error / largest_weight);
    mem_free(k.sums);
    return ERR_OK;
}

/* ---- data ---- */

static err quantise_param(struct quantiser *z, int64_t param) {
    const struct param *p = &z->m->params[param];
    struct quant_weight w = {NULL, p->dtype, p->shape[0], p->shape[1]};
    struct quant_blocks blocks;
    int64_t counts[QUANT_MAX_PARTS];
    TRY(weights_stored(z->m, p, &w.data, &z->owned));
    for (int i = 0; i < z->q->n_parts; i++) {
        const struct quant_part part = z->q->part(i, w.rows, w.columns);
        counts[i] = part.count;
        z->parts[i] = mem_alloc((size_t)part.count, (size_t)dtype_bytes(part.dtype));
        if (!z->parts[i]) return ERR_MEMORY;
    }
    TRY(z->q->encode(&w, z->parts));
    TRY(z->q->open((const void *const *)z->parts, counts, w.rows, w.columns, &blocks));
    return measure(z, param, &w, &blocks);
}

/* A piece of a parameter that is not quantised, in the dtype it is written in. */
static err narrow_piece(struct quantiser *z, const struct param *p, int64_t begin, int64_t *n,
                        const void **out) {
    if (begin == 0) TRY(weights_stored(z->m, p, &z->stored, &z->owned));
    if (quantised_dtype(p, z->q) == p->dtype) {
        *out = (const char *)z->stored + begin * dtype_bytes(p->dtype);
        return ERR_OK;
    }
    if (*n > NARROW_PIECE) *n = NARROW_PIECE;
    weights_to_f32(z->stored, p->dtype, begin, *n, z->wide);
    dtype_from_f32(z->wide, *n, DTYPE_BF16, z->narrow);
    *out = z->narrow;
    return ERR_OK;
}

/* The mapped pages of a parameter that is done may go. */
static void forget(const struct quantiser *z, int64_t param) {
    const struct tensor_file *f = z->m->internal->file;
    tensor_file_forget(f, tensor_file_find(f, z->m->params[param].name));
}

static err next_piece(void *ctx, const struct tensor *t, int64_t begin, int64_t *n,
                      const void **out) {
    struct quantiser *z = ctx;
    const struct place *at = &z->places[t - z->tensors];
    const struct param *p = &z->m->params[at->param];
    if (at->part == 0 && begin == 0) {
        drop_parts(z);
        if (at->param > 0) forget(z, at->param - 1);
        if (p->linear) TRY(quantise_param(z, at->param));
    }
    if (!p->linear) return narrow_piece(z, p, begin, n, out);
    *out = (const char *)z->parts[at->part] + begin * dtype_bytes(t->dtype);
    return ERR_OK;
}

/* ---- the list ---- */

static err list_param(struct quantiser *z, int64_t number) {
    const struct param *p = &z->m->params[number];
    for (int i = 0; i < (p->linear ? z->q->n_parts : 1); i++) {
        struct tensor *t = &z->tensors[z->n];
        z->places[z->n++] = (struct place){number, i};
        *t = (struct tensor){.name = p->name, .n_dims = p->n_dims, .count = p->count};
        t->dtype = quantised_dtype(p, z->q);
        memcpy(t->shape, p->shape, sizeof p->shape);
        if (p->linear) {
            const struct quant_part part = z->q->part(i, p->shape[0], p->shape[1]);
            t->name = arena_printf(&z->arena, "%s%s", p->name, part.suffix);
            t->dtype = part.dtype;
            t->n_dims = part.n_dims;
            t->count = part.count;
            memcpy(t->shape, part.shape, sizeof part.shape);
        }
        if (!t->name) return ERR_MEMORY;
        z->report->bytes_after += t->count * dtype_bytes(t->dtype);
    }
    z->report->bytes_before += param_stored_bytes(p);
    return ERR_OK;
}

static err write_config(const struct quantiser *z, const char *path) {
    json_t *config;
    TRY(json_copy_members(z->m->config.json, &config));
    const bool half = z->m->params[PARAM_EMBEDDING].dtype == DTYPE_F16;
    err code = json_put(config, "torch_dtype", json_string(half ? "float16" : "bfloat16"));
    if (!code) code = quant_config_write(z->q, config);
    if (!code) code = json_write_file(path, config);
    json_decref(config);
    return code;
}

static err fill(void *ctx, const char *dir) {
    struct quantiser *z = ctx;
    const size_t most = (size_t)z->m->n_params * QUANT_MAX_PARTS;
    const char *config_path = arena_printf(&z->arena, "%s/config.json", dir);
    z->tensors = arena_alloc(&z->arena, most, sizeof *z->tensors);
    z->places = arena_alloc(&z->arena, most, sizeof *z->places);
    if (!config_path || !z->tensors || !z->places) return ERR_MEMORY;
    for (int64_t i = 0; i < z->m->n_params; i++) TRY(list_param(z, i));
    const struct tensor_source source = {.piece = next_piece, .ctx = z};
    TRY(safetensors_write_dir(dir, "model", z->tensors, z->n, z->shard_bytes, &source));
    return write_config(z, config_path);
}

err model_quantise(struct model *m, const struct quant *q, const char *base_dir, const char *dir,
                   int64_t shard_bytes, struct quantise_report *out) {
    struct quantiser z = {.m = m, .q = q, .shard_bytes = shard_bytes, .report = out};
    *out = (struct quantise_report){0};
    if (m->config.quant) {
        err code = fail(ERR_UNSUPPORTED, "'%s' is quantised already (%s)", base_dir,
                        m->config.quant->name);
        return fail_hint(code, "quantise the model it was made from");
    }
    err code = model_folder_write(dir, base_dir, fill, &z);
    drop_parts(&z);
    arena_release(&z.arena);
    return code;
}
