/* SPDX-License-Identifier: Apache-2.0
 * A release's recipe once more, so that it runs somewhere else: base and inputs where they lie now,
 * and what a teacher made as sources like others, since it cannot be asked again. Nothing else is
 * changed, so everything that training depends on stays as it was.
 * Read next: cli/reproduce.h, release/sources.h. */
#ifndef COTRAIN_CLI_REPRODUCE_RECIPE_H
#define COTRAIN_CLI_REPRODUCE_RECIPE_H

#include "base/json.h"

struct reproduce_recipe {
    const char *dir, *base;           /* of the release; of the base model */
    const char *datasets;             /* folder of the published suites' files; NULL: looked for */
    const json_t *manifest, *sources; /* of the release */
    const json_t *missing;            /* inputs that are not there, by key (sources_restore) */
    const char *path;                 /* where to write; inputs lie in sources/ beside it */
};
struct reproduce_recipe_result {
    int64_t n_made;      /* sources that a teacher made, the last ones */
    bool evaluates;      /* nothing that the evaluations need is missing */
    const char *why_not; /* of `missing`, or constant */
};
/* ERR_MISSING where an input is missing that training depends on, saying which and why. */
MUST_CHECK err reproduce_recipe_write(const struct reproduce_recipe *r,
                                      struct reproduce_recipe_result *out);
/* The base's path as the recipe says it, appended. */
MUST_CHECK err reproduce_recipe_base(const char *dir, struct str *out);

#endif
