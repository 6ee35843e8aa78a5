/* SPDX-License-Identifier: Apache-2.0
 * What packing would refuse of a recipe and is known before anything is built or trained: the
 * release's name and formats, the base model's other files, names of what the release carries, the
 * release before it, keys. Each question is the one that packing asks.
 * Read next: release/pack.h, cli/chain.h. */
#ifndef COTRAIN_CLI_PACKABLE_H
#define COTRAIN_CLI_PACKABLE_H

#include "cli/chain.h"

/* Records each as a fault of the recipe `r` at its key. No file is read but small ones of the base
 * and of the release before. A recipe without a `release` section is in order. */
MUST_CHECK err packable_check(const struct chain *c, struct recipe *r);

#endif
