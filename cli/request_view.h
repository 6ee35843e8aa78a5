/* SPDX-License-Identifier: Apache-2.0
 * A request as a reviewer sees it: what was asked, what is missing, what to look at before it is
 * published, what says nearly the same, and what has been decided. Shared by `issues show` and
 * `issues review`.
 * Read next: issues/review.h. */
#ifndef COTRAIN_CLI_REQUEST_VIEW_H
#define COTRAIN_CLI_REQUEST_VIEW_H

#include "base/json.h"
#include "issues/review.h"

struct request_view {
    const struct program *program;
    const struct record_list *all;
    struct arena *arena;
    bool whole; /* the post's own text, too */
};
MUST_CHECK err request_view_text(const struct request_view *v, const struct record *r,
                                 struct str *out);
/* The same as JSON; the caller json_decref()s. */
MUST_CHECK err request_view_json(const struct request_view *v, const struct record *r,
                                 json_t **out);

#endif
