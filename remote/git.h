/* SPDX-License-Identifier: Apache-2.0
 * Git repositories by libgit2: just what a programme's memory needs. A commit is made from HEAD's
 * tree and the named paths of the work folder alone, so what somebody else has staged or half
 * edited is never carried along; author, committer and time are the caller's, so the same input
 * gives the same commit id. Nothing is fetched, merged or pushed here: that is git's own business.
 * Read next: issues/program.h. */
#ifndef COTRAIN_REMOTE_GIT_H
#define COTRAIN_REMOTE_GIT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { GIT_ID_SIZE = 41 }; /* 40 digits and NUL */

struct git_repo;

/* A new repository with the branch `main` and no commit; `dir` is made. One that is a repository
 * already is ERR_EXISTS. */
MUST_CHECK err git_repo_init(const char *dir, struct git_repo **out);
/* The repository whose work folder is `dir` itself (no search upwards). One in the middle of a
 * merge or rebase is ERR_MISMATCH with a hint. */
MUST_CHECK err git_repo_open(const char *dir, struct git_repo **out);
void git_repo_free(struct git_repo *repo); /* NULL is fine */

/* HEAD's commit id and time (seconds since 1970); "" and 0 before the first commit. */
MUST_CHECK err git_repo_head(struct git_repo *repo, char out_id[GIT_ID_SIZE], int64_t *out_time_s);
/* Paths that differ from HEAD or are not in it (ignored ones left out), sorted. */
MUST_CHECK err git_repo_changed(struct git_repo *repo, struct name_list *out);
/* A file as HEAD has it, appended to `out`. */
MUST_CHECK err git_repo_read(struct git_repo *repo, const char *path, struct str *out,
                             bool *out_found);
/* Names of a folder in HEAD ("requests/2024-03"), sorted; none where HEAD has no such folder. */
MUST_CHECK err git_repo_list(struct git_repo *repo, const char *folder, struct name_list *out);
/* user.name and user.email as git's configuration has them; NULL where it has none. */
MUST_CHECK err git_repo_person(struct git_repo *repo, struct arena *a, const char **out_name,
                               const char **out_email);

struct git_commit_of {
    const char *name, *email; /* of author and committer */
    int64_t time_s;
    int offset_minutes; /* of the time zone it is shown in */
    const char *message;
    const char *const *paths; /* relative to the work folder; one that is not there is removed */
    int64_t n;
};
/* Commits on top of HEAD. Where the tree would stay as it is nothing is made and `*out_made` is
 * false. HEAD moved by another process in between is ERR_MISMATCH; nothing is lost then. */
MUST_CHECK err git_repo_commit(struct git_repo *repo, const struct git_commit_of *commit,
                               bool *out_made);

/* Three-way merge of texts, line by line. Appends the result; where both sides changed the same
 * lines it holds conflict marks with the labels, and `*out_conflicts` counts them. */
struct git_texts {
    const char *base, *ours, *theirs;
    const char *ours_label, *theirs_label;
};
MUST_CHECK err git_merge_texts(const struct git_texts *texts, struct str *out,
                               int64_t *out_conflicts);

#endif
