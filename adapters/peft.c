/* SPDX-License-Identifier: Apache-2.0
 * adapter_config.json as PEFT writes and reads it. The table below says of each key what is written
 * and what is accepted: a setting that would change the numbers and is not handled here is refused
 * by name, and so is a key that is not known, unless it is off (null, false, 0, empty).
 * Source: PEFT's LoraConfig, whose keys newer and older loaders both accept. */
#include "adapters/inits/init.h"

#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- writing ---- */

static json_t *make_base(const struct adapter *a, const char *base) {
    (void)a;
    return json_string(base);
}

/* An adapter whose start was taken out of the base is written with twice the rank and the same
 * scale (adapters/adapter.h, adapter_save; PEFT converts in the same way). */
static double rank_factor(const struct adapter *a) {
    return a->init->takes_out ? 2 : 1;
}

static double alpha_factor(const struct adapter *a) {
    return a->options.use_rslora ? sqrt(rank_factor(a)) : rank_factor(a);
}

static json_t *make_rank(const struct adapter *a, const char *base) {
    (void)base;
    return json_integer(a->options.r * (int64_t)rank_factor(a));
}

static json_t *make_alpha(const struct adapter *a, const char *base) {
    (void)base;
    return json_real(a->options.lora_alpha * alpha_factor(a));
}

static err put_pattern(struct arena *arena, const char *item, bool whole, double factor,
                       json_t *out) {
    const char *key;
    double value;
    TRY(adapter_pattern_parts(arena, item, &key, &value));
    value *= factor;
    return json_put(out, key, whole ? json_integer((json_int_t)value) : json_real(value));
}

static json_t *make_pattern(const struct opt_list *items, bool whole, double factor) {
    struct arena arena = {0};
    json_t *out = json_object();
    err e = out ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < items->n && e == ERR_OK; i++)
        e = put_pattern(&arena, items->items[i], whole, factor, out);
    arena_release(&arena);
    if (e == ERR_OK) return out;
    json_decref(out);
    return NULL;
}

static json_t *make_rank_pattern(const struct adapter *a, const char *base) {
    (void)base;
    return make_pattern(&a->options.rank_pattern, true, rank_factor(a));
}

static json_t *make_alpha_pattern(const struct adapter *a, const char *base) {
    (void)base;
    return make_pattern(&a->options.alpha_pattern, false, alpha_factor(a));
}

static json_t *make_dropout(const struct adapter *a, const char *base) {
    (void)base;
    return json_real(a->options.lora_dropout);
}

static json_t *make_type(const struct adapter *a, const char *base) {
    (void)base;
    return json_string(a->kind->peft_type);
}

static json_t *make_dora(const struct adapter *a, const char *base) {
    (void)base;
    return json_boolean(a->kind->peft_flag && !strcmp(a->kind->peft_flag, "use_dora"));
}

