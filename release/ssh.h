/* SPDX-License-Identifier: Apache-2.0
 * SSH signatures of a file, made and judged by ssh-keygen itself: so keys may lie in an agent or a
 * hardware token, and nothing here needs to know their kinds. A release's own are made in the
 * namespace "file"; git looks for its commits' and tags' in "git".
 * Read next: release/signing.h. */
#ifndef COTRAIN_RELEASE_SSH_H
#define COTRAIN_RELEASE_SSH_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

#define SSH_OF_FILE "file"
#define SSH_OF_GIT "git"

/* Whether a key is there and nobody else's to read: ERR_MISSING, ERR_DENIED. */
MUST_CHECK err ssh_key_check(const char *key);
/* Whether a private key will sign without being asked for a passphrase, or a public one is one; and
 * whether there is an ssh-keygen. Nothing is signed. */
MUST_CHECK err ssh_key_check_unattended(const char *key);
/* Appends the signature of `text` in that namespace. `key` is a private key file (ERR_DENIED when
 * others can read
 * it), or a public one whose private half an agent holds. */
MUST_CHECK err ssh_sign(const char *key, const char *name_space, const struct str *text,
                        struct str *out);

struct ssh_signer {
    struct str name; /* as the file of signers calls it; empty: not asked */
    struct str key;  /* "ED25519 key SHA256:..." */
};
/* Holds the signature in the file `signature` against `text`. With a file of allowed signers: the
 * signer must be one of them. ERR_GATE where it is not, or the signature is of something else;
 * ERR_MISSING where there is no ssh-keygen. The caller calls ssh_signer_clear() in any case. */
MUST_CHECK err ssh_verify(const char *signature, const struct str *text, const char *signers,
                          struct ssh_signer *out);
void ssh_signer_clear(struct ssh_signer *s);

#endif
