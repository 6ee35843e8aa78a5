/* SPDX-License-Identifier: Apache-2.0
 * `recipe new --month`: the recipe of a programme's month. It stands apart from the command, which
 * a program built without the programme has, too.
 * Read next: cli/month_recipe.h. */
#ifndef COTRAIN_CLI_RECIPE_NEW_MONTH_H
#define COTRAIN_CLI_RECIPE_NEW_MONTH_H

#include "base/arena.h"
#include "base/err.h"

/* Prints the path of the recipe, or the lines of a conflict. `take`: "mine", "generated", NULL. */
MUST_CHECK err recipe_new_month(const char *program, const char *month, const char *take,
                                struct arena *arena);

#endif
