/* SPDX-License-Identifier: Apache-2.0
 * The rows of issues/read/cues.def and issues/read/phrases.def as patterns that are ready to be
 * searched for. Made once for each post, in its memory, since nothing here keeps state of its own.
 * Read next: issues/read/cues.h, issues/read/condense.h. */
#ifndef COTRAIN_ISSUES_READ_RULES_H
#define COTRAIN_ISSUES_READ_RULES_H

#include "issues/read/pattern.h"

enum { RULES_NAME_SIZE = 32 };
struct rules {
    struct pattern *cues, *phrases; /* by row */
    char32_t
        name[RULES_NAME_SIZE]; /* of the model: the repository's, folded, up to a digit or mark */
};
/* `repository`: "OWNER/REPO", or NULL. */
MUST_CHECK err rules_make(const char *repository, struct arena *a, struct rules *out);

#endif
