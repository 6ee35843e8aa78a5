/* SPDX-License-Identifier: Apache-2.0
 * adapter_config.json as PEFT writes and reads it. The table below says of each key what is written
 * and what is accepted: a setting that would change the numbers and is not handled here is refused
 * by name, and so is a key that is not known, unless it is off (null, false, 0, empty).
 * Source: PEFT's LoraConfig, whose keys newer and older loaders both accept. */
#include "adapters/adapter_int.h"

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

enum peft_rule {
    PEFT_READ, /* peft_read_config takes it; written by peft_config */
    PEFT_ANY,  /* says nothing about the numbers of a finished adapter */
    PEFT_OFF,  /* must be off: null, false, 0, "", "none", [] or {} */
};
/* In the order they are written; a NULL text is filled in by put_key. */
static const struct peft_key {
    const char *name;
    enum peft_rule rule;
    const char *written;
} peft_keys[] = {
    {"alpha_pattern", PEFT_OFF, "{}"},
    {"auto_mapping", PEFT_ANY, "null"},
    {"base_model_name_or_path", PEFT_READ, NULL},
    {"bias", PEFT_OFF, "\"none\""},
    {"exclude_modules", PEFT_OFF, "null"},
    {"fan_in_fan_out", PEFT_OFF, "false"},
    {"inference_mode", PEFT_ANY, "true"},
    {"init_lora_weights", PEFT_READ, "true"},
    {"layer_replication", PEFT_OFF, "null"},
    {"layers_pattern", PEFT_OFF, "null"},
    {"layers_to_transform", PEFT_OFF, "null"},
    {"loftq_config", PEFT_ANY, "{}"},
    {"lora_alpha", PEFT_READ, NULL},
    {"lora_bias", PEFT_OFF, "false"},
    {"lora_dropout", PEFT_READ, NULL},
    {"megatron_config", PEFT_OFF, "null"},
    {"megatron_core", PEFT_ANY, "\"megatron.core\""},
    {"modules_to_save", PEFT_OFF, "null"},
    {"peft_type", PEFT_READ, NULL},
    {"peft_version", PEFT_ANY, "\"0.17.0\""},
    {"r", PEFT_READ, NULL},
    {"rank_pattern", PEFT_OFF, "{}"},
    {"revision", PEFT_ANY, "null"},
    {"target_modules", PEFT_READ, NULL},
    {"target_parameters", PEFT_OFF, "null"},
    {"task_type", PEFT_ANY, "\"CAUSAL_LM\""},
    {"trainable_token_indices", PEFT_OFF, "null"},
    {"use_dora", PEFT_OFF, "false"},
    {"use_qalora", PEFT_OFF, "false"},
    {"use_rslora", PEFT_READ, NULL},
};
enum { N_PEFT_KEYS = sizeof peft_keys / sizeof peft_keys[0] };

static bool is_off(const json_t *value) {
    if (json_is_null(value) || json_is_false(value)) return true;
    if (json_is_string(value))
        return !strcmp(json_string_value(value), "") || !strcmp(json_string_value(value), "none");
    if (json_is_number(value)) return json_number_value(value) == 0;
    if (json_is_array(value)) return json_array_size(value) == 0;
    return json_is_object(value) && json_object_size(value) == 0;
}

static err check_keys(json_t *config, const char *path) {
    const char *key;
    json_t *value;
    json_object_foreach(config, key, value) {
        enum peft_rule rule = PEFT_OFF;
        for (int i = 0; i < N_PEFT_KEYS; i++)
            if (!strcmp(peft_keys[i].name, key)) rule = peft_keys[i].rule;
        if (rule != PEFT_OFF || is_off(value)) continue;
        return fail(ERR_UNSUPPORTED, "'%s': setting '%s' is on, and that is not handled", path,
                    key);
    }
    return ERR_OK;
}

static err read_targets(const json_t *config, const char *path, struct arena *arena,
                        struct opt_list *out) {
    const json_t *value = json_object_get(config, "target_modules");
    bool all_linear = json_is_string(value) && !strcmp(json_string_value(value), "all-linear");
    if (!all_linear && !json_is_array(value))
        return fail(ERR_UNSUPPORTED, "'%s': 'target_modules' is no list of names", path);
    out->n = all_linear ? 1 : (int64_t)json_array_size(value);
    out->items = arena_alloc(arena, (size_t)out->n + 1, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < out->n; i++) {
        const char *name =
            all_linear ? "linear" : json_string_value(json_array_get(value, (size_t)i));
        if (!name)
            return fail(ERR_PARSE, "'%s': 'target_modules' item %ld is no name", path, (long)i + 1);
        out->items[i] = arena_strdup(arena, name);
        if (!out->items[i]) return ERR_MEMORY;
    }
    return ERR_OK;
}

