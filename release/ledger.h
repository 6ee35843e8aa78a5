/* SPDX-License-Identifier: Apache-2.0
 * provenance/ledger.json: under which licence each row of the training data is, and who made it.
 *   {"cotrain_ledger": 1, "rows": N,
 *    "sources": [{"name", "request": ID or null, "rows": n,   as the dataset's manifest lists them
 *                 "licenses": {LICENCE: rows},
 *                 "generators": {NAME: rows},               of rows that a teacher made
 *                 "reviewers": {NAME: rows}}],
 *    "generators": [{"generator", "model", "rows", "licenses": {LICENCE: rows}}],
 *    "lints": [{"name", "summary", "rows"}]}                what the lints found, without texts
 * A row's licence is its own, else its source's. A request's examples that say none are
 * LEDGER_POSTED: they are the request's words, and the recipe publishes them anyway. "unknown" is a
 * licence that a recipe may say. A row without any is not packed.
 * Read next: release/data_card.h, data/dataset/provenance.h. */
#ifndef COTRAIN_RELEASE_LEDGER_H
#define COTRAIN_RELEASE_LEDGER_H

#include "base/json.h"

#define LEDGER_FILE "provenance/ledger.json"
#define LEDGER_UNKNOWN "unknown"
#define LEDGER_POSTED "as posted"

/* Of a dataset folder. ERR_GATE naming the source with rows that say no licence. The caller
 * json_decref()s. */
MUST_CHECK err ledger_make(const char *dataset_dir, json_t **out);
/* Reads dir/provenance/ledger.json of a release and checks its outline. */
MUST_CHECK err ledger_read(const char *dir, json_t **out);

#endif
