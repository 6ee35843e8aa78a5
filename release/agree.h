/* SPDX-License-Identifier: Apache-2.0
 * Whether what a release's files say of each other agrees. The bytes have been proved by the seal;
 * each check here holds one meaning against another, and says ERR_GATE (or what reading the file
 * said) where they differ.
 * Read next: release/verify.c, which asks them all. */
#ifndef COTRAIN_RELEASE_AGREE_H
#define COTRAIN_RELEASE_AGREE_H

#include "base/json.h"
#include "base/str.h"
#include "release/seal.h"

/* The manifest lists exactly the files that the seal has, and each path is one that may be. */
MUST_CHECK err agree_list(const json_t *manifest, const struct seal *s);
/* The recipe is of a version that this program reads. */
MUST_CHECK err agree_recipe(const char *dir);
/* The chain's hashes are those of the list of requests, and of the recipe, the dataset's manifest,
 * the reports, the model and the adapter that lie there. */
MUST_CHECK err agree_chain(const json_t *manifest, const struct seal *s, const char *dir);
/* Sources that are packed are those that the list of sources has (release/sources.h). */
MUST_CHECK err agree_sources(const struct seal *s, const char *dir);
/* The training's record is whole and ends in the chain's 'training' (release/steps.h), and where
 * evaluations chose the model it is the one that the manifest says. */
MUST_CHECK err agree_steps(const json_t *manifest, const char *dir, int64_t *out_steps);
/* The provenance statement is what the manifest gives. Appends its text and its maker's version. */
MUST_CHECK err agree_statement(const json_t *manifest, const char *release, const char *dir,
                               struct str *out_statement, struct str *out_version);
/* The reports are of the chain's models, and the card claims what they say. `out_whole`: every byte
 * of the card was compared (release/card.h). */
MUST_CHECK err agree_card(const json_t *manifest, const char *dir, bool *out_whole);
/* The gates of the recipe, held again against both reports, all hold and give what is kept of them.
 */
MUST_CHECK err agree_gates(const char *dir, int64_t *out_gates);
/* The changelog is what the manifest and provenance/previous.json give, where there is one; both or
 * neither are there. `whole` as below. */
MUST_CHECK err agree_changelog(const json_t *manifest, const char *dir, bool whole);
/* The ledger is the dataset's: the same sources, every row counted, none without a licence; and the
 * data card is what both give. `whole`: the cards' words are this version's. `out_unknown`:
 * rows whose licence nobody knows, as the ledger says. */
MUST_CHECK err agree_data_card(const json_t *manifest, const char *dir, bool whole,
                               int64_t *out_unknown);
/* Every tensor's name and shape fits config.json, and the adapter's the model's projections. The
 * files of other formats are those that packing measured, and open as models. */
MUST_CHECK err agree_tensors(const json_t *manifest, const struct seal *s, const char *dir);

#endif
