/* SPDX-License-Identifier: Apache-2.0
 * The stage `expand` of a recipe: synthesis by the teacher that the recipe names. Shared by
 * `cotrain data expand` and the chain; what it makes becomes further sources of the recipe.
 * Read next: data/synth/expand.h. */
#ifndef COTRAIN_CLI_EXPAND_STAGE_H
#define COTRAIN_CLI_EXPAND_STAGE_H

#include "cli/chain.h"
#include "data/synth/expand.h"

bool expand_wanted(const struct chain *c);
/* `out` as by expand(). */
MUST_CHECK err expand_stage(const struct chain *c, const char *dir, const char *device,
                            struct expand_result *out);
/* Adds the files that the stage has written to `dir`, or will, to the sources of their requests. */
MUST_CHECK err expand_sources(struct chain *c, const char *dir);
/* The report as a table. */
MUST_CHECK err expand_table(const struct expand_result *r, struct str *out);

#endif
