/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 (libcrypto), as lower-case hex; used for every content hash of the chain.
 * A folder's digest depends on names and contents alone: no times, owners or order of creation.
 * The program's only door to libcrypto and libxxhash. */
#ifndef COTRAIN_BASE_HASH_H
#define COTRAIN_BASE_HASH_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 }; /* 64 digits and NUL */

struct sha256 {
    void *state;
};
MUST_CHECK err sha256_init(struct sha256 *h);
MUST_CHECK err sha256_add(struct sha256 *h, const void *data, size_t n);
/* Ends and releases. */
MUST_CHECK err sha256_final(struct sha256 *h, char out[SHA256_HEX_SIZE]);
void sha256_release(struct sha256 *h); /* for error paths; safe after final */
/* Makes `to`, which must be zeroed or released, one that goes on from where `from` is. */
MUST_CHECK err sha256_copy(struct sha256 *to, const struct sha256 *from);

/* Whether a text is 64 digits 0-9, a-f. */
bool sha256_is_hex(const char *text);
MUST_CHECK err sha256_bytes(const void *data, size_t n, char out[SHA256_HEX_SIZE]);
/* To compare large data, by all threads and as fast as memory is read: SHA-256 over the 128-bit
 * XXH3 values (canonical form) of its pieces of 1 MiB. It finds every accident; against somebody
 * who makes two data alike on purpose only the others help, and those are what a release is
 * checked by. */
MUST_CHECK err hash_large(const void *data, size_t n, char out[SHA256_HEX_SIZE]);
MUST_CHECK err sha256_file(const char *path, char out[SHA256_HEX_SIZE]);
/* Digest of a folder: SHA-256 over the lines "<file hash>  <relative path>\n" in byte order. */
MUST_CHECK err sha256_dir(const char *path, char out[SHA256_HEX_SIZE]);
/* Name and version of the library behind it. */
const char *hash_library(void);

#endif
