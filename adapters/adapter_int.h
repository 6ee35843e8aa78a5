/* SPDX-License-Identifier: Apache-2.0
 * What the files of adapters/ share: the attached adapter, and the table that a kind fills in.
 * A kind says which tensors it puts beside a projection and what they do; adapter.c plans, starts
 * and names them, peft.c stores them, so a new kind writes none of that.
 * Read next: adapters/lora.c, the pattern. */
#ifndef COTRAIN_ADAPTERS_ADAPTER_INT_H
#define COTRAIN_ADAPTERS_ADAPTER_INT_H

#include "adapters/adapter.h"
#include "model/formats/tensor_file.h"

/* A (R,in) and B (out,R) of the low-rank update come first in every kind. */
enum { ADAPTER_A, ADAPTER_B, ADAPTER_PAIR, ADAPTER_MAX_TENSORS = 3 };

struct adapter_site { /* one adapted projection; its adapter_state */
    struct adapter *adapter;
    struct projection *projection;
    struct param *params; /* adapter_kind.n_tensors of them, inside adapter.params */
    int64_t r;            /* rank; rank_pattern may set it apart */
    double scale;         /* s: alpha / r, or alpha / sqrt(r) with use_rslora */
    size_t start_at[ADAPTER_PAIR], norms_at; /* places in the plan */
    /* A and B as they started, where the start is taken out of the base (adapters/residual.c); NULL
     * elsewhere. */
    float *start[ADAPTER_PAIR];
    float *norms;    /* (out) row norms of a kind that has them (adapters/dora.c) */
    bool norms_hold; /* they belong to the present values */
};

struct adapter_kind {
    const char *name, *summary;
    /* In adapter_config.json: the type, and the key that is true for this kind and false for all
     * others of the type (NULL: none). */
    const char *peft_type, *peft_flag;
    int n_tensors;                             /* beside each projection */
    const char *suffixes[ADAPTER_MAX_TENSORS]; /* ".lora_A.weight": end of the tensor's file name */
    bool has_norms;                            /* each site keeps (out) floats for row norms */
    bool adds; /* it adds s B A to W and nothing else: such adapters may be summed */
    /* Sets n_dims and shape of tensor `which` of a site. */
    void (*shape)(const struct adapter_site *site, int which, struct param *out);
    /* First values of what is behind A and B, once those are in place (NULL: nothing is). */
    MUST_CHECK err (*start)(struct adapter_site *site);
    struct adapter_ops ops;
    /* `weight` (out,in), host memory, from W to what W and the site's tensors (`values`, host
     * memory) stand for. */
    MUST_CHECK err (*merge)(const struct adapter_site *site, float *const *values, float *weight);
};
extern const struct adapter_kind *const adapter_kinds[];
extern const int n_adapter_kinds;
/* The kind of `type` and `use_dora`. */
MUST_CHECK err adapter_kind_find(const struct adapter_options *options,
                                 const struct adapter_kind **out);

struct adapter_module { /* a parameter of the base that is trained with the adapter */
    struct param *param;
    const char *name; /* in the adapter's file */
};

struct adapter {
    const struct adapter_kind *kind;
    const struct adapter_init *init;
    int64_t init_rounds;            /* of `pissa_niter_N`; 0: none was given */
    struct adapter_options options; /* its texts are in `arena` */
    struct model *model;
    struct compute *compute;
    uint64_t seed;
    struct arena arena;
    struct adapter_site *sites;
    int64_t n_sites;
    struct param *params; /* site by site */
    int64_t n_params;
    struct adapter_module *modules; /* of modules_to_save, in checkpoint order */
    int64_t n_modules;
    size_t *value_at, *gradient_at; /* places in the plan; the latter where planned for training */
    size_t work_at;                 /* of the initialisation */
    bool trains;                    /* as it was planned */
    struct tensor_file *saved;      /* where the values come from; NULL: fresh */
};

/* The sites that the options mean, with rank, scale and named parameters (adapters/sites.c). A
 * pattern that means no site is ERR_MISSING where `strict`. */
MUST_CHECK err adapter_make_sites(struct adapter *a, bool strict);
/* Names that `target_modules: linear` and `all` stand for, in the order files list them. */
extern const char *const adapter_linear_targets[];
extern const int n_adapter_linear_targets;
extern const char *const adapter_filter_targets[];
extern const int n_adapter_filter_targets;
/* Whether a name stands for a projection of the model, which has those of its variant. */
bool adapter_has_target(const struct adapter *a, const char *target);
MUST_CHECK err adapter_check_patterns(const struct adapter_options *o); /* without a model */
/* "key: value", as the pattern lists hold them. `out_key` is in the arena. */
MUST_CHECK err adapter_pattern_parts(struct arena *arena, const char *item, const char **out_key,
                                     double *out_value);

/* Marks what `modules_to_save` means as trained, lists it in adapter.modules; takes the marks off;
 * checks that they are still there. */
MUST_CHECK err modules_mark(struct adapter *a);
void modules_unmark(struct adapter *a);
MUST_CHECK err modules_check(const struct adapter *a);

/* Whether one of the site's tensors is trained: the `trained` of every kind's adapter_ops. */
bool adapter_site_trained(const struct projection *p);
/* n numbers of the backend's memory in host memory (mem_alloc; the caller frees). */
MUST_CHECK err adapter_download(const struct adapter *a, const float *from, int64_t n, float **out);

/* A tensor's values in fp32 (mem_alloc; the caller frees). */
MUST_CHECK err adapter_read_tensor(const struct tensor_file *f, const struct tensor *t,
                                   float **out);

/* DIR/adapter_model.safetensors of the present values, one tensor in memory at a time. */
MUST_CHECK err stored_write(const struct adapter *a, const char *dir);
/* adapter_config.json of a folder into options (texts in `arena`). */
MUST_CHECK err peft_read_config(const char *dir, struct arena *arena, struct adapter_options *out);
/* The config's object for an attached adapter. The caller json_decref()s. */
MUST_CHECK err peft_config(const struct adapter *a, const char *base_model_name, json_t **out);

#endif
