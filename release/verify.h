/* SPDX-License-Identifier: Apache-2.0
 * Verifies a release folder without anything beside it: that no byte of any file changed
 * (release/seal.h), that the manifest's chain is that of the files, that the tensors fit
 * config.json, and that the card's numbers are those of the evaluation reports.
 * Read next: release/manifest.h, release/card.h. */
#ifndef COTRAIN_RELEASE_VERIFY_H
#define COTRAIN_RELEASE_VERIFY_H

#include "base/hash.h"
#include "base/json.h"

struct release_facts {
    char hash[SHA256_HEX_SIZE];
    int64_t n_files, bytes;
    json_t *manifest; /* the caller json_decref()s */
};

/* ERR_GATE when the release is not whole, naming the file; ERR_MISSING when there is none. `wanted`
 * (may be NULL) is the release hash as published elsewhere. */
MUST_CHECK err release_verify(const char *dir, const char *wanted, struct release_facts *out);

#endif
