/* SPDX-License-Identifier: Apache-2.0
 * Opens, plans how each tensor is stored, and hands its elements to the format's writer, in the
 * dtype that the writer asked for. Pages of the source are given back behind each piece.
 * Read next: model/convert.h, the contract; model/folder.h. */
#include "model/convert.h"
#include "base/mem.h"
#include "model/folder.h"
#include "model/model_int.h"
#include <math.h>
#include <string.h>

enum { PIECE = 1 << 18 };

struct converter {
    const struct model_conversion *c;
    const struct format *format;
    struct model model;
    struct arena arena;
    struct tensor *tensors; /* in the order of the model's params */
    struct model_config config;
    struct model_converted *done;
    const struct tensor *present; /* of the source */
    const void *stored;           /* its values: mapped, or `owned` */
    void *owned;
    float *wide;    /* a piece in fp32 */
    void *narrowed; /* in the dtype asked for */
    float *back;    /* and what that one holds */
};

/* Puts the largest finite number of that sign in place of element i. */
static void saturate(void *values, enum dtype t, int64_t i, bool negative) {
    const uint16_t half = (uint16_t)((t == DTYPE_F16 ? 0x7bff : 0x7f7f) | (negative ? 0x8000 : 0));
    const uint32_t single = 0x7f7fffffu | (negative ? 0x80000000u : 0);
    if (t == DTYPE_F32)
        memcpy((char *)values + 4 * i, &single, sizeof single);
    else
        memcpy((char *)values + 2 * i, &half, sizeof half);
}

/* Holds n narrowed values against what they were made of. `from` is NULL where the fp32 values are
 * exactly that; else F64. */
static void count_changes(struct converter *v, const char *from, enum dtype to, int64_t n) {
    struct model_converted *done = v->done;
    dtype_to_f32(v->narrowed, to, n, v->back);
    for (int64_t i = 0; i < n; i++) {
        double was = (double)v->wide[i];
        const double is = (double)v->back[i];
        if (from) memcpy(&was, from + 8 * i, sizeof was);
        if (is == was || (isnan(was) && isnan(is))) continue;
        done->n_changed++;
        if (isinf(is)) {
            done->n_overflowed++;
            saturate(v->narrowed, to, i, was < 0);
        } else if (is == 0) {
            done->n_vanished++;
        } else {
            done->largest_error = fmax(done->largest_error, fabs((is - was) / was));
        }
    }
}

static err begin_tensor(struct converter *v, const struct param *p) {
    const struct tensor_file *file = v->model.internal->file;
    mem_free(v->owned);
    v->owned = NULL;
    v->present = tensor_file_find(file, p->name);
    err code = weights_stored(&v->model, p, &v->stored, &v->owned);
    if (v->owned) tensor_file_forget(file, v->present);
    return code;
}

/* For tensor_source. */
static err next_piece(void *ctx, const struct tensor *t, int64_t begin, int64_t *out_n,
                      const void **out) {
    struct converter *v = ctx;
    const struct param *p = &v->model.params[t - v->tensors];
    if (v->present && !v->owned) tensor_file_forget(v->model.internal->file, v->present);
    if (begin == 0) TRY(begin_tensor(v, p));
    if (*out_n > PIECE) *out_n = PIECE;
    const int64_t n = *out_n;
    if (p->dtype == t->dtype) {
        *out = (const char *)v->stored + begin * dtype_bytes(p->dtype);
        return ERR_OK;
    }
    weights_to_f32(v->stored, p->dtype, begin, n, v->wide);
    *out = v->wide;
    if (t->dtype == DTYPE_F32 && p->dtype != DTYPE_F64) return ERR_OK; /* which holds them all */
    dtype_from_f32(v->wide, n, t->dtype, v->narrowed);
    *out = v->narrowed;
    count_changes(v, p->dtype == DTYPE_F64 ? (const char *)v->stored + 8 * begin : NULL, t->dtype,
                  n);
    return ERR_OK;
}

static void count_type(struct model_converted *done, const char *name) {
    int i = 0;
    while (done->types[i].name && strcmp(done->types[i].name, name) != 0) i++;
    BUG_IF(i + 1 >= CONVERT_MAX_TYPES);
    done->types[i].name = name;
    done->types[i].n_tensors++;
}

