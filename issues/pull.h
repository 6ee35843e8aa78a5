/* SPDX-License-Identifier: Apache-2.0
 * From a collection to records: the month's posts are kept as GitHub gave them, read, and those
 * that are requests become files. What is there already stays as it is, whatever has been edited
 * on GitHub since: an edit is kept beside it and told, never read over a person's decision.
 *   collections/MONTH/posts.json     as issues/github/collect.h gives it, when first collected
 *   collections/MONTH/edited.json    {"items"}: newest state of those that were edited since
 * Read next: issues/github/collect.h, issues/read/reading.h, issues/record.h. */
#ifndef COTRAIN_ISSUES_PULL_H
#define COTRAIN_ISSUES_PULL_H

#include "base/json.h"
#include "issues/record.h"

struct pull_result {
    int64_t n_posts, n_requests, n_new; /* posts of the month; requests among them; new files */
    struct opt_list edited;             /* ids of requests edited on GitHub since they were read */
};

/* `collection` is what `collect` gave. Ends in one commit, dated the month's collection
 * day; texts of the result live in the arena. */
MUST_CHECK err pull_apply(struct program *p, const char *month, json_t *collection, struct arena *a,
                          struct pull_result *out);
/* Whether the month has been collected, to the end. */
MUST_CHECK err pull_done(const struct program *p, const char *month, bool *out);
/* What was edited since it was collected; it reads a month's file when that is first asked for. */
struct pull_edits {
    const struct program *program;
    char month[MONTH_SIZE];
    struct post_list posts;
};
/* The request's post as it stands now, or NULL where it was not edited; valid until the next call.
 * `edits` begins with its program alone; release it after a failure, too. */
MUST_CHECK err pull_edits_find(struct pull_edits *edits, const struct record *r,
                               const struct post **out);
void pull_edits_release(struct pull_edits *edits);
/* The programme's members and its collecting issue, for reading posts. */
void program_reading_context(const struct program *p, struct reading_context *out);

#endif
