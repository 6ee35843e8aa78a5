/* SPDX-License-Identifier: Apache-2.0
 * The rows of issues/read/cues.def and issues/read/phrases.def as patterns that are ready to be
 * searched for. Made once for each post, in its memory, since nothing here keeps state of its own.
 * Read next: issues/read/cues.h, issues/read/condense.h. */
#ifndef COTRAIN_ISSUES_READ_RULES_H
#define COTRAIN_ISSUES_READ_RULES_H

#include "issues/read/pattern.h"

struct rules {
    struct pattern *cues, *phrases; /* by row */
};
MUST_CHECK err rules_make(struct arena *a, struct rules *out);

#endif