static json_t *make_rslora(const struct adapter *a, const char *base) {
    (void)base;
    return json_boolean(a->options.use_rslora);
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

static json_t *make_modules(const struct adapter *a, const char *base) {
    const struct opt_list *names = &a->options.modules_to_save;
    json_t *list = names->n ? json_array() : json_null();
    (void)base;
    for (int64_t i = 0; list && i < names->n; i++)
        if (json_push(list, json_string(names->items[i])) != ERR_OK) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *make_targets(const struct adapter *a, const char *base) {
    json_t *list = json_array();
    (void)base;
    if (list && put_targets(a, list) == ERR_OK) return list;
    json_decref(list);
    return NULL;
}

enum peft_rule {
    PEFT_READ, /* peft_read_config takes it */
    PEFT_ANY,  /* says nothing about the numbers of a finished adapter */
    PEFT_OFF,  /* must be off: null, false, 0, "", "none", [] or {} */
};
/* In the order they are written: a constant, or what `make` makes. */
static const struct peft_key {
    const char *name;
    enum peft_rule rule;
    const char *constant;
    json_t *(*make)(const struct adapter *a, const char *base_model_name);
} peft_keys[] = {
    {"alpha_pattern", PEFT_READ, .make = make_alpha_pattern},
    {"auto_mapping", PEFT_ANY, .constant = "null"},
    {"base_model_name_or_path", PEFT_READ, .make = make_base},
    {"bias", PEFT_OFF, .constant = "\"none\""},
    {"exclude_modules", PEFT_OFF, .constant = "null"},
    {"fan_in_fan_out", PEFT_OFF, .constant = "false"},
    {"inference_mode", PEFT_ANY, .constant = "true"},
    {"init_lora_weights", PEFT_READ, .constant = "true"},
    {"layer_replication", PEFT_OFF, .constant = "null"},
    {"layers_pattern", PEFT_OFF, .constant = "null"},
    {"layers_to_transform", PEFT_OFF, .constant = "null"},
    {"loftq_config", PEFT_ANY, .constant = "{}"},
    {"lora_alpha", PEFT_READ, .make = make_alpha},
    {"lora_bias", PEFT_OFF, .constant = "false"},
    {"lora_dropout", PEFT_READ, .make = make_dropout},
    {"megatron_config", PEFT_OFF, .constant = "null"},
    {"megatron_core", PEFT_ANY, .constant = "\"megatron.core\""},
    {"modules_to_save", PEFT_READ, .make = make_modules},
    {"peft_type", PEFT_READ, .make = make_type},
    {"peft_version", PEFT_ANY, .constant = "\"0.17.0\""},
    {"r", PEFT_READ, .make = make_rank},
    {"rank_pattern", PEFT_READ, .make = make_rank_pattern},
    {"revision", PEFT_ANY, .constant = "null"},
    {"target_modules", PEFT_READ, .make = make_targets},
    {"target_parameters", PEFT_OFF, .constant = "null"},
    {"task_type", PEFT_ANY, .constant = "\"CAUSAL_LM\""},
    {"trainable_token_indices", PEFT_OFF, .constant = "null"},
    {"use_dora", PEFT_READ, .make = make_dora},
    {"use_qalora", PEFT_OFF, .constant = "false"},
    {"use_rslora", PEFT_READ, .make = make_rslora},
};
enum { N_PEFT_KEYS = sizeof peft_keys / sizeof peft_keys[0] };

static err put_key(const struct adapter *a, const char *base, const struct peft_key *key,
                   json_t *config) {
    json_t *value = NULL;
    if (key->make)
        value = key->make(a, base);
    else
        TRY(json_parse(key->constant, strlen(key->constant), key->name, &value));
    return json_put(config, key->name, value);
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

/* ---- reading ---- */

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

static err read_names(const json_t *list, const char *key, const char *path, struct arena *arena,
                      struct opt_list *out) {
    out->n = (int64_t)json_array_size(list);
    out->items = arena_alloc(arena, (size_t)out->n + 1, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < out->n; i++) {
        const char *name = json_string_value(json_array_get(list, (size_t)i));
        if (!name) return fail(ERR_PARSE, "'%s': '%s' item %ld is no name", path, key, (long)i + 1);
        out->items[i] = arena_strdup(arena, name);
        if (!out->items[i]) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err read_targets(const json_t *config, const char *path, struct arena *arena,
                        struct opt_list *out) {
    const json_t *value = json_object_get(config, "target_modules");
    if (json_is_array(value)) return read_names(value, "target_modules", path, arena, out);
    if (!json_is_string(value) || strcmp(json_string_value(value), "all-linear") != 0)
        return fail(ERR_UNSUPPORTED, "'%s': 'target_modules' is no list of names", path);
    out->n = 1;
    out->items = arena_alloc(arena, 1, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    out->items[0] = arena_strdup(arena, "linear");
    return out->items[0] ? ERR_OK : ERR_MEMORY;
}

static err read_modules(const json_t *config, const char *path, struct arena *arena,
                        struct opt_list *out) {
    const json_t *value = json_object_get(config, "modules_to_save");
    if (!value || is_off(value)) return ERR_OK;
    if (!json_is_array(value))
        return fail(ERR_PARSE, "'%s': 'modules_to_save' is no list of names", path);
    return read_names(value, "modules_to_save", path, arena, out);
}

/* The kind whose peft_type it is and whose flag is on; else the one without a flag. */
static err read_type(const json_t *config, const char *path, struct adapter_options *out) {
    const char *type;
    TRY(json_need_string(config, "peft_type", &type));
    for (int i = 0; i < n_adapter_kinds; i++) {
        const struct adapter_kind *kind = adapter_kinds[i];
        const bool on = kind->peft_flag && json_is_true(json_object_get(config, kind->peft_flag));
        if (strcmp(kind->peft_type, type) != 0 || (kind->peft_flag && !on)) continue;
        if (on || !out->type) out->type = kind->name;
    }
    if (out->type) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "'%s': peft_type '%s' is not handled", path, type);
}

/* {"module": number} as the options hold it. */
static err read_pattern(const json_t *config, const char *key, const char *path,
                        struct arena *arena, struct opt_list *out) {
    json_t *object = json_object_get(config, key), *value;
    const char *module;
    if (!object || is_off(object)) return ERR_OK;
    if (!json_is_object(object)) return fail(ERR_PARSE, "'%s': '%s' is no object", path, key);
    out->items = arena_alloc(arena, json_object_size(object), sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    json_object_foreach(object, module, value) {
        if (!json_is_number(value))
            return fail(ERR_PARSE, "'%s': '%s' of '%s' is no number", path, module, key);
        const char *item = arena_printf(arena, "%s: %.17g", module, json_number_value(value));
        if (!item) return ERR_MEMORY;
        out->items[out->n++] = item;
    }
    return ERR_OK;
}

/* Other initialisations than PEFT's plain ones change the base weights as well. */
static err check_init(const json_t *config, const char *path) {
    const json_t *init = json_object_get(config, "init_lora_weights");
    if (!init || json_is_boolean(init)) return ERR_OK;
    const char *name = json_string_value(init);
    if (name && !strcmp(name, "gaussian")) return ERR_OK;
    err e = fail(ERR_UNSUPPORTED, "'%s': 'init_lora_weights' %s is not handled", path,
                 name ? name : "of that kind");
    return fail_hint(e, "it stands on a changed base; PEFT converts it to a plain LoRA when saved "
                        "with 'path_initial_model_for_weight_conversion'");
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
    TRY(read_pattern(config, "rank_pattern", path, arena, &out->rank_pattern));
    TRY(read_pattern(config, "alpha_pattern", path, arena, &out->alpha_pattern));
    TRY(read_modules(config, path, arena, &out->modules_to_save));
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
