/* SPDX-License-Identifier: Apache-2.0
 * manifest.json: what a release is made of. Its SHA-256 is the release hash, so the hash covers
 * every file listed here and the whole chain from the requests on.
 *   {"cotrain_release": 1, "card": 1,             (the card's words, release/card.h)
 *    "about": {"name", "month", "license", "license_link", "base_model", "summary", "languages"},
 *    "requests": [{"id", "scenario", "capability", "sha256"}],
 *    "chain": {"requests", "dataset", "recipe", "base", "base_model", "training", "adapter",
 *              "merged", "eval_before", "eval_after"},
 *    "choice": {"metric", "best_step", "best_value", "kept_step", "planned_steps", "ended_early"},
 *                                      where evaluations during training decided something
 *    "checks": {what packing measured, release/check.h},
 *    "files": [{"path", "bytes", "sha256"}],        sorted by path; everything that the hash covers
 *    "apart": ["logs/plan.json", ...]}              in the folder, not in the hash (the provenance
 *                                                 statement is made from this file)
 * No dates but the recipe's month. Read next: release/seal.h. */
#ifndef COTRAIN_RELEASE_MANIFEST_H
#define COTRAIN_RELEASE_MANIFEST_H

#include "base/json.h"
#include "release/pack.h"

enum { RELEASE_VERSION = 1 };

/* Hash of one request: of its id, scenario, capability and examples as compact JSON. */
MUST_CHECK err manifest_request_hash(const struct request *r, char out[SHA256_HEX_SIZE]);
/* Hash of the manifest's list of requests: the chain's "requests". */
MUST_CHECK err manifest_requests_hash(const json_t *manifest, char out[SHA256_HEX_SIZE]);
/* Everything but "checks", "files" and "apart". The caller json_decref()s. */
MUST_CHECK err manifest_new(const struct release_pack *p, json_t **out);
/* Adds "files" and "apart" from what lies in `dir`, and writes dir/manifest.json. */
MUST_CHECK err manifest_write(json_t *manifest, const char *dir);
/* A JSON file of a release by its path there, with json_parse_file or a reader of its kind. The
 * caller json_decref()s. */
MUST_CHECK err release_read_json(const char *dir, const char *name,
                                 err (*read)(const char *path, json_t **out), json_t **out);
/* Reads dir/manifest.json and checks its version and outline. */
MUST_CHECK err manifest_read(const char *dir, json_t **out);

#endif
