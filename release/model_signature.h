/* SPDX-License-Identifier: Apache-2.0
 * model.sig: the OpenSSF model signature v1.0, which hubs' own tools check (`model_signing verify
 * key`). A Sigstore bundle around a DSSE envelope of an in-toto statement that lists every file of
 * the folder with its SHA-256; its one subject is the folder, by the SHA-256 over all those digests
 * (32 bytes each) in order of path. The signatures themselves are left out, and what git adds.
 * Source: sigstore/model-transparency, v1.0; made and read here without it.
 * Read next: release/dsse.h, release/signing.h. */
#ifndef COTRAIN_RELEASE_MODEL_SIGNATURE_H
#define COTRAIN_RELEASE_MODEL_SIGNATURE_H

#include "base/json.h"
#include "base/sign.h"
#include "release/seal.h"

/* The folder's seal must have been checked: its sums are taken from there. Appends the file. */
MUST_CHECK err model_signature_make(const char *dir, const struct seal *seal, const char *name,
                                    const struct sign_key *key, struct str *out);
/* Whether a bundle lists this folder's files (ERR_GATE naming the first that is another) and, with
 * `key`, is signed by it. Appends what it says of its key to `out_hint`. */
MUST_CHECK err model_signature_check(const char *dir, const struct seal *seal,
                                     const struct sign_key *key, struct str *out_hint);

#endif
