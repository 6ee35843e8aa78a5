/* SPDX-License-Identifier: Apache-2.0
 * A model brought up for one command: backend, weights, an adapter where one is named, and their
 * memory in one plan. Shared by `model probe`, `generate` and `chat`.
 * Read next: model/model.h, adapters/adapter.h. */
#ifndef COTRAIN_CLI_LOADED_H
#define COTRAIN_CLI_LOADED_H

#include "adapters/adapter.h"
#include "data/tokens/tokenizer.h"
#include "model/model.h"

struct loaded_options {
    const char *model_dir, *adapter_dir, *device; /* adapter_dir and device may be NULL */
    int64_t max_tokens;                           /* 0: only decoders will run */
    const struct tokenizer *tokenizer; /* that will be used with it, or NULL: must fit it */
    bool gradients;                    /* of the adapter where there is one, else of the model */
};

struct loaded {
    struct compute compute;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
};

/* On failure nothing needs closing. */
MUST_CHECK err loaded_open(struct loaded *l, const struct loaded_options *options);
void loaded_close(struct loaded *l);
/* What `gradients` asked for, with its name in files: the tensors of the adapter or the model's own
 * parameters. */
int64_t loaded_n_params(const struct loaded *l);
const struct param *loaded_param(const struct loaded *l, int64_t i, const char **out_name);

#endif
