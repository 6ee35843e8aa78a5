/* SPDX-License-Identifier: Apache-2.0
 * Signatures with ECDSA on the curve P-256 over SHA-256, by libcrypto: what the OpenSSF model
 * signature and DSSE envelopes are made with. Keys are PEM files as `openssl` writes them. A
 * private key is never shown, logged or kept longer than the struct; errors name the file alone.
 * Read next: release/dsse.h. */
#ifndef COTRAIN_BASE_SIGN_H
#define COTRAIN_BASE_SIGN_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdbool.h>

struct sign_key; /* private, with its public half, or public alone */

/* A private key: a regular file that only its owner can read (else ERR_DENIED), without passphrase,
 * of the right kind (else ERR_UNSUPPORTED or ERR_PARSE). */
MUST_CHECK err sign_key_read(struct sign_key **out, const char *path);
/* A public key. */
MUST_CHECK err sign_key_read_public(struct sign_key **out, const char *path);
void sign_key_free(struct sign_key *k);

/* SHA-256 of the public half as a PEM text: how a signature names its key. */
const char *sign_key_hint(const struct sign_key *k);
/* Appends the signature (DER). It differs each time: it holds a random number. */
MUST_CHECK err sign_bytes(const struct sign_key *k, const void *data, size_t n, struct str *out);
/* Whether a signature is of these bytes and this key. */
MUST_CHECK err sign_verify(const struct sign_key *k, const struct str *data,
                           const struct str *signature, bool *out_good);

/* Only its owner may read a file with a private key: ERR_DENIED otherwise, ERR_MISSING where there
 * is none. For keys that other programs use (base/program.h), too. */
MUST_CHECK err sign_key_check_rights(const char *path);

#endif
