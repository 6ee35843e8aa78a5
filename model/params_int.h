/* SPDX-License-Identifier: Apache-2.0
 * The parameters and projections of a model, derived from its config and the two tables. Numbers of
 * parameters run: embedding, the layers' in the table's order, final norm, head (when not tied).
 * Read next: model/params.def and model/projections.def. */
#ifndef COTRAIN_MODEL_PARAMS_INT_H
#define COTRAIN_MODEL_PARAMS_INT_H

#include "model/config.h"

/* Where queries and keys come from, and so which rows of the tables a model has: two projections of
 * the localized filter's output, or one projection (use_shareqk). */
enum variant { VARIANT_ANY, VARIANT_FILTER, VARIANT_SHAREQK };
static inline bool variant_has(const struct model_config *c, enum variant row) {
    return row == VARIANT_ANY || (row == VARIANT_SHAREQK) == c->shareqk;
}

/* How much of a forward pass a layer keeps for its backward pass, each level more than the one
 * before. A row of acts.def or projections.def names the first level that it belongs to. */
enum keep {
    KEEP_NOTHING,   /* there will be no backward pass */
    KEEP_INPUT,     /* the residual stream, and what cannot be made without the last product */
    KEEP_ATTENTION, /* all but the feed-forward's inner rows */
    KEEP_ALL
};

/* Rows of the table; a model has those of its variant. */
enum layer_param {
#define TOP_PARAM(...)
#define HEAD_PARAM(...)
#define LAYER_PARAM(field, ...) LAYER_##field,
#include "model/params.def"
#undef LAYER_PARAM
#undef HEAD_PARAM
#undef TOP_PARAM
    LAYER_PARAM_COUNT,
    NO_PARAM = -1
};

enum layer_projection {
#define PROJECTION(field, ...) PROJECTION_##field,
#include "model/projections.def"
#undef PROJECTION
    LAYER_PROJECTION_COUNT
};

enum param_fresh { FRESH_NORMAL, FRESH_OUTPUT, FRESH_ONE, FRESH_ZERO };

struct param_spec {
    const char *suffix; /* the whole name outside the layers */
    int64_t layer;      /* -1 outside */
    int n_dims;
    int64_t shape[4]; /* 1 past n_dims */
    enum param_fresh fresh;
};
int64_t param_spec_count(const struct model_config *c);
struct param_spec param_spec_at(const struct model_config *c, int64_t number);

enum { PARAM_EMBEDDING = 0 };
bool param_present(const struct model_config *c, enum layer_param p);
/* The parameter must be there. */
int64_t param_number_layer(const struct model_config *c, int64_t layer, enum layer_param p);
/* The weight of a linear projection, which may be quantised; the filter's convolutions are none. */
bool param_is_linear(const struct model_config *c, int64_t number);
int64_t param_number_final_norm(const struct model_config *c);
int64_t param_number_head(const struct model_config *c); /* the embedding's when tied */

struct projection_spec {
    const char *module; /* below "model.layers.{i}." */
    enum layer_param weight, bias;
    int64_t in, out, y_stride;
    bool paired;
    enum keep kept;
};
struct projection_spec projection_spec_at(const struct model_config *c, enum layer_projection i);
bool projection_present(const struct model_config *c, enum layer_projection i);
int64_t projection_count(const struct model_config *c); /* of a layer */

#endif
