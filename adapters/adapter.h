/* SPDX-License-Identifier: Apache-2.0
 * Adapters: small trained parts beside frozen projections. One file and one line of adapters.def each.
 * Semantics and file names are PEFT's, so a folder written here loads there.
 * Attached to the model's projections (model/projection.h); read next: adapters/lora.c. */
#ifndef COTRAIN_ADAPTERS_ADAPTER_H
#define COTRAIN_ADAPTERS_ADAPTER_H

#include "base/opt.h"
#include "model/model.h"

struct adapter_options { /* the recipe's `adapter` section */
    const char *type;    /* "lora", or "none" for full fine-tuning */
    int64_t r;
    double lora_alpha, lora_dropout;
    struct opt_list target_modules; /* "all", "linear", or last components of module names */
};
struct opt_table adapter_options_table(void);

struct adapter; /* attached to one model */

struct adapter_kind {
    const char *name, *summary;
    MUST_CHECK err (*attach)(struct adapter *a, uint64_t seed);
    MUST_CHECK err (*merge)(const struct adapter *a, const struct projection *p, float *weight);
    MUST_CHECK err (*save_config)(const struct adapter *a, json_t *config);
};
extern const struct adapter_kind *const adapter_kinds[];
extern const int n_adapter_kinds;

/* Attaches a freshly initialised adapter; `seed` keys A's Kaiming-uniform start, B starts at 0. Call
 * between model_open and model_plan. */
MUST_CHECK err adapter_new(struct adapter **out, struct model *m, const struct adapter_options *options,
                           uint64_t seed);
/* Attaches a saved PEFT folder (adapter_config.json and adapter_model.safetensors). */
MUST_CHECK err adapter_open(struct adapter **out, struct model *m, const char *dir);
void adapter_free(struct adapter *a);
MUST_CHECK err adapter_plan(struct adapter *a, struct plan *plan, bool train);
MUST_CHECK err adapter_start(struct adapter *a, const struct plan *plan);
/* Trainable parameters under their PEFT names (module order, lora_A before lora_B). */
struct param *adapter_params(struct adapter *a, int64_t *out_n);
MUST_CHECK err adapter_save(const struct adapter *a, const char *dir, const char *base_model_name);
/* W + s B A in fp32 for projection `p`; `weight` (out,in) holds W on entry. No-op without an adapter. */
MUST_CHECK err adapter_merge(const struct adapter *a, const struct projection *p, float *weight);

#endif