/* The kind whose peft_type it is. */
static err read_type(const json_t *config, const char *path, struct adapter_options *out) {
    const char *type;
    TRY(json_need_string(config, "peft_type", &type));
    for (int i = 0; i < n_adapter_kinds; i++)
        if (!strcmp(adapter_kinds[i]->peft_type, type)) {
            out->type = adapter_kinds[i]->name;
            return ERR_OK;
        }
    return fail(ERR_UNSUPPORTED, "'%s': peft_type '%s' is not handled", path, type);
}

/* Other initialisations than PEFT's plain ones change the base weights as well. */
static err check_init(const json_t *config, const char *path) {
    const json_t *init = json_object_get(config, "init_lora_weights");
    if (!init || json_is_boolean(init)) return ERR_OK;
    const char *name = json_string_value(init);
    if (name && !strcmp(name, "gaussian")) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "'%s': 'init_lora_weights' %s is not handled", path,
                name ? name : "of that kind");
}

static err read_config(json_t *config, const char *path, struct arena *arena,
                       struct adapter_options *out) {
    TRY(check_keys(config, path));
    TRY(read_type(config, path, out));
    TRY(check_init(config, path));
    TRY(json_need_int(config, "r", &out->r));
    TRY(json_need_number(config, "lora_alpha", &out->lora_alpha));
    if (json_object_get(config, "lora_dropout"))
        TRY(json_need_number(config, "lora_dropout", &out->lora_dropout));
    if (out->r < 1 || out->r > INT32_MAX)
        return fail(ERR_RANGE, "'%s': rank %ld", path, (long)out->r);
    if (!(out->lora_dropout >= 0 && out->lora_dropout < 1))
        return fail(ERR_RANGE, "'%s': 'lora_dropout' %g is not in [0,1)", path, out->lora_dropout);
    out->use_rslora = json_is_true(json_object_get(config, "use_rslora"));
    return read_targets(config, path, arena, &out->target_modules);
}

err peft_read_config(const char *dir, struct arena *arena, struct adapter_options *out) {
    char *path = path_join(dir, "adapter_config.json");
    if (!path) return ERR_MEMORY;
    json_t *config = NULL;
    err e = json_parse_file(path, &config);
    if (e == ERR_OK) e = read_config(config, path, arena, out);
    json_decref(config);
    mem_free(path);
    return e == ERR_OK ? e : fail_in(e, "adapter '%s'", dir);
}

static err put_present(const struct adapter *a, const char *const *names, int n, json_t *list) {
    for (int i = 0; i < n; i++)
        if (adapter_has_target(a, names[i])) TRY(json_push(list, json_string(names[i])));
    return ERR_OK;
}

/* "all" and "linear" as the names they stand for. */
static err put_targets(const struct adapter *a, json_t *list) {
    const struct opt_list *targets = &a->options.target_modules;
    for (int64_t t = 0; t < targets->n; t++) {
        bool all = !strcmp(targets->items[t], "all"), linear = !strcmp(targets->items[t], "linear");
        if (!all && !linear) TRY(json_push(list, json_string(targets->items[t])));
        if (all || linear)
            TRY(put_present(a, adapter_linear_targets, n_adapter_linear_targets, list));
        if (all) TRY(put_present(a, adapter_filter_targets, n_adapter_filter_targets, list));
    }
    return ERR_OK;
}

static err put_key(const struct adapter *a, const char *base, const struct peft_key *key,
                   json_t *config) {
    const struct adapter_options *o = &a->options;
    if (key->written) {
        json_t *value = NULL;
        TRY(json_parse(key->written, strlen(key->written), key->name, &value));
        return json_put(config, key->name, value);
    }
    if (!strcmp(key->name, "base_model_name_or_path"))
        return json_put(config, key->name, json_string(base));
    if (!strcmp(key->name, "peft_type"))
        return json_put(config, key->name, json_string(a->kind->peft_type));
    if (!strcmp(key->name, "r")) return json_put(config, key->name, json_integer(o->r));
    if (!strcmp(key->name, "lora_alpha"))
        return json_put(config, key->name, json_real(o->lora_alpha));
    if (!strcmp(key->name, "lora_dropout"))
        return json_put(config, key->name, json_real(o->lora_dropout));
    if (!strcmp(key->name, "use_rslora"))
        return json_put(config, key->name, json_boolean(o->use_rslora));
    TRY(json_put(config, key->name, json_array()));
    return put_targets(a, json_object_get(config, key->name));
}

err peft_config(const struct adapter *a, const char *base_model_name, json_t **out) {
    *out = NULL;
    json_t *config = json_object();
    if (!config) return fail(ERR_MEMORY, "out of memory for an adapter's settings");
    for (int i = 0; i < N_PEFT_KEYS; i++) {
        err e = put_key(a, base_model_name, &peft_keys[i], config);
        if (e == ERR_OK) continue;
        json_decref(config);
        return e;
    }
    *out = config;
    return ERR_OK;
}
