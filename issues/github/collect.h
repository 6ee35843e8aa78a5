/* SPDX-License-Identifier: Apache-2.0
 * What was posted in one span of time, mostly a month: comments of the collecting issue, and issues
 * with the programme's label; from GitHub, or from saved JSON of any shape that issues/post.h
 * reads. Everything is kept raw, judged is nothing: the result is the stored input of a plan.
 * Read next: issues/post.h, whose posts_add takes the result as it is. */
#ifndef COTRAIN_ISSUES_GITHUB_COLLECT_H
#define COTRAIN_ISSUES_GITHUB_COLLECT_H

#include "issues/github/github.h"

struct collect_options {
    struct github *github;  /* or */
    const char *path;       /* a file or folder with saved JSON: then nobody is asked */
    const char *repository; /* "OWNER/NAME" */
    int64_t issue;          /* the collecting issue; 0: there is none, then a label is needed */
    const char *label;      /* issues with it are collected too; NULL: none */
    int64_t from_s, to_s;   /* created in [from_s, to_s), seconds since 1970 */
};
/* {"repository": "O/N",        as asked; with "moved_to": "O/N" where GitHub has it elsewhere
 *  "number": 22, "label": null or "...", "from": "2024-02-29T16:00:00Z", "to": "...",
 *  "issue": {...} or null,     the collecting issue whatever its date; null: none, or not saved
 *  "items": [{...}, ...],      raw comments and issues, by created_at, comments first, and id;
 *                              no pull requests, and not the collecting issue
 *  "problem_reports": {"login": n, ...}}   of everybody with an item but bots and deleted
 *                              accounts, sorted: issues they have opened in the repository at any
 *                              time, but for pull requests, the collecting issue, and those with
 *                              the label (saved JSON: as far as it has them)
 * The same input gives the same bytes. From GitHub it is one collection (github_begin): after
 * ERR_STOPPED or a kill the same call goes on where it stood. Errors are those of
 * issues/github/github.h, or of posts_read. The caller json_decref()s. */
MUST_CHECK err collect(const struct collect_options *options, json_t **out);

#endif
