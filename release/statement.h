/* SPDX-License-Identifier: Apache-2.0
 * provenance/statement.json: an in-toto Statement v1 with SLSA provenance v1, which binds requests,
 * rows, shards, recipe and base (what went in) to adapter, weights and manifest.json (what came
 * out) by their digests. A pure function of the manifest, the dataset's manifest and the version of
 * this program, so that verification makes it again; signed, it is provenance.intoto.jsonl.
 * Digests of folders are in-toto's dirHash: SHA-256 over the lines "<sha256>  <path>\n".
 * Sources: in-toto attestation spec v1 (statement, resource descriptor, digest set), SLSA v1.0
 * provenance. docs/releases.md says what the fields mean here; docs/schemas/ has their schemas.
 * Read next: release/dsse.h. */
#ifndef COTRAIN_RELEASE_STATEMENT_H
#define COTRAIN_RELEASE_STATEMENT_H

#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"

#define STATEMENT_FILE "provenance/statement.json"
#define STATEMENT_BUILD_TYPE "urn:cotrain:build:v1"
#define STATEMENT_BUILDER "urn:cotrain:builder:maintainer"

struct statement_source {
    const json_t *manifest; /* whole, with "files" */
    const json_t *dataset;  /* provenance/data.json */
    const char *release;    /* the release hash */
    const char *version;    /* of the program; NULL: this one's */
};
/* Appends the file's text. */
MUST_CHECK err statement_text(const struct statement_source *from, struct str *out);
/* Writes the statement of a folder whose manifest.json is written. */
MUST_CHECK err statement_write(const char *dir, const json_t *manifest);
/* Whether the folder's statement is the one that its manifest gives: ERR_GATE otherwise. Appends
 * its text, and the version of the program that made it. */
MUST_CHECK err statement_check(const char *dir, const struct statement_source *from,
                               struct str *out_text, struct str *out_version);

#endif
