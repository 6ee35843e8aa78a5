/* SPDX-License-Identifier: Apache-2.0
 * What hubs have in common: large files go by the LFS batch call, which says of each object whether
 * the hub wants it and where it is to be put, whole or in parts. Files are read as they are sent,
 * and hashed before.
 * Read next: remote/ask.h below it; release/targets/huggingface.c, modelscope.c. */
#ifndef COTRAIN_RELEASE_PUSH_HUB_H
#define COTRAIN_RELEASE_PUSH_HUB_H

#include "release/push_int.h"
#include "remote/ask.h"

enum { HUB_BATCH = 100 }; /* files in one request */

/* The files of a release that `wanted` marks, from `*at` on and at most HUB_BATCH of them, as
 * [{"oid", "size"}]; moves *at behind the last. NULL: none is left, or out of memory (ERR_MEMORY).
 */
MUST_CHECK err hub_objects(const struct push_release *r, const bool *wanted, int64_t *at,
                           json_t **out);
/* Puts what the batch call's answer ("objects") asks for; *out_n counts those. With a plan the
 * answer
 * is NULL and every one of `asked` is planned. `sends` false: nothing is put, only counted, and the
 * first one is named in *out_missing (NULL: none). */
struct hub_batch {
    struct pushing *p;
    struct ask *ask;
    const json_t *asked, *objects;
    bool sends;
    const char *own_header; /* for addresses of the hub's own host; NULL: none */
    /* Whether the store's answer means what its status says; NULL: it does. */
    err (*judge)(const struct ask *a, const struct http_answer *answer);
    int64_t n;
    const char *missing;
};
MUST_CHECK err hub_take_batch(struct hub_batch *b);
/* ERR_MISMATCH for a file that is not there, or not as it should be, after all was done. */
MUST_CHECK err hub_not_there(const char *path);
/* A path for a URL: each part escaped. Appended. */
MUST_CHECK err hub_path(const char *path, struct str *out);
/* "OWNER/NAME", or ERR_RANGE. */
MUST_CHECK err hub_repo_check(const struct release_target *t);

#endif
