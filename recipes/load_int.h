/* SPDX-License-Identifier: Apache-2.0
 * From files and --set texts to one merged tree (recipes/load.c), the first half of recipe_read.
 * Keys are brought to their own names first, or `lr` in a --set would not override `learning_rate`.
 */
#ifndef COTRAIN_RECIPES_LOAD_INT_H
#define COTRAIN_RECIPES_LOAD_INT_H

#include "recipes/recipe.h"

/* Sets r->top; NULL when there is nothing to go on with. An unreadable top file is the error
 * itself, everything else goes to r->faults. */
MUST_CHECK err recipe_load(struct recipe *r, const struct opt_list *sets,
                           const struct recipe_schema *schema);

#endif
