/* SPDX-License-Identifier: Apache-2.0
 * The stage `gates` of a recipe: what its gates say of the work folder's evaluations.
 * Shared by `cotrain run` and `cotrain release pack`.
 * Read next: eval/gates.h, cli/work.h. */
#ifndef COTRAIN_CLI_GATE_STAGE_H
#define COTRAIN_CLI_GATE_STAGE_H

#include "cli/chain.h"
#include "cli/work.h"

/* Holds the gates and keeps what came of it as the work folder's eval/gates.json. One that says no
 * is ERR_GATE, after all of them were shown on standard output (`json`: as {"gates": [...]}). */
MUST_CHECK err gate_stage(const struct chain *c, const struct work *w, bool json);
/* Before anything is trained: whether every gate names what the evaluation before has. */
MUST_CHECK err gate_stage_possible(const struct chain *c, const struct work *w);
/* What was kept; the caller json_decref()s. */
MUST_CHECK err gate_stage_read(const struct work *w, json_t **out);

#endif
