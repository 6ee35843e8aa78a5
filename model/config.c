/* SPDX-License-Identifier: Apache-2.0
 * Reading config.json. The released configs carry many keys that the model code never reads; those
 * are kept and not judged. Keys that change the numbers are either understood here or refused by
 * name.
 * Sizes have upper bounds so that products of them cannot overflow later. */
#include "model/config.h"
#include "model/params_int.h"
#include <stddef.h>
#include <string.h>

/* Integer keys of config.json: X(field, key, fallback key, minimum, maximum, required). */
#define INT_KEYS(X)                                                                                \
    X(vocab_size, "vocab_size", NULL, 1, 1 << 27, true)                                            \
    X(hidden_size, "hidden_size", NULL, 2, 1 << 17, true)                                          \
    X(intermediate_size, "intermediate_size", NULL, 1, 1 << 20, true)                              \
    X(n_layers, "num_hidden_layers", NULL, 1, 4096, true)                                          \
    X(n_heads, "num_attention_heads", NULL, 1, 1 << 15, true)                                      \
    X(max_positions, "max_position_embeddings", "model_max_length", 1, 1 << 24, true)              \
    X(eod, "eod_token", "eod_token_id", 0, 1 << 27, true)                                          \
    X(sep, "sep_token", "sep_token_id", 0, 1 << 27, false)                                         \
    X(pad, "pad_token_id", NULL, 0, 1 << 27, false)

struct int_key {
    const char *key, *fallback;
    size_t offset;
    int64_t min, max;
    bool required;
};
static const struct int_key int_keys[] = {
#define X(field, key, fallback, min, max, required)                                                \
    {key, fallback, offsetof(struct model_config, field), min, max, required},
    INT_KEYS(X)
#undef X
};

static err read_int(const json_t *json, const struct int_key *k, struct model_config *c) {
    const char *key = k->key;
    const json_t *value = json_object_get(json, key);
    if ((!value || json_is_null(value)) && k->fallback) {
        key = k->fallback;
        value = json_object_get(json, key);
    }
    if (!value || json_is_null(value))
        return k->required ? fail(ERR_MISSING, "no '%s'", k->key) : ERR_OK;
    if (!json_is_integer(value)) return fail(ERR_PARSE, "'%s' is not a whole number", key);
    int64_t number = json_integer_value(value);
    if (number < k->min || number > k->max)
        return fail(ERR_RANGE, "'%s' is %lld, allowed are %lld to %lld", key, (long long)number,
                    (long long)k->min, (long long)k->max);
    memcpy((char *)c + k->offset, &number, sizeof number);
    return ERR_OK;
}

static err read_number(const json_t *json, const char *key, double *value) {
    const json_t *found = json_object_get(json, key);
    if (!found || json_is_null(found)) return ERR_OK;
    if (!json_is_number(found)) return fail(ERR_PARSE, "'%s' is not a number", key);
    double number = json_number_value(found);
    if (!(number >= 0 && number <= 1))
        return fail(ERR_RANGE, "'%s' is %g, allowed are 0 to 1", key, number);
    *value = number;
    return ERR_OK;
}

static err read_bool(const json_t *json, const char *key, bool *value) {
    const json_t *found = json_object_get(json, key);
    if (!found || json_is_null(found)) return ERR_OK;
    if (!json_is_boolean(found)) return fail(ERR_PARSE, "'%s' is neither true nor false", key);
    *value = json_is_true(found);
    return ERR_OK;
}

