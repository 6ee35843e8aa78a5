/* SPDX-License-Identifier: Apache-2.0
 * DSSE envelopes: a signed in-toto statement as JSON,
 *   {"payload": base64, "payloadType": "application/vnd.in-toto+json",
 *    "signatures": [{"sig": base64, "keyid": ...}]}
 * What is signed is not the payload but its PAE, so that no payload can be passed off as one of
 * another type:  "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload,  lengths in decimal.
 * Source: DSSE v1.0 (secure-systems-lab/dsse, protocol and envelope).
 * Read next: release/signing.h. */
#ifndef COTRAIN_RELEASE_DSSE_H
#define COTRAIN_RELEASE_DSSE_H

#include "base/json.h"
#include "base/sign.h"
#include "base/str.h"

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

/* A signed envelope of an in-toto statement. The caller json_decref()s. */
MUST_CHECK err dsse_sign(const struct str *payload, const struct sign_key *key, const char *keyid,
                         json_t **out);
/* Appends the payload of an envelope; ERR_PARSE where it is none of an in-toto statement. */
MUST_CHECK err dsse_payload(const json_t *envelope, struct str *out);
/* ERR_GATE unless one of its signatures is the key's. */
MUST_CHECK err dsse_verify(const json_t *envelope, const struct sign_key *key);

#endif
