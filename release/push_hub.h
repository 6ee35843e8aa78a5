/* SPDX-License-Identifier: Apache-2.0
 * What hubs have in common: large files go by the LFS batch call, which says of each object whether
 * the hub wants it and where it is to be put, whole or in parts. Files are read and hashed as they
 * are sent.
 * Read next: remote/ask.h below it; release/targets/huggingface.c, modelscope.c. */
#ifndef COTRAIN_RELEASE_PUSH_HUB_H
#define COTRAIN_RELEASE_PUSH_HUB_H

#include "release/push_int.h"
#include "remote/ask.h"

enum { HUB_BATCH = 100 }; /* files in one request */

/* The batch call over the files that `wanted` marks. Each object asked for must be spoken of in
 * the answer; one with an "upload" is put where that says and hashed as it goes, one without is
 * there. With a plan every one is planned instead. `sends` false: nothing is put, and the first one
 * that is wanted is named in *missing (NULL: none). */
struct hub_batch {
    struct pushing *p;
    struct ask *ask;
    const struct push_release *files;
    const bool *wanted; /* of each of the files */
    int64_t most;       /* objects in one call; at most HUB_BATCH */
    /* Asks for [{"oid", "size"}]; *out_objects is the answer's list, NULL with a plan. */
    err (*call)(struct pushing *p, json_t *asked, json_t **out_objects);
    /* Whether the store's answer means what its status says; NULL: it does. */
    err (*judge)(const struct ask *a, const struct http_answer *answer);
    const char *own_header; /* for addresses of the hub's own host; NULL: none */
    bool sends;
    const char *missing;
};
MUST_CHECK err hub_batches(struct hub_batch *b);
/* ERR_MISMATCH for a file that is not there, or not as it should be, after all was done. */
MUST_CHECK err hub_not_there(const char *path);
/* A path for a URL: each part escaped. Appended. */
MUST_CHECK err hub_path(const char *path, struct str *out);
/* "OWNER/NAME", or ERR_RANGE. */
MUST_CHECK err hub_repo_check(const struct release_target *t);

#endif
