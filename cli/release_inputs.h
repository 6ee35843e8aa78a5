/* SPDX-License-Identifier: Apache-2.0
 * What a recipe was run with beside its base model, as a list for a release to carry, and which of
 * it may be published:
 *   rows         where a licence is said and the recipe does not say `withhold`, unless filters
 *                took personal data out of them, or rows that are like sealed cases
 *   cases        unless they are sealed; rows that sealed cases were drawn from are withheld, too
 *   retention    likewise
 *   other files  (lists of words, evaluation sets, earlier months' rows) never: their hashes alone
 * Read next: release/sources.h. */
#ifndef COTRAIN_CLI_RELEASE_INPUTS_H
#define COTRAIN_CLI_RELEASE_INPUTS_H

#include "cli/chain.h"
#include "release/sources.h"

/* Without a dataset_dir (NULL), as before there is one, what filters took out is in no `withheld`.
 * `n_made` of the sources, the last ones, are a teacher's (expand_sources added them). Texts and
 * list live in `arena`. */
MUST_CHECK err release_inputs_list(const struct chain *c, const char *dataset_dir, int64_t n_made,
                                   struct arena *arena, struct release_inputs *out);

#endif
