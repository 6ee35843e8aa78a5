/* SPDX-License-Identifier: Apache-2.0
 * What the files of adapters/ share: the attached adapter, and the table that a kind fills in.
 * A kind says which tensors it puts beside a projection and what they do; adapter.c plans, starts
 * and names them, peft.c stores them, so a new kind writes none of that.
 * Read next: adapters/lora.c, the pattern. */
#ifndef COTRAIN_ADAPTERS_ADAPTER_INT_H
#define COTRAIN_ADAPTERS_ADAPTER_INT_H

#include "adapters/adapter.h"
#include "model/formats/tensor_file.h"

enum { ADAPTER_MAX_TENSORS = 3 };

struct adapter_site { /* one adapted projection; its adapter_state */
    struct adapter *adapter;
    struct projection *projection;
    struct param *params; /* adapter_kind.n_tensors of them, inside adapter.params */
};

struct adapter_kind {
    const char *name, *summary;
    const char *peft_type;
    int n_tensors;                             /* beside each projection */
    const char *suffixes[ADAPTER_MAX_TENSORS]; /* ".lora_A.weight": end of the tensor's file name */
    /* Sets n_dims and shape of tensor `which` of a site. */
    void (*shape)(const struct adapter *a, const struct projection *p, int which,
                  struct param *out);
    /* Fresh values. */
    void (*init)(const struct adapter *a, const struct projection *p, int which, float *values);
    struct adapter_ops ops;
    /* Adds to `weight` (out,in) what the site's tensors (`values`, host memory) stand for. */
    void (*merge)(const struct adapter_site *site, float *const *values, float *weight);
};
extern const struct adapter_kind *const adapter_kinds[];
extern const int n_adapter_kinds;

struct adapter {
    const struct adapter_kind *kind;
    struct adapter_options options; /* its texts are in `arena` */
    struct model *model;
    struct compute *compute;
    uint64_t seed;
    struct arena arena;
    struct adapter_site *sites;
    int64_t n_sites;
    struct param *params; /* site by site */
    int64_t n_params;
    size_t *value_at, *gradient_at; /* places in the plan; gradient_at NULL: not trained */
    struct tensor_file *saved;      /* where the values come from; NULL: fresh */
};

/* Names that `target_modules: linear` and `all` stand for, in the order files list them. */
extern const char *const adapter_linear_targets[];
extern const int n_adapter_linear_targets;
extern const char *const adapter_filter_targets[];
extern const int n_adapter_filter_targets;
/* Whether a name stands for a projection of the model, which has those of its variant. */
bool adapter_has_target(const struct adapter *a, const char *target);

/* Whether one of the site's tensors is trained: the `trained` of every kind's adapter_ops. */
bool adapter_site_trained(const struct projection *p);
/* The parameter's values in host memory (mem_alloc; the caller frees). */
MUST_CHECK err adapter_values(const struct adapter *a, const struct param *p, float **out);

/* adapter_config.json of a folder into options (texts in `arena`). */
MUST_CHECK err peft_read_config(const char *dir, struct arena *arena, struct adapter_options *out);
/* The config's object for an attached adapter. The caller json_decref()s. */
MUST_CHECK err peft_config(const struct adapter *a, const char *base_model_name, json_t **out);

#endif
