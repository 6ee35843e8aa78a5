/* SPDX-License-Identifier: Apache-2.0
 * The texts of a recipe that no row may hold, handed to data/ one by one: the cases of the
 * evaluation tasks that the recipe names, and the files of data.filter.forbidden. Held-out cases of
 * the requests are data's own and not among them.
 * Read next: data/text/leaks.h, what is done with them. */
#ifndef COTRAIN_CLI_FORBIDDEN_H
#define COTRAIN_CLI_FORBIDDEN_H

#include "cli/chain.h"
#include "data/text/leaks.h"

/* A source over the recipe, which must outlive it. Whether the files can be read is known when they
 * are. */
struct forbidden_source forbidden_of(const struct chain *c);

#endif
