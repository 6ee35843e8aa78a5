/* SPDX-License-Identifier: Apache-2.0
 * The stage `data` of a recipe: its requests and sources become a dataset folder. Shared by
 * `cotrain data build` and `cotrain run`.
 * Read next: data/build.h. */
#ifndef COTRAIN_CLI_DATA_STAGE_H
#define COTRAIN_CLI_DATA_STAGE_H

#include "cli/chain.h"

/* Builds the dataset with the base model's tokenizer, checked against its embedding rows; an
 * earlier dataset at `out_dir` is replaced. Encoded rows are kept in `cache_dir`, or where NULL is
 * given in COTRAIN_CACHE, or not at all. */
/* The same without what training asks of the rows, and without the limits of data.lint. */
MUST_CHECK err data_stage_build(const struct chain *c, const char *out_dir);
MUST_CHECK err data_stage(const struct chain *c, const char *out_dir, const char *cache_dir);

#endif
