/* SPDX-License-Identifier: Apache-2.0
 * Signing a release and judging its signatures. Keys are the maintainer's own:
 *   SHA256SUMS.sig            an SSH signature of SHA256SUMS             (ssh_key)
 *   model.sig                 OpenSSF model signature v1.0               (p256_key)
 *   provenance.intoto.jsonl   DSSE envelope of provenance/statement.json (p256_key)
 * They are no part of what they sign: a release has the same hash signed or not. One without any is
 * unsigned, and says so. Read next: release/ssh.h, release/model_signature.h, release/dsse.h. */
#ifndef COTRAIN_RELEASE_SIGNING_H
#define COTRAIN_RELEASE_SIGNING_H

#include "base/file.h"
#include "base/opt.h"
#include "release/seal.h"

struct release_keys {
    const char *ssh_key;  /* a private key file, or the .pub of a key in an agent; NULL: none */
    const char *p256_key; /* a PEM file with a P-256 private key; NULL: none */
};
struct opt_table release_keys_table(void); /* the recipe's `release.sign` */

/* Whether the keys are there, fit and are nobody else's to read: asked before hours of work. */
MUST_CHECK err release_keys_check(const struct release_keys *keys);
/* And whether they will sign when nobody is there any more to be asked for a passphrase. */
MUST_CHECK err release_keys_check_unattended(const struct release_keys *keys);
/* Signs a sealed folder with the keys that are given: all signatures are made, then written. The
 * ones that the folder has are replaced; those of a key that is not given stay. */
MUST_CHECK err release_sign(const char *dir, const struct release_keys *keys);
/* Copies the signatures of `from` when they are of the same SHA256SUMS as `to` has: packing the
 * same again does not make a release unsigned. */
MUST_CHECK err release_keep_signatures(const char *from, const char *to);
/* Names of the signatures that a folder has, sorted; none: it is unsigned. */
MUST_CHECK err release_signatures(const char *dir, struct name_list *out);

struct release_trust {
    const char *signers; /* allowed_signers file; NULL: SSH keys are anybody's */
    const char *key;     /* PEM file with a P-256 public key; NULL: not checked */
};
enum signature_state {
    SIGNATURE_NONE,
    SIGNATURE_OPEN, /* it is of this release, but whose it is was not asked */
    SIGNATURE_GOOD, /* and it is by whom the caller trusts */
};
struct signature_verdict {
    enum signature_state state;
    struct str who; /* "keeper@example.org, ED25519 key SHA256:..." or a key's hint */
};
struct signature_verdicts {
    struct signature_verdict sums, model, provenance;
};
/* Judges every signature that the folder has, whose seal and statement (its text) were checked.
 * ERR_GATE where one is of something else, or not by whom is trusted, or is missing where a caller
 * names its signer. The caller clears in any case. */
MUST_CHECK err release_judge(const char *dir, const struct seal *seal, const struct str *statement,
                             const struct release_trust *trust, struct signature_verdicts *out);
void signature_verdicts_clear(struct signature_verdicts *v);

#endif
