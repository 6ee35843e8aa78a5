/* SPDX-License-Identifier: Apache-2.0
 * cotrain model info: a checkpoint's shape and parameter counts, from config.json and the headers
 * of the weight files alone; no weight is read.
 * Read next: model/config.h. */
#include "cli/command.h"
#include "model/model.h"

struct info_options {
    const char *model;
    bool json;
};

#define ROW(field, ...) OPT(struct info_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .positional = true, .value = "DIR", .help = "model folder"),
    ROW(json, .help = "as JSON"),
};

/* Numbers of the shape, in the order they are shown. */
static err add_shape(const struct model_config *c, json_t *out) {
    const struct {
        const char *key;
        int64_t value;
    } shape[] = {
        {"vocab_size", c->vocab_size},
        {"hidden_size", c->hidden_size},
        {"intermediate_size", c->intermediate_size},
        {"num_hidden_layers", c->n_layers},
        {"num_attention_heads", c->n_heads},
        {"head_size", c->head_size},
        {"max_position_embeddings", c->max_positions},
        {"eod_token", c->eod},
        {"sep_token", c->sep},
        {"pad_token", c->pad},
        {"parameters", model_config_parameters(c)},
        {"embedding_parameters", c->vocab_size * c->hidden_size * (c->tied_head ? 1 : 2)},
    };
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++)
        TRY(json_put(out, shape[i].key, json_integer(shape[i].value)));
    TRY(json_put(out, "rms_norm_eps", json_real(c->rms_norm_eps)));
    return json_put(out, "tied_head", json_boolean(c->tied_head));
}

/* Parameters and bytes in each dtype: {"BF16": {"parameters": n, "bytes": n}}. */
static err add_dtypes(const struct model *m, json_t *out) {
    int64_t counts[DTYPE_COUNT] = {0}, bytes[DTYPE_COUNT] = {0};
    json_t *dtypes = json_object();
    TRY(json_put(out, "dtypes", dtypes));
    for (int64_t i = 0; i < m->n_params; i++) {
        counts[m->params[i].dtype] += m->params[i].count;
        bytes[m->params[i].dtype] += param_stored_bytes(&m->params[i]);
    }
    for (int d = 0; d < DTYPE_COUNT; d++) {
        if (!counts[d]) continue;
        json_t *row = json_object();
        TRY(json_put(dtypes, dtype_name((enum dtype)d), row));
        TRY(json_put(row, "parameters", json_integer(counts[d])));
        TRY(json_put(row, "bytes", json_integer(bytes[d])));
    }
    return ERR_OK;
}

static err add_line(const char *name, const json_t *value, struct str *out) {
    TRY(str_printf(out, "%-24s ", name));
    if (json_is_real(value)) return str_printf(out, "%g\n", json_real_value(value));
    TRY(json_text(value, 0, out));
    return str_add(out, "\n");
}

static err print_lines(json_t *info) {
    struct str text = {0};
    const char *key;
    json_t *value;
    err e = ERR_OK;
    json_object_foreach(info, key, value) {
        if (!e && !json_is_object(value)) e = add_line(key, value, &text);
    }
    json_object_foreach(json_object_get(info, "dtypes"), key, value) {
        if (!e)
            e = str_printf(&text, "%-24s %lld parameters, %lld bytes\n", key,
                           json_integer_value(json_object_get(value, "parameters")),
                           json_integer_value(json_object_get(value, "bytes")));
    }
    if (!e) e = print_text(&text);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct info_options *o = given;
    struct model model;
    (void)arena;
    TRY(model_open(&model, o->model, NULL));
    json_t *info = json_object();
    err e = info ? add_shape(&model.config, info) : fail(ERR_MEMORY, "out of memory");
    if (!e) e = add_dtypes(&model, info);
    if (!e) e = o->json ? print_json(info) : print_lines(info);
    json_decref(info);
    model_close(&model);
    return e;
}

const struct command cmd_model_info = {
    .noun = "model",
    .verb = "info",
    .summary = "shape, parameter counts and dtypes of a checkpoint",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct info_options),
    .run = run,
};
