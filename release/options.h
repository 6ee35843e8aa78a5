/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `release` section: what the released model is called, under which licence, and what
 * its card says of it.
 * Read next: release/card.h, which writes it down. */
#ifndef COTRAIN_RELEASE_OPTIONS_H
#define COTRAIN_RELEASE_OPTIONS_H

#include "base/opt.h"
#include "release/signing.h"
#include "release/targets.h"

struct release_options {
    const char *name;         /* of the released model and its folder, "Yuan2-2B-Mars" */
    const char *license;      /* an SPDX identifier in lower case, or "license-yuan" */
    const char *license_link; /* NULL: none; license-yuan knows its own */
    const char
        *base_model; /* public name of the base for the card; NULL: the recipe's base_model.path */
    const char *summary;  /* one or two sentences for the card; NULL: none */
    const char *previous; /* folder of the release before, for the changelog; no part of the
                           * release's recipe either */
    struct opt_list languages;
    int64_t state_steps;      /* steps between the training states it carries; 0: none */
    int64_t max_shard_size;   /* bytes of a weight file; 0: 5 GB */
    struct opt_list formats;  /* of the merged model beside safetensors, release/formats.def */
    struct release_keys sign; /* whose keys they are is no part of the release: its recipe lacks
                               * them */
    struct release_target_list targets; /* where it is pushed to */
};
struct opt_table release_options_table(void);
/* Whether no format is asked for twice: ERR_RANGE. */
MUST_CHECK err release_formats_check(const struct opt_list *formats);

#endif