static err plan_tensor(struct converter *v, const struct param *p, struct tensor *t,
                       struct tensor_stored *stored) {
    const bool quantised = quant_of_dtype(p->dtype) != NULL; /* fp32 is what its codes stand for */
    *t = (struct tensor){.name = p->name,
                         .dtype = quantised ? DTYPE_F32 : p->dtype,
                         .n_dims = p->n_dims,
                         .count = p->count};
    memcpy(t->shape, p->shape, sizeof p->shape);
    TRY(v->format->plan(v->c->type, t, stored));
    v->done->n_tensors++;
    v->done->n_values += p->count;
    v->done->bytes_in += param_stored_bytes(p);
    v->done->bytes_out += stored->bytes;
    if (stored->bytes != p->count * dtype_bytes(t->dtype)) v->done->n_quantised += p->count;
    count_type(v->done, stored->type);
    return ERR_OK;
}

/* The model's config with torch_dtype as the weights are stored, which are quantised no more. */
static err make_config(struct converter *v, const char *stored) {
    static const char *const names[][2] = {
        {"f32", "float32"}, {"f16", "float16"}, {"bf16", "bfloat16"}, {"f64", "float64"}};
    json_t *json;
    TRY(json_copy_members(v->model.config.json, &json));
    json_object_del(json, "quantization_config");
    v->config = v->model.config;
    v->config.json = json;
    v->config.quant = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i][0], stored) == 0)
            return json_put(json, "torch_dtype", json_string(names[i][1]));
    return ERR_OK;
}

static err prepare(struct converter *v) {
    const struct model *m = &v->model;
    v->done->from = tensor_file_format(m->internal->file);
    v->tensors = arena_alloc(&v->arena, (size_t)m->n_params, sizeof *v->tensors);
    v->wide = mem_alloc(PIECE, sizeof *v->wide);
    v->back = mem_alloc(PIECE, sizeof *v->back);
    v->narrowed = mem_alloc(PIECE, sizeof(double));
    if (!v->tensors || !v->wide || !v->back || !v->narrowed) return ERR_MEMORY;
    const char *matrices = "";
    for (int64_t i = 0; i < m->n_params; i++) {
        struct tensor_stored stored = {0};
        TRY(plan_tensor(v, &m->params[i], &v->tensors[i], &stored));
        if (m->params[i].linear) matrices = stored.type;
    }
    return make_config(v, matrices);
}

static err write_tensors(struct converter *v, const char *dir, const char *stem) {
    const struct tensor_source source = {.piece = next_piece, .ctx = v};
    const struct tensor_output output = {
        .dir = dir,
        .stem = stem,
        .tensors = v->tensors,
        .n = v->model.n_params,
        .source = &source,
        .type = v->c->type,
        .shard_bytes = v->c->shard_bytes,
        .config = &v->config,
        .notes = v->c->notes,
    };
    return v->format->write(&output);
}

/* For model_folder_write. */
static err fill_folder(void *ctx, const char *dir) {
    struct converter *v = ctx;
    const char *config_path = arena_printf(&v->arena, "%s/config.json", dir);
    if (!config_path) return ERR_MEMORY;
    TRY(json_write_file(config_path, v->config.json));
    return write_tensors(v, dir, "model");
}

/* `out` is "DIR/STEM.FORMAT". */
static err write_file(struct converter *v) {
    const char *out = v->c->out, *base = path_base(out);
    const char *stem = arena_strndup(&v->arena, base, strlen(base) - strlen(v->format->name) - 1);
    char *dir = path_dir(out);
    err code = stem && dir ? dir_make(dir) : ERR_MEMORY;
    if (!code) code = write_tensors(v, dir, stem);
    mem_free(dir);
    return code;
}

static err convert(struct converter *v) {
    const char *ending = arena_printf(&v->arena, ".%s", v->format->name);
    if (!ending) return ERR_MEMORY;
    TRY(model_open(&v->model, v->c->model, NULL));
    TRY(prepare(v));
    return str_ends(v->c->out, ending) ? write_file(v)
                                       : model_folder_write(v->c->out, v->c->model, fill_folder, v);
}

err model_convert(const struct model_conversion *c, struct model_converted *out) {
    struct converter v = {.c = c, .format = format_named(c->format), .done = out};
    *out = (struct model_converted){0};
    BUG_IF(!v.format || !v.format->write);
    if (file_exists(c->out)) return fail(ERR_EXISTS, "'%s' is there already", c->out);
    err code = convert(&v);
    mem_free(v.owned);
    mem_free(v.wide);
    mem_free(v.narrowed);
    mem_free(v.back);
    json_decref(v.config.json);
    model_close(&v.model);
    arena_release(&v.arena);
    return code;
}
