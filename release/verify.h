/* SPDX-License-Identifier: Apache-2.0
 * Verifies a release folder without anything beside it: that no byte of any file changed
 * (release/seal.h), who signed it (release/signing.h), that chain and provenance are those of the
 * files, that the tensors fit config.json, that the card is what the reports give; and says what
 * all that does not prove.
 * Read next: release/manifest.h, release/card.h, docs/releases.md. */
#ifndef COTRAIN_RELEASE_VERIFY_H
#define COTRAIN_RELEASE_VERIFY_H

#include "base/hash.h"
#include "base/json.h"
#include "release/signing.h"

struct release_verify {
    const char *dir;
    const char *hash; /* the release hash as published elsewhere; NULL: not known */
    struct release_trust trust;
    bool golden;        /* ask the model its golden prompts, too */
    bool no_signatures; /* leave those that are there unread: they are about to be made anew */
};
struct release_facts {
    char hash[SHA256_HEX_SIZE];
    int64_t n_files, bytes;
    json_t *manifest;
    json_t *findings; /* [{"check", "proved", "says"}], in the order they were looked at */
    bool is_signed;   /* by whom the caller trusts, in at least one way */
    bool has_signatures;
};

/* ERR_GATE when the release is refused, naming the file; ERR_MISSING when there is none, or what
 * the caller named to check it with. The caller clears after success. */
MUST_CHECK err release_verify(const struct release_verify *v, struct release_facts *out);
void release_facts_clear(struct release_facts *f);
/* The findings, a line each, appended. */
MUST_CHECK err release_facts_text(const struct release_facts *f, struct str *out);

#endif
