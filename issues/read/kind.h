/* SPDX-License-Identifier: Apache-2.0
 * What kind of post it is, and why. Who wrote it comes first, then what it holds, then what its
 * sentences speak of.
 * Read next: issues/read/kinds.def. */
#ifndef COTRAIN_ISSUES_READ_KIND_H
#define COTRAIN_ISSUES_READ_KIND_H

#include "issues/read/words.h"

struct verdict {
    enum post_kind kind;
    bool labelled;   /* a request read by its labels */
    bool collecting; /* it stands where the programme collects */
    const char *reason;
};
MUST_CHECK err post_judge(const struct words *w, const struct reading_context *context,
                          struct arena *a, struct verdict *out);

#endif
