/* SPDX-License-Identifier: Apache-2.0
 * What to change in a recipe whose training does not fit: each change of a table is made to the
 * recipe and planned, alone and then in pairs, the ones that cost the training least first. So
 * every line that is offered is known to fit, and says how many bytes it needs.
 * Read next: cli/planning.h. */
#ifndef COTRAIN_CLI_SMALLER_H
#define COTRAIN_CLI_SMALLER_H

#include "base/str.h"
#include "cli/memory.h"
#include "cli/planning.h"

struct smaller {
    const struct chain *chain;
    const struct opt_list *sets; /* of --set, that made the chain what it is; or NULL */
    const char *device, *preset; /* as in struct planned_for */
    struct data_bounds data;
    const struct memory_limit *limit;
};

/* Appends what would fit instead of `now`: lines "--set train.x=y   needs 5497558138 bytes (...)",
 * or the least that is possible. */
MUST_CHECK err smaller_recipes(const struct smaller *s, const struct fit *now, struct str *out);
/* ERR_LIMIT for a plan that does not fit, with those lines as its hint. */
MUST_CHECK err smaller_refuse(const struct smaller *s, const struct fit *fit);

#endif
