/* SPDX-License-Identifier: Apache-2.0
 * Reading config.json by the rows of config.def: each known key is honoured, has no effect on the
 * numbers, or is refused by name where it asks for what this program does not compute.
 * Any other key is kept and not judged: the released configs and the tools that rewrite them carry
 * dozens that no model code reads, and new ones come with every version. A key that changed a
 * model's tensors would be noticed by their names and shapes; those that other families have and
 * that would change nothing but numbers are in the table.
 * Sizes have upper bounds so that products of them cannot overflow later. */
#include "model/config.h"
#include "model/params_int.h"
#include "model/quantised_int.h"
#include <stddef.h>
#include <string.h>

enum key_kind { KEY_INT, KEY_NUMBER, KEY_FLAG, KEY_SAME, KEY_QUANT, KEY_FIXED };

struct key {
    const char *name;
    enum key_kind kind;
    size_t offset;     /* of its field */
    const char *other; /* KEY_INT: the key that counts where this one is absent, or NULL */
    double min, max;
    bool needed;
    const char *only; /* KEY_FIXED: the one accepted value, as JSON */
};

#define AT(field) offsetof(struct model_config, field)
static const struct key keys[] = {
#define INT_KEY(key, field, other, min, max, needed, ...)                                          \
    {key, KEY_INT, AT(field), other, min, max, needed, NULL},
#define NUMBER_KEY(key, field, min, max, ...)                                                      \
    {key, KEY_NUMBER, AT(field), NULL, min, max, false, NULL},
#define FLAG_KEY(key, field, ...) {key, KEY_FLAG, AT(field), NULL, 0, 0, false, NULL},
#define SAME_KEY(key, field, ...) {key, KEY_SAME, AT(field), NULL, 0, 0, false, NULL},
#define QUANT_KEY(key, field, ...) {key, KEY_QUANT, AT(field), NULL, 0, 0, false, NULL},
#define FIXED_KEY(key, only, ...) {key, KEY_FIXED, 0, NULL, 0, 0, false, only},
#define IDLE_KEY(...)
#include "model/config.def"
#undef IDLE_KEY
#undef FIXED_KEY
#undef QUANT_KEY
#undef SAME_KEY
#undef FLAG_KEY
#undef NUMBER_KEY
#undef INT_KEY
};
#undef AT

/* The key's value, or NULL where it is absent or null. */
static const json_t *value_of(const json_t *json, const char *key) {
    const json_t *value = json_object_get(json, key);
    return value && !json_is_null(value) ? value : NULL;
}

static err read_int(const struct key *k, const json_t *json, void *field) {
    const char *name = k->name;
    const json_t *value = value_of(json, name);
    if (!value && k->other) value = value_of(json, name = k->other);
    if (!value) return k->needed ? fail(ERR_MISSING, "no '%s'", k->name) : ERR_OK;
    if (!json_is_integer(value)) return fail(ERR_PARSE, "'%s' is not a whole number", name);
    int64_t number = json_integer_value(value);
    if (number < (int64_t)k->min || number > (int64_t)k->max)
        return fail(ERR_RANGE, "'%s' is %lld, allowed are %lld to %lld", name, (long long)number,
                    (long long)k->min, (long long)k->max);
    memcpy(field, &number, sizeof number);
    return ERR_OK;
}

static err read_number(const struct key *k, const json_t *value, void *field) {
    if (!json_is_number(value)) return fail(ERR_PARSE, "'%s' is not a number", k->name);
    double number = json_number_value(value);
    if (!(number >= k->min && number <= k->max))
        return fail(ERR_RANGE, "'%s' is %g, allowed are %g to %g", k->name, number, k->min, k->max);
    memcpy(field, &number, sizeof number);
    return ERR_OK;
}

static err read_flag(const struct key *k, const json_t *value, void *field) {
    if (!json_is_boolean(value)) return fail(ERR_PARSE, "'%s' is neither true nor false", k->name);
    bool flag = json_is_true(value);
    memcpy(field, &flag, sizeof flag);
    return ERR_OK;
}

static err check_same(const struct key *k, const json_t *value, const void *field) {
    int64_t only;
    memcpy(&only, field, sizeof only);
    if (json_is_integer(value) && json_integer_value(value) == only) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "'%s': only %lld is handled with the other keys", k->name,
                (long long)only);
}

static err check_fixed(const struct key *k, const json_t *value) {
    json_t *only;
    TRY(json_parse(k->only, strlen(k->only), k->name, &only));
    bool same = json_is_number(value) && json_is_number(only)
                    ? json_number_value(value) == json_number_value(only)
                    : json_equal(value, only);
    json_decref(only);
    if (same) return ERR_OK;
    if (strcmp(k->only, "null") == 0) return fail(ERR_UNSUPPORTED, "'%s' is not handled", k->name);
    return fail(ERR_UNSUPPORTED, "'%s': only %s is handled", k->name, k->only);
}

