/* SPDX-License-Identifier: Apache-2.0
 * A bare repository in which a commit and a tag for another repository are made and from which they
 * are pushed, by libgit2. The same files, parent, person, time and message give the same commit id;
 * a signature is made by whoever holds the key. Branches move forward only, a tag that is there is
 * never moved, and nothing over there is deleted.
 * Read next: remote/git.h for the repository of a programme; release/targets/git.c. */
#ifndef COTRAIN_REMOTE_GIT_STAGE_H
#define COTRAIN_REMOTE_GIT_STAGE_H

#include "remote/git.h"

#define GIT_STAGE_REMOTE "target" /* the other repository's name in this one */

struct git_stage;
/* The bare repository `dir`, made where it is not there, for the repository at `url` (a folder's
 * path, file://, https://, or http:// on this machine). `token` goes to https alone; NULL: none.
 * Texts must outlive it. */
MUST_CHECK err git_stage_open(const char *dir, const char *url, const char *token,
                              struct git_stage **out);
void git_stage_free(struct git_stage *s); /* NULL is fine */
/* Whether a URL is one that can be pushed to: ERR_RANGE, ERR_UNSUPPORTED. The folder of one on this
 * machine, else NULL: a pointer into it. */
MUST_CHECK err git_url_check(const char *url);
const char *git_url_folder(const char *url);

/* What `ref` ("refs/heads/main") is over there; "" where there is none. */
MUST_CHECK err git_stage_ask(struct git_stage *s, const char *ref, char out_id[GIT_ID_SIZE]);
/* Fetches a ref's objects, every one checked by its hash. */
MUST_CHECK err git_stage_fetch(struct git_stage *s, const char *ref);
/* Reads every file of a commit out of the repository: ERR_MISMATCH where one is not there. */
MUST_CHECK err git_stage_check(struct git_stage *s, const char *commit);

/* Files for the next commit. */
MUST_CHECK err git_stage_add(struct git_stage *s, const char *path, const char *text, size_t n);
/* Paths that the commit `id` has and the added files have not, sorted, appended. */
MUST_CHECK err git_stage_missing(struct git_stage *s, const char *id, struct name_list *out);
/* Whether a commit's files are those that were added. */
MUST_CHECK err git_stage_same(struct git_stage *s, const char *id, bool *out_same);

struct git_making {
    const char *name, *email, *message;
    int64_t time_s;
    int offset_minutes;
    const char *parent; /* commit id, or "" for none */
    const char *tag;    /* for git_stage_tag: its name */
    /* Appends the signature of a text; NULL: unsigned. */
    err (*sign)(void *context, const struct str *text, struct str *out);
    void *context;
};
/* The commit of the added files. */
MUST_CHECK err git_stage_commit(struct git_stage *s, const struct git_making *m,
                                char out_id[GIT_ID_SIZE]);
/* An annotated tag of a commit. */
MUST_CHECK err git_stage_tag(struct git_stage *s, const struct git_making *m, const char *commit,
                             char out_id[GIT_ID_SIZE]);
/* The commit that an object is, or that a tag stands for; "" where it is not in the repository. */
MUST_CHECK err git_stage_peel(struct git_stage *s, const char *id, char out_commit[GIT_ID_SIZE]);
/* Makes `ref` over there the object `id`. One that is there must be an ancestor: ERR_MISMATCH. */
MUST_CHECK err git_stage_push(struct git_stage *s, const char *id, const char *ref);

#endif
