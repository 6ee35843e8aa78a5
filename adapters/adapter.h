/* SPDX-License-Identifier: Apache-2.0
 * Adapters: small trained parts beside frozen projections. One file and one line of adapters.def
 * each. Semantics and file names are PEFT's, so a folder written here loads there. Attached to the
 * model's projections (model/projection.h).
 * Read next: adapters/adapter_int.h, adapters/lora.c. */
#ifndef COTRAIN_ADAPTERS_ADAPTER_H
#define COTRAIN_ADAPTERS_ADAPTER_H

#include "base/opt.h"
#include "model/model.h"

struct adapter_options { /* the recipe's `adapter` section */
    const char *type;    /* "lora", "dora", or "none" for full fine-tuning */
    int64_t r;
    double lora_alpha, lora_dropout;
    bool use_rslora;                /* scale lora_alpha / sqrt(r) instead of lora_alpha / r */
    struct opt_list target_modules; /* "all", "linear", or last components of module names */
    const char *use_dora;           /* "true": PEFT's spelling of type "dora"; else NULL */
    const char *init_lora_weights;  /* a row of adapters/inits.def, by name; NULL: the first */
    /* "module: number", the module as adapters/pattern.h reads it; the first that matches counts */
    struct opt_list rank_pattern, alpha_pattern;
    struct opt_list modules_to_save; /* ends of paths; trained whole (adapters/modules.c) */
};
struct opt_table adapter_options_table(void);
/* What a model is not needed for: names that are known, patterns that can be read, settings that go
 * together. */
MUST_CHECK err adapter_options_check(const struct adapter_options *options);
/* Name and summary of the i-th kind of adapter, or initialisation, or NULL behind the last. */
const char *adapter_kind_at(int i, const char **out_summary);
const char *adapter_init_at(int i, const char **out_summary);
bool adapter_wanted(const struct adapter_options *options); /* false: type "none" */

struct adapter; /* attached to one model */

/* Attaches a freshly initialised adapter; `seed` keys its start (adapters/inits/). Call between
 * model_open and model_plan: what `modules_to_save` means is marked as trained in the model. A name
 * that means nothing there is ERR_MISSING. */
MUST_CHECK err adapter_new(struct adapter **out, struct model *m,
                           const struct adapter_options *options, uint64_t seed);
/* Attaches a saved PEFT folder (adapter_config.json and adapter_model.safetensors). Settings that
 * would change the numbers and are not handled are ERR_UNSUPPORTED by name. */
MUST_CHECK err adapter_open(struct adapter **out, struct model *m, const char *dir);
void adapter_free(struct adapter *a); /* detaches it from the model; NULL is fine */
/* After model_plan into the same plan; like that it may be called again. */
MUST_CHECK err adapter_plan(struct adapter *a, struct plan *plan, bool train);
/* Places the parameters and gives them their first values: the saved ones, or fresh ones, which may
 * depend on the weights. After model_start. Unless planned for training, the values stay as they
 * are from the first forward pass on. */
MUST_CHECK err adapter_start(struct adapter *a, const struct plan *plan);
/* Trainable parameters under their PEFT names (module order, lora_A before lora_B). All are marked
 * as trained; one that is unmarked before the plan is made stays as it starts. */
struct param *adapter_params(struct adapter *a, int64_t *out_n);
/* Multiplications a token that a step does for the low ranks, forward and backward: in products of
 * their own, as narrow as the rank, and as part of the model's. */
struct adapter_cost {
    double narrow, joined;
};
struct adapter_cost adapter_cost(const struct adapter *a);
/* The tensors of the adapter's file: those parameters, then what `modules_to_save` means in the
 * model; with their names there. */
int64_t adapter_n_tensors(const struct adapter *a);
const struct param *adapter_tensor(const struct adapter *a, int64_t i, const char **out_name);
const struct adapter_options *adapter_settings(const struct adapter *a);
/* Writes adapter_config.json and adapter_model.safetensors into a folder that exists; the same
 * values give the same bytes. An adapter whose start was taken out of the base (PiSSA) is written
 * as the plain LoRA of twice the rank that does the same to the base as it is published:
 * A = [A; A0], B = [B, -B0]. */
MUST_CHECK err adapter_save(const struct adapter *a, const char *dir, const char *base_model_name);
/* Reads what adapter_save wrote for an adapter with the same options back into a started one, to
 * go on training: the same bits. */
MUST_CHECK err adapter_restore(struct adapter *a, const char *dir);
/* The adapted weight of projection `p` in fp32; `weight` (out,in) holds W on entry, in host memory.
 * No-op without an adapter. */
MUST_CHECK err adapter_merge(const struct adapter *a, const struct projection *p, float *weight);
/* model_save with every adapted weight merged in fp32 and then rounded to the dtype it came in
 * (bf16 where that is quantised). The base's weights are its file's, also where they were quantised
 * for the run only: the merge equals one by hand. The folder appears whole or not at all, with the
 * base folder's other files (tokenizer, model code; not its README). One that exists is ERR_EXISTS.
 * `a` NULL: the model's present values. */
MUST_CHECK err adapter_save_merged(struct model *m, const struct adapter *a, const char *base_dir,
                                   const char *dir);
/* The same with more said. A folder that `look` refuses never appears; it sees it whole, by another
 * name. */
struct merged_form {
    MUST_CHECK err (*look)(void *ctx, const char *dir); /* NULL: nobody looks */
    void *ctx;
    int64_t shard_bytes; /* of a weight file at most; 0: 5 GB, which every hub takes */
};
MUST_CHECK err adapter_save_merged_as(struct model *m, const struct adapter *a,
                                      const char *base_dir, const char *dir,
                                      const struct merged_form *form);

#endif
