/* SPDX-License-Identifier: Apache-2.0
 * The seal of a release: how any changed byte is found, and in which file.
 *   manifest.json  the chain's hashes and the list of every hashed file; its SHA-256 is the release
 *                  hash, so the hash covers the whole list
 *   SHA256SUMS     every file of the folder but itself, RELEASE and the signatures, as `sha256sum
 *                  -c` reads it; the files that are not in the hash (logs) have their sums, too
 *   RELEASE        three lines: the release hash, the SHA-256 of SHA256SUMS, and the SHA-256 of the
 *                  two lines before it
 * Read from the end: RELEASE proves itself, then SHA256SUMS, which proves every other file; so a
 * fault is laid at the file that has it. Against somebody who rewrites all three there is the
 * release hash, which is published elsewhere. Read next: release/verify.c. */
#ifndef COTRAIN_RELEASE_SEAL_H
#define COTRAIN_RELEASE_SEAL_H

#include "base/file.h"
#include "base/hash.h"

#define SEAL_SUMS "SHA256SUMS"
#define SEAL_RELEASE "RELEASE"
#define SEAL_MANIFEST "manifest.json"
/* Signatures: in no hash and no sum, since they are made over them (release/signing.h). */
#define SEAL_SUMS_SIGNATURE "SHA256SUMS.sig"
#define SEAL_MODEL_SIGNATURE "model.sig"
#define SEAL_PROVENANCE "provenance.intoto.jsonl"

/* What hubs add to a clone: .gitattributes, and ModelScope's configuration.json. */
enum { SEAL_HUB_FILES = 2 };
extern const char *const seal_hub_files[SEAL_HUB_FILES];

struct seal_line {
    char hash[SHA256_HEX_SIZE];
    char *path; /* relative, '/' between parts */
};
struct seal {
    char release[SHA256_HEX_SIZE]; /* the release hash */
    struct seal_line *lines;       /* of SHA256SUMS, sorted by path */
    int64_t n_lines;
    int64_t bytes;              /* of all listed files; filled by seal_check */
    bool added[SEAL_HUB_FILES]; /* those of seal_hub_files that are there and not listed */
};
bool seal_is_signature(const char *path);

/* Writes SHA256SUMS and RELEASE for a folder that is otherwise complete. */
MUST_CHECK err seal_write(const char *dir, char out_release[SHA256_HEX_SIZE]);
/* Reads the seal and holds every file of the folder against it: ERR_GATE naming the file that was
 * changed, is missing, is too many, or is no regular file. A folder that is not there or never was
 * a release is ERR_MISSING. The caller calls seal_clear() whatever comes back. */
MUST_CHECK err seal_check(struct seal *s, const char *dir);
/* The seal alone, for who has just written it or held the files against it. */
MUST_CHECK err seal_read(struct seal *s, const char *dir);
/* The line of a path, or NULL. */
const struct seal_line *seal_find(const struct seal *s, const char *path);
void seal_clear(struct seal *s);

#endif