/* Keys that may only have the value the model code was written for. */
static err check_fixed(const json_t *json) {
    static const struct {
        const char *key, *only; /* the one accepted value, as compact JSON */
    } fixed[] = {
        {"model_type", "\"yuan\""}, {"hidden_act", "\"silu\""},     {"causal_mask", "true"},
        {"use_shareqk", "false"},   {"attention_bias", "false"},    {"mlp_bias", "false"},
        {"rope_theta", "10000"},    {"rope_scaling", "null"},       {"quantization_config", "null"},
        {"sliding_window", "null"}, {"partial_rotary_factor", "1"}, {"is_encoder_decoder", "false"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        json_t *value = json_object_get(json, fixed[i].key);
        if (!value || json_is_null(value)) continue;
        json_t *only = json_loads(fixed[i].only, JSON_DECODE_ANY, NULL);
        if (!only) return fail(ERR_MEMORY, "out of memory while reading a config");
        bool same = json_is_number(value) && json_is_number(only)
                        ? json_number_value(value) == json_number_value(only)
                        : json_equal(value, only);
        json_decref(only);
        if (!same)
            return fail(ERR_UNSUPPORTED, "'%s': only %s is handled", fixed[i].key, fixed[i].only);
    }
    return ERR_OK;
}

static err check_heads(const json_t *json, struct model_config *c) {
    if (c->hidden_size % (2 * c->n_heads))
        return fail(ERR_RANGE, "hidden_size %lld does not give %lld heads of an even size",
                    (long long)c->hidden_size, (long long)c->n_heads);
    c->head_size = c->hidden_size / c->n_heads;
    const json_t *kv = json_object_get(json, "num_key_value_heads");
    if (kv && !json_is_null(kv) && json_integer_value(kv) != c->n_heads)
        return fail(ERR_UNSUPPORTED,
                    "'num_key_value_heads': only the number of heads, %lld, is handled",
                    (long long)c->n_heads);
    return ERR_OK;
}

static err check_token(const char *key, int64_t id, int64_t vocab_size) {
    if (id >= vocab_size)
        return fail(ERR_RANGE, "'%s' %lld is not below vocab_size %lld", key, (long long)id,
                    (long long)vocab_size);
    return ERR_OK;
}

static err read_fields(struct model_config *c, const json_t *json) {
    if (!json_is_object(json)) return fail(ERR_PARSE, "not an object");
    for (size_t i = 0; i < sizeof int_keys / sizeof int_keys[0]; i++)
        TRY(read_int(json, &int_keys[i], c));
    TRY(check_fixed(json));
    TRY(check_heads(json, c));
    if (c->pad < 0) c->pad = c->eod; /* as every released config has it */
    TRY(check_token("eod_token", c->eod, c->vocab_size));
    TRY(check_token("sep_token", c->sep, c->vocab_size));
    TRY(check_token("pad_token_id", c->pad, c->vocab_size));
    TRY(read_number(json, "rms_norm_eps", &c->rms_norm_eps));
    TRY(read_number(json, "initializer_range", &c->initializer_range));
    TRY(read_bool(json, "tie_word_embeddings", &c->tied_head));
    TRY(read_bool(json, "reset_attention_mask", &c->reset_attention_mask));
    TRY(read_bool(json, "reset_position_ids", &c->reset_position_ids));
    return read_bool(json, "use_loss_mask", &c->use_loss_mask);
}

err model_config_read(struct model_config *c, const char *path) {
    *c = (struct model_config){
        .sep = -1,
        .pad = -1,
        .rms_norm_eps = 1e-6,
        .lfa_norm_eps = 1e-6,
        .rope_base = 10000,
        .tied_head = true,
        .initializer_range = 0.02,
    };
    TRY(json_parse_file(path, &c->json));
    err code = read_fields(c, c->json);
    if (code) {
        model_config_release(c);
        return fail_in(code, "'%s'", path);
    }
    return ERR_OK;
}

void model_config_release(struct model_config *c) {
    json_decref(c->json);
    c->json = NULL;
}

int64_t model_config_parameters(const struct model_config *c) {
    int64_t total = 0;
    for (int64_t i = 0; i < param_spec_count(c); i++) {
        struct param_spec spec = param_spec_at(c, i);
        total += spec.shape[0] * spec.shape[1] * spec.shape[2] * spec.shape[3];
    }
    return total;
}
