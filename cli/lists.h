/* SPDX-License-Identifier: Apache-2.0
 * The tables of `cotrain list`. A row is an object with "name" and "summary" and whatever else the
 * table says of it, in the order in which it is shown.
 * Read next: cli/cmd_list.c, which shows them. */
#ifndef COTRAIN_CLI_LISTS_H
#define COTRAIN_CLI_LISTS_H

#include "base/json.h"

struct list {
    const char *name, *summary;
    MUST_CHECK err (*rows)(json_t *out); /* appends to an array */
};
extern const struct list lists[];
extern const int n_lists;

#endif
