/* SPDX-License-Identifier: Apache-2.0
 * Shape and settings of a Yuan 2.0 model, read from a checkpoint's config.json (HF key names).
 * Which keys there are and what becomes of each is model/config.def; all are kept in `json` so
 * that a release writes them back. */
#ifndef COTRAIN_MODEL_CONFIG_H
#define COTRAIN_MODEL_CONFIG_H

#include "base/err.h"
#include "base/json.h"
#include "compute/quant.h"
#include <stdbool.h>
#include <stdint.h>

struct model_config {
    int64_t vocab_size, hidden_size, intermediate_size, n_layers, n_heads, head_size;
    int64_t max_positions;
    int64_t eod, sep, pad; /* token ids; sep -1 when the config has none */
    double rms_norm_eps;   /* input, post-attention and final norms */
    double lfa_norm_eps;   /* always 1e-6: the released code ignores the config here */
    double rope_base;      /* 10000 */
    bool tied_head;
    bool shareqk;              /* queries and keys share one projection; no localized filter */
    const struct quant *quant; /* type of the quantised projections; NULL: none are */
    double initializer_range;
    json_t *json; /* the object that was read, with all its keys; owned */
};

/* From an object in HF key names, which the config refers to from then on (the caller keeps its own
 * reference, and must not change the object). On failure nothing needs releasing. */
MUST_CHECK err model_config_parse(struct model_config *c, json_t *json);
/* The same from a file, which an error names. */
MUST_CHECK err model_config_read(struct model_config *c, const char *path);
void model_config_release(struct model_config *c);
/* {key: {"preset": a's value, "here": b's}} for each key that the config is read by and that is not
 * the same in both, added to `out`. */
MUST_CHECK err model_config_differences(const struct model_config *a, const struct model_config *b,
                                        json_t *out);
/* Parameters, with the tied head counted once. */
int64_t model_config_parameters(const struct model_config *c);

#endif
