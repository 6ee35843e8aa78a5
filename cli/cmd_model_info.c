/* SPDX-License-Identifier: Apache-2.0
 * cotrain model info: what a checkpoint is, from config.json and the headers of the weight files
 * alone: format, shape, parameter counts, dtypes, what training would train, and how it differs
 * from the nearest published shape. Only --hash reads the weights.
 * Read next: model/config.h, model/preset.h, model/content.h. */
#include "adapters/adapter.h"
#include "base/file.h"
#include "base/hash.h"
#include "cli/command.h"
#include "model/content.h"
#include "model/model.h"
#include "model/preset.h"

struct info_options {
    const char *model;
    bool hash, json;
};

#define ROW(field, ...) OPT(struct info_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .positional = true, .value = "DIR|FILE",
        .help = "model folder or weight file"),
    ROW(hash, .help = "reads the weights and adds the hash of their content and the digest of the "
                      "files"),
    ROW(json, .help = "as JSON"),
};

/* Numbers of the shape, in the order they are shown. */
static err add_shape(const struct model *m, json_t *out) {
    const struct model_config *c = &m->config;
    const int64_t parameters = model_config_parameters(c),
                  embedding = c->vocab_size * c->hidden_size * (c->tied_head ? 1 : 2);
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
        {"parameters", parameters},
        {"embedding_parameters", embedding},
        {"layer_parameters", (parameters - embedding - c->hidden_size) / c->n_layers},
    };
    TRY(json_put(out, "format", json_string(model_format(m))));
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++)
        TRY(json_put(out, shape[i].key, json_integer(shape[i].value)));
    TRY(json_put(out, "rms_norm_eps", json_real(c->rms_norm_eps)));
    TRY(json_put(out, "tied_head", json_boolean(c->tied_head)));
    return json_put(out, "use_shareqk", json_boolean(c->shareqk));
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

/* What an adapter with the recipe's defaults would train. */
static err count_adapter(struct model *m, const char *target, struct arena *arena,
                         int64_t *out_rank, int64_t *out_parameters) {
    struct adapter_options options = {0};
    struct adapter *a;
    int64_t n;
    TRY(opt_presets(adapter_options_table(), &options, arena));
    options.target_modules = (struct opt_list){&target, 1};
    *out_rank = options.r;
    TRY(adapter_new(&a, m, &options, 0));
    const struct param *params = adapter_params(a, &n);
    *out_parameters = 0;
    for (int64_t i = 0; i < n; i++) *out_parameters += params[i].count;
    adapter_free(a);
    return ERR_OK;
}

static err add_trainable(struct model *m, struct arena *arena, json_t *out) {
    static const char *const targets[] = {"linear", "all"};
    json_t *trainable = json_object();
    TRY(json_put(out, "trainable", trainable));
    TRY(json_put(trainable, "full", json_integer(model_config_parameters(&m->config))));
    for (int i = 0; i < 2; i++) {
        int64_t rank, n;
        TRY(count_adapter(m, targets[i], arena, &rank, &n));
        const char *name = arena_printf(arena, "lora r=%lld %s", (long long)rank, targets[i]);
        if (!name) return ERR_MEMORY;
        TRY(json_put(trainable, name, json_integer(n)));
    }
    return ERR_OK;
}

static err add_preset(const struct model_config *c, json_t *out) {
    const struct preset *preset;
    struct model_config nearest;
    TRY(preset_nearest(c, &preset));
    TRY(json_put(out, "nearest_preset", json_string(preset->name)));
    json_t *differences = json_object();
    TRY(json_put(out, "differences", differences));
    TRY(preset_config(preset, &nearest));
    err e = model_config_differences(&nearest, c, differences);
    model_config_release(&nearest);
    return e;
}

static err add_hashes(const struct model *m, const char *path, json_t *out) {
    char content[SHA256_HEX_SIZE], files[SHA256_HEX_SIZE];
    TRY(model_content_hash(m, content));
    TRY(dir_exists(path) ? sha256_dir(path, files) : sha256_file(path, files));
    TRY(json_put(out, "content_hash", json_string(content)));
    return json_put(out, "digest", json_string(files));
}

static err add_value(const json_t *value, struct str *out) {
    if (json_is_real(value)) return str_printf(out, "%g", json_real_value(value));
    if (json_is_string(value)) return str_add(out, json_string_value(value));
    return json_text(value, 0, out);
}

static err add_line(const char *name, const json_t *value, struct str *out) {
    TRY(str_printf(out, "%-24s ", name));
    return add_value(value, out);
}

static err add_lines(json_t *info, struct str *text) {
    const char *key, *preset = json_string_value(json_object_get(info, "nearest_preset"));
    json_t *value, *differences = json_object_get(info, "differences");
    json_object_foreach(info, key, value) {
        if (json_is_object(value) || strcmp(key, "nearest_preset") == 0) continue;
        TRY(add_line(key, value, text));
        TRY(str_add(text, "\n"));
    }
    json_object_foreach(json_object_get(info, "dtypes"), key, value)
        TRY(str_printf(text, "%-24s %lld parameters, %lld bytes\n", key,
                       json_integer_value(json_object_get(value, "parameters")),
                       json_integer_value(json_object_get(value, "bytes"))));
    json_object_foreach(json_object_get(info, "trainable"), key, value)
        TRY(str_printf(text, "trains %-17s %lld parameters\n", key, json_integer_value(value)));
    if (json_object_size(differences) == 0) return str_printf(text, "same as %s\n", preset);
    TRY(str_printf(text, "differs from %s:\n", preset));
    json_object_foreach(differences, key, value) {
        TRY(str_add(text, "  "));
        TRY(add_line(key, json_object_get(value, "here"), text));
        TRY(str_printf(text, " (%s: ", preset));
        TRY(add_value(json_object_get(value, "preset"), text));
        TRY(str_add(text, ")\n"));
    }
    return ERR_OK;
}

static err print_lines(json_t *info) {
    struct str text = {0};
    err e = add_lines(info, &text);
    if (!e) e = print_text(&text);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct info_options *o = given;
    struct model model;
    TRY(model_open(&model, o->model, NULL));
    json_t *info = json_object();
    err e = info ? add_shape(&model, info) : fail(ERR_MEMORY, "out of memory");
    if (!e) e = add_dtypes(&model, info);
    if (!e) e = add_trainable(&model, arena, info);
    if (!e) e = add_preset(&model.config, info);
    if (!e && o->hash) e = add_hashes(&model, o->model, info);
    if (!e) e = o->json ? print_json(info) : print_lines(info);
    json_decref(info);
    model_close(&model);
    return e;
}

const struct command cmd_model_info = {
    .noun = "model",
    .verb = "info",
    .summary = "format, shape, parameter counts, dtypes and hash of a checkpoint",
    .details =
        "No weight is read without --hash. content_hash is over names, shapes, dtypes and values,\n"
        "so it is the same in every format and sharding; digest is over the files, as a recipe's\n"
        "base_model.digest wants it.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct info_options),
    .run = run,
};
