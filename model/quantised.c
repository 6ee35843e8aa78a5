/* SPDX-License-Identifier: Apache-2.0
 * Quantised parameters of a checkpoint: config.json's quantization_config, and the tensors that a
 * parameter is stored as. Only weights of linear projections are ever quantised; embedding, head,
 * norms, biases and the localized filter's convolutions are not.
 * Read next: compute/quant.h for the types, model/weights.c for quantising in memory. */
#include "model/quantised_int.h"
#include "model/model_int.h"
#include <string.h>

static const struct quant_key *key_named(const struct quant *q, const char *name) {
    for (const struct quant_key *k = q->config_keys; k->name; k++)
        if (strcmp(k->name, name) == 0) return k;
    return NULL;
}

static err value_of_key(const struct quant_key *k, json_t **out) {
    return json_parse(k->value, strlen(k->value), k->name, out);
}

static err check_key(const struct quant_key *k, const json_t *found) {
    json_t *only;
    if (!k) return ERR_OK;
    if (k->kind == QUANT_KEY_IDLE || (k->kind == QUANT_KEY_FIXED && json_is_null(found)))
        return ERR_OK;
    TRY(value_of_key(k, &only));
    const bool same = json_equal(only, found);
    json_decref(only);
    return same ? ERR_OK : fail(ERR_UNSUPPORTED, "'%s': only %s is handled", k->name, k->value);
}

static err check_keys(const struct quant *q, const json_t *config) {
    const char *name;
    json_t *value;
    for (const struct quant_key *k = q->config_keys; k->name; k++)
        if (k->kind == QUANT_KEY_NEEDED && !json_object_get(config, k->name))
            return fail(ERR_MISSING, "no '%s'", k->name);
    json_object_foreach((json_t *)config, name, value) {
        const struct quant_key *k = key_named(q, name);
        if (!k) return fail(ERR_UNSUPPORTED, "'%s' is not handled", name);
        TRY(check_key(k, value));
    }
    return ERR_OK;
}

/* The type whose quant_method it is. */
static err find_method(const json_t *config, const struct quant **out) {
    const char *method;
    TRY(json_need_string(config, "quant_method", &method));
    for (int i = 0; i < n_quants; i++) {
        const char *own = quants[i]->config_keys[0].value; /* in quotes */
        if (strlen(own) == strlen(method) + 2 && strncmp(own + 1, method, strlen(method)) == 0) {
            *out = quants[i];
            return ERR_OK;
        }
    }
    return fail(ERR_UNSUPPORTED, "'quant_method' is '%s', which is not handled", method);
}

err quant_config_read(const json_t *config, const struct quant **out) {
    err code = json_is_object(config) ? find_method(config, out) : fail(ERR_PARSE, "not an object");
    if (!code) code = check_keys(*out, config);
    return code ? fail_in(code, "'quantization_config'") : ERR_OK;
}

err quant_config_write(const struct quant *q, json_t *model_config) {
    json_t *config = json_object();
    TRY(json_put(model_config, "quantization_config", config));
    for (const struct quant_key *k = q->config_keys; k->name; k++) {
        json_t *value;
        TRY(value_of_key(k, &value));
        TRY(json_put(config, k->name, value));
    }
    return ERR_OK;
}

enum dtype quantised_dtype(const struct param *p, const struct quant *q) {
    if (p->linear) return q->dtype;
    return p->dtype == DTYPE_F32 || p->dtype == DTYPE_F64 ? DTYPE_BF16 : p->dtype;
}

/* Part `i` of the parameter as the file has it. */
static err find_part(struct model *m, const struct param *p, const struct quant *q, int i,
                     const struct tensor **out) {
    const struct tensor_file *f = m->internal->file;
    const struct quant_part part = q->part(i, p->shape[0], p->shape[1]);
    int64_t shape[2] = {part.shape[0], part.shape[1]};
    const char *name = arena_printf(&m->arena, "%s%s", p->name, part.suffix);
    if (!name) return ERR_MEMORY;
    const struct tensor *found = tensor_file_find(f, name);
    if (found && part.max_count > part.count && found->n_dims == 1 &&
        found->count <= part.max_count)
        shape[0] = found->count;
    TRY(tensor_file_need(f, name, part.n_dims, shape, out));
    if ((*out)->dtype != part.dtype)
        return fail(ERR_MISMATCH, "'%s': tensor '%s' is %s where %s is needed",
                    tensor_file_path(f, *out), name, dtype_name((*out)->dtype),
                    dtype_name(part.dtype));
    if ((*out)->data || !(*out)->count) return ERR_OK;
    return fail(ERR_UNSUPPORTED,
                "'%s': tensor '%s' lies in pieces, which quantised weights may not",
                tensor_file_path(f, *out), name);
}

err quantised_parts(struct model *m, const struct param *p, const void **parts, int64_t *counts) {
    const struct quant *q = m->config.quant;
    const struct tensor *t = NULL;
    for (int i = 0; i < q->n_parts; i++) {
        TRY(find_part(m, p, q, i, &t));
        parts[i] = t->data;
        counts[i] = t->count;
    }
    return ERR_OK;
}

err quantised_open(struct model *m, struct param *p) {
    const struct quant *q = m->config.quant;
    const void *parts[QUANT_MAX_PARTS];
    int64_t counts[QUANT_MAX_PARTS];
    TRY(quantised_parts(m, p, parts, counts));
    const struct tensor *t = tensor_file_find(m->internal->file, p->name);
    struct quant_blocks *blocks = arena_alloc(&m->arena, 1, sizeof *blocks);
    if (!blocks) return ERR_MEMORY;
    err code = q->open(parts, counts, p->shape[0], p->shape[1], blocks);
    if (code)
        return fail_in(code, "'%s': tensor '%s'", tensor_file_path(m->internal->file, t), p->name);
    p->dtype = q->dtype;
    p->stored = blocks;
    return ERR_OK;
}

bool quantised_is(const struct model *m, const struct param *p) {
    const struct quant *q = m->config.quant;
    if (!q || !p->linear) return false;
    const struct tensor *t = tensor_file_find(m->internal->file, p->name);
    return t && t->dtype == q->part(0, p->shape[0], p->shape[1]).dtype;
}

bool quantised_is_part(const struct param *p, const char *name) {
    const struct quant *q = quant_of_dtype(p->dtype);
    const size_t n = strlen(p->name);
    if (!q || strncmp(name, p->name, n) != 0) return false;
    for (int i = 0; i < q->n_parts; i++)
        if (strcmp(q->part(i, p->shape[0], p->shape[1]).suffix, name + n) == 0) return true;
    return false;
}
