/* SPDX-License-Identifier: Apache-2.0
 * Published shapes as whole configs: a model can be made from a name alone, and a checkpoint be
 * described by what it has different.
 * Which there are: model/presets.def. */
#ifndef COTRAIN_MODEL_PRESET_H
#define COTRAIN_MODEL_PRESET_H

#include "model/config.h"

struct preset {
    const char *name;
    int64_t n_layers, hidden_size, n_heads, intermediate_size, max_positions;
    const char *summary;
};
extern const struct preset presets[];
extern const int n_presets;

/* ERR_USAGE with the nearest name where there is none of that name. */
MUST_CHECK err preset_find(const char *name, const struct preset **out);
/* A config.json as published ones are, with every key that the released code needs. The caller
 * json_decref()s. */
MUST_CHECK err preset_json(const struct preset *p, json_t **out);
/* The same as a config. */
MUST_CHECK err preset_config(const struct preset *p, struct model_config *out);
/* The preset nearest in its number of parameters. */
MUST_CHECK err preset_nearest(const struct model_config *c, const struct preset **out);

#endif
