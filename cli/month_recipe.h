/* SPDX-License-Identifier: Apache-2.0
 * A month's recipe out of its plan: every planned request with its weight, its examples and its
 * held-out cases, and what the requests demand of the release. What a person changes in it stays:
 * beside the recipe lies the text as it was generated, and a new one is merged into the recipe line
 * by line.
 *   recipes/MONTH/NAME-MONTH.yaml               the recipe
 *   recipes/MONTH/generated/NAME-MONTH.yaml     as it was generated last
 * Read next: issues/plan.h, recipes/write.h. */
#ifndef COTRAIN_CLI_MONTH_RECIPE_H
#define COTRAIN_CLI_MONTH_RECIPE_H

#include "issues/plan.h"

/* The text, appended; it names other files as seen from any folder two below the program's.
 * `digest`: of the base model; it reads all of it. */
MUST_CHECK err month_recipe_text(const struct program *p, const struct month_plan *plan,
                                 const struct record_list *all, bool digest, struct str *out);

struct month_recipe {
    struct program *program;
    const char *month;
    const struct record_list *all;
    const char *take; /* in a conflict: "mine" (the recipe as it is), "generated"; NULL: neither */
};
/* Writes, merges, checks and commits. A conflict is ERR_GATE, with the conflicting lines in
 * `conflicts` (appended) and nothing written. A month without a plan is ERR_MISSING; one that plans
 * nothing has no recipe: *out_path is NULL. The path is relative to the program, in the arena. */
MUST_CHECK err month_recipe_write(const struct month_recipe *m, struct arena *a,
                                  const char **out_path, struct str *conflicts);

/* Estimates what the plan's requests would train: rows and tokens over all epochs, and the memory
 * on the programme's machine; how fast this one is goes with it. Builds the dataset, so what would
 * stop the training later (a row too long, a case among the rows) is found while the month is
 * planned. */
MUST_CHECK err month_cost(struct program *p, const struct record_list *all, struct month_plan *plan,
                          double *out_tokens_per_second);

#endif
