/* SPDX-License-Identifier: Apache-2.0
 * Git LFS: pointers, the store of objects that a repository keeps beside git's own, and the program
 * `git lfs`, which moves objects. It does not look at what it moves to a repository on this
 * machine, and takes an object that is there for a good one; so whoever sends hashes before and
 * after (lfs_store_check).
 * Read next: release/targets/git.c. */
#ifndef COTRAIN_REMOTE_LFS_H
#define COTRAIN_REMOTE_LFS_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdint.h>

struct lfs_object {
    char oid[SHA256_HEX_SIZE];
    int64_t bytes;
};

/* Appends the pointer that stands for the object in a commit. */
MUST_CHECK err lfs_pointer(const struct lfs_object *o, struct str *out);
/* Whether a file's text begins as a pointer does. */
bool lfs_is_pointer(const char *text);

enum lfs_found { LFS_MISSING, LFS_DAMAGED, LFS_GOOD };
/* Hashes the object in the store of a bare repository's folder. */
MUST_CHECK err lfs_store_check(const char *repository, const struct lfs_object *o,
                               enum lfs_found *out);
/* Copies a file into the store as this object, hashing what was written: ERR_MISMATCH where it is
 * something else. */
MUST_CHECK err lfs_store_add(const char *repository, const char *file, const struct lfs_object *o);
MUST_CHECK err lfs_store_remove(const char *repository, const struct lfs_object *o);
/* Moves a damaged object out of the way, into lfs/bad, as `git lfs fsck` does. */
MUST_CHECK err lfs_store_set_aside(const char *repository, const struct lfs_object *o);

/* How `git lfs` gets a token for https: the setting of a credential helper, which names a variable
 * of this process's environment or a file, and never the token; NULL: whatever git is set up with.
 */
struct lfs_remote {
    const char *repository, *name; /* a bare repository's folder, and the remote's name in it */
    const char *helper;
    int64_t stall_ms; /* without a byte for so long it is given up; 0: no limit, as for a folder of
                       * this machine, whose copies tell of no bytes */
};
/* Appends the helper for a token in a file, or where `file` is NULL in the variable. It answers for
 * the host of `url` alone: a server may send git-lfs anywhere. */
struct lfs_token {
    const char *url, *file, *variable;
};
MUST_CHECK err lfs_helper(const struct lfs_token *t, struct str *out);
/* `git lfs push` and `git lfs fetch` of one object, out of and into the repository's store; the
 * latter as the commit `at` has it at `path`. ERR_MISSING where there is no git-lfs; ERR_DENIED
 * where a store refuses it over and over, which git-lfs would ask for ever; ERR_STOPPED; what the
 * program complains of is in the error. */
MUST_CHECK err lfs_push(const struct lfs_remote *r, const struct lfs_object *o);
MUST_CHECK err lfs_fetch(const struct lfs_remote *r, const char *at, const char *path);

#endif
