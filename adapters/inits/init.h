/* SPDX-License-Identifier: Apache-2.0
 * How the low-rank pair of a site starts, as the recipe's `init_lora_weights` names it in PEFT's
 * spelling. One file and one line of adapters/inits.def each.
 * Read next: adapters/inits/kaiming.c, the pattern. */
#ifndef COTRAIN_ADAPTERS_INITS_INIT_H
#define COTRAIN_ADAPTERS_INITS_INIT_H

#include "adapters/adapter_int.h"

struct adapter_init {
    const char *name; /* "true", "gaussian", "pissa" */
    const char *summary;
    bool counted; /* `<name>_niter_N` is a spelling too */
    /* s B A of the start is not 0 but a part of W, and the base is left with the rest of it
     * (adapters/residual.c). */
    bool takes_out;
    /* What `fill` needs in the backend's memory for the site (NULL: nothing). */
    size_t (*work_bytes)(const struct adapter_site *site);
    /* First values, in host memory: a (R,in), b (out,R), both zero on entry. `work` is the
     * backend's memory. The model has been started. */
    MUST_CHECK err (*fill)(const struct adapter_site *site, void *work, float *a, float *b);
};

/* NULL is the default. An unknown name is ERR_UNSUPPORTED. */
MUST_CHECK err adapter_init_find(const char *name, const struct adapter_init **out,
                                 int64_t *out_rounds);

#endif