static err read_key(struct model_config *c, const struct key *k, const json_t *json) {
    void *field = (char *)c + k->offset;
    const json_t *value = value_of(json, k->name);
    if (k->kind == KEY_INT) return read_int(k, json, field);
    if (!value) return ERR_OK;
    switch (k->kind) {
    case KEY_NUMBER: return read_number(k, value, field);
    case KEY_FLAG: return read_flag(k, value, field);
    case KEY_SAME: return check_same(k, value, field);
    case KEY_QUANT: return quant_config_read(value, &c->quant);
    default: return check_fixed(k, value);
    }
}

static err check_token(const char *key, int64_t id, int64_t vocab_size) {
    if (id >= vocab_size)
        return fail(ERR_RANGE, "'%s' %lld is not below vocab_size %lld", key, (long long)id,
                    (long long)vocab_size);
    return ERR_OK;
}

static err read_kind(struct model_config *c, const json_t *json, bool same) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if ((keys[i].kind == KEY_SAME) == same) TRY(read_key(c, &keys[i], json));
    return ERR_OK;
}

/* The keys that must be as others decide come last. */
static err read_keys(struct model_config *c, const json_t *json) {
    if (!json_is_object(json)) return fail(ERR_PARSE, "not an object");
    TRY(read_kind(c, json, false));
    if (c->hidden_size % (2 * c->n_heads))
        return fail(ERR_RANGE, "hidden_size %lld does not give %lld heads of an even size",
                    (long long)c->hidden_size, (long long)c->n_heads);
    c->head_size = c->hidden_size / c->n_heads;
    if (c->pad < 0) c->pad = c->eod; /* as every released config has it */
    TRY(check_token("eod_token", c->eod, c->vocab_size));
    TRY(check_token("sep_token", c->sep, c->vocab_size));
    TRY(check_token("pad_token_id", c->pad, c->vocab_size));
    return read_kind(c, json, true);
}

err model_config_parse(struct model_config *c, json_t *json) {
    *c = (struct model_config){
        .sep = -1,
        .pad = -1,
        .rms_norm_eps = 1e-6,
        .lfa_norm_eps = 1e-6,
        .rope_base = 10000,
        .tied_head = true,
        .initializer_range = 0.02,
    };
    TRY(read_keys(c, json));
    c->json = json_incref(json);
    return ERR_OK;
}

err model_config_read(struct model_config *c, const char *path) {
    json_t *json;
    *c = (struct model_config){0};
    TRY(json_parse_file(path, &json));
    err code = model_config_parse(c, json);
    json_decref(json);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}

void model_config_release(struct model_config *c) {
    json_decref(c->json);
    c->json = NULL;
}

/* A field as JSON; new. */
static json_t *field_json(const struct key *k, const struct model_config *c) {
    const void *field = (const char *)c + k->offset;
    int64_t whole;
    double number;
    bool flag;
    switch (k->kind) {
    case KEY_INT: memcpy(&whole, field, sizeof whole); return json_integer(whole);
    case KEY_NUMBER: memcpy(&number, field, sizeof number); return json_real(number);
    default: memcpy(&flag, field, sizeof flag); return json_boolean(flag);
    }
}

static err add_difference(const struct key *k, json_t *a, json_t *b, json_t *out) {
    if (!a || !b) return fail(ERR_MEMORY, "out of memory while comparing configs");
    if (json_equal(a, b)) return ERR_OK;
    json_t *both = json_object();
    TRY(json_put(out, k->name, both));
    TRY(json_put(both, "preset", json_incref(a)));
    return json_put(both, "here", json_incref(b));
}

err model_config_differences(const struct model_config *a, const struct model_config *b,
                             json_t *out) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct key *k = &keys[i];
        if (k->kind != KEY_INT && k->kind != KEY_NUMBER && k->kind != KEY_FLAG) continue;
        json_t *one = field_json(k, a), *other = field_json(k, b);
        err code = add_difference(k, one, other, out);
        json_decref(one);
        json_decref(other);
        TRY(code);
    }
    return ERR_OK;
}

int64_t model_config_parameters(const struct model_config *c) {
    int64_t total = 0;
    for (int64_t i = 0; i < param_spec_count(c); i++) {
        struct param_spec spec = param_spec_at(c, i);
        total += spec.shape[0] * spec.shape[1] * spec.shape[2] * spec.shape[3];
    }
    return total;
}
