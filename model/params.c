/* SPDX-License-Identifier: Apache-2.0
 * Expands params.def and projections.def for one config. Everything that walks a model's parameters
 * (opening, counting, fresh weights, saving) goes through here, so names and shapes stand once.
 * Read next: model/params_int.h. */
#include "model/params_int.h"

enum { N_BEFORE_LAYERS = 1 };

static const enum variant param_variants[LAYER_PARAM_COUNT] = {
#define TOP_PARAM(...)
#define HEAD_PARAM(...)
#define LAYER_PARAM(field, variant, ...) VARIANT_##variant,
#include "model/params.def"
#undef LAYER_PARAM
#undef HEAD_PARAM
#undef TOP_PARAM
};

bool param_present(const struct model_config *c, enum layer_param p) {
    return variant_has(c, param_variants[p]);
}

/* A layer's parameters before row `end`. */
static int64_t params_before(const struct model_config *c, int64_t end) {
    int64_t n = 0;
    for (int64_t i = 0; i < end; i++) n += variant_has(c, param_variants[i]);
    return n;
}

/* The row of a layer's parameter `number`. */
static int64_t layer_row(const struct model_config *c, int64_t number) {
    int64_t row = 0;
    while (!variant_has(c, param_variants[row]) || number-- > 0) row++;
    return row;
}

int64_t param_number_layer(const struct model_config *c, int64_t layer, enum layer_param p) {
    BUG_IF(!param_present(c, p));
    return N_BEFORE_LAYERS + layer * params_before(c, LAYER_PARAM_COUNT) + params_before(c, p);
}

int64_t param_number_final_norm(const struct model_config *c) {
    return N_BEFORE_LAYERS + c->n_layers * params_before(c, LAYER_PARAM_COUNT);
}

int64_t param_number_head(const struct model_config *c) {
    return c->tied_head ? PARAM_EMBEDDING : param_number_final_norm(c) + 1;
}

int64_t param_spec_count(const struct model_config *c) {
    return param_number_final_norm(c) + 1 + !c->tied_head;
}

/* Rows of the table: those outside the layers, then one for each of a layer's. */
enum { ROW_embedding, ROW_final_norm, ROW_head, ROW_LAYERS };

static int64_t row_of(const struct model_config *c, int64_t number) {
    if (number == PARAM_EMBEDDING) return ROW_embedding;
    if (number == param_number_final_norm(c)) return ROW_final_norm;
    if (number > param_number_final_norm(c)) return ROW_head;
    return ROW_LAYERS +
           layer_row(c, (number - N_BEFORE_LAYERS) % params_before(c, LAYER_PARAM_COUNT));
}

#define SPEC(name, dims, d0, d1, d2, d3, fresh_value)                                              \
    (struct param_spec) {                                                                          \
        name, layer, dims, {d0, d1, d2, d3}, FRESH_##fresh_value                                   \
    }
struct param_spec param_spec_at(const struct model_config *c, int64_t number) {
    const int64_t V = c->vocab_size, C = c->hidden_size, F = c->intermediate_size;
    BUG_IF(number < 0 || number >= param_spec_count(c));
    int64_t row = row_of(c, number);
    int64_t layer =
        row < ROW_LAYERS ? -1 : (number - N_BEFORE_LAYERS) / params_before(c, LAYER_PARAM_COUNT);
    switch (row) {
#define TOP_PARAM(field, ...)                                                                      \
    case ROW_##field:                                                                              \
        return SPEC(__VA_ARGS__);
#define HEAD_PARAM TOP_PARAM
#define LAYER_PARAM(field, variant, ...)                                                           \
    case ROW_LAYERS + LAYER_##field:                                                               \
        return SPEC(__VA_ARGS__);
#include "model/params.def"
#undef LAYER_PARAM
#undef HEAD_PARAM
#undef TOP_PARAM
    }
    bug_found(__FILE__, __LINE__, "a parameter without a row");
}
#undef SPEC

struct projection_spec projection_spec_at(const struct model_config *c, enum layer_projection i) {
    const int64_t C = c->hidden_size, F = c->intermediate_size;
    switch (i) {
#define PROJECTION(field, variant, module, weight, bias, in, out, y_stride, paired, kept)          \
    case PROJECTION_##field:                                                                       \
        return (struct projection_spec){module, weight,   bias,   in,                              \
                                        out,    y_stride, paired, KEEP_##kept};
#include "model/projections.def"
#undef PROJECTION
    case LAYER_PROJECTION_COUNT: break;
    }
    bug_found(__FILE__, __LINE__, "a projection without a row");
}

bool projection_present(const struct model_config *c, enum layer_projection i) {
    static const enum variant variants[LAYER_PROJECTION_COUNT] = {
#define PROJECTION(field, variant, ...) VARIANT_##variant,
#include "model/projections.def"
#undef PROJECTION
    };
    return variant_has(c, variants[i]);
}

bool param_is_linear(const struct model_config *c, int64_t number) {
    const int64_t row = row_of(c, number) - ROW_LAYERS;
    for (int i = 0; i < LAYER_PROJECTION_COUNT && row >= 0; i++) {
        const struct projection_spec spec = projection_spec_at(c, (enum layer_projection)i);
        if (spec.weight == (enum layer_param)row) return !spec.paired;
    }
    return false;
}

int64_t projection_count(const struct model_config *c) {
    int64_t n = 0;
    for (int i = 0; i < LAYER_PROJECTION_COUNT; i++)
        n += projection_present(c, (enum layer_projection)i);
    return n;
}
