/* SPDX-License-Identifier: Apache-2.0
 * Answers to a month's requesters: drafted from what the files say of each request, kept as files,
 * and posted only on demand. Each draft is of one kind (issues/reply/replies.def); a request gets a
 * new one when its fate changes, and the older ones stay.
 *   replies/MONTH/ISSUE-COMMENT.KIND.md      the draft; a person may edit it
 *   replies/MONTH/ISSUE-COMMENT.KIND.json    what GitHub answered when it was posted
 * Read next: issues/reply/reply.h. */
#ifndef COTRAIN_CLI_MONTH_REPLIES_H
#define COTRAIN_CLI_MONTH_REPLIES_H

#include "issues/record.h"

struct month_reply {
    const struct record *record;
    const char *path;      /* of the draft, relative to the program */
    const char *json_path; /* of GitHub's answer */
    bool posted;
};
struct month_replies_result {
    struct record_list records; /* released by the caller */
    struct month_reply *items;
    int64_t n, n_new; /* drafts that are due; those that were not there */
};
/* Drafts what is due for every request of the month and every one that its plan has, in one commit
 * dated `today`. A draft that is there stays as it is. `month` and `today` as in programme.h. */
struct month_replies {
    struct program *program;
    const char *month, *today;
    const char *id; /* only this request; NULL: all */
};
MUST_CHECK err month_replies_draft(const struct month_replies *m, struct arena *a,
                                   struct month_replies_result *out);
/* Posts a draft, unless the thread has it already, and commits what GitHub answered. */
struct github;
MUST_CHECK err month_reply_post(const struct month_replies *m, struct github *github,
                                struct arena *a, struct month_reply *reply);

#endif
