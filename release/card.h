/* SPDX-License-Identifier: Apache-2.0
 * The model card: README.md with the front matter that model hubs read, the before/after table,
 * what got worse, how to chat, and how to check the release. A pure function of the manifest's
 * members and the two reports; it holds no number that is not in a report, which `release verify`
 * checks.
 * Read next: release/manifest.h, eval/report.h. */
#ifndef COTRAIN_RELEASE_CARD_H
#define COTRAIN_RELEASE_CARD_H

#include "base/json.h"
#include "base/str.h"

/* `manifest` needs "about" and "chain" (release/manifest.h). Appends the whole card. */
MUST_CHECK err card_write(const json_t *manifest, const json_t *before, const json_t *after,
                          struct str *out);
/* The front matter's model-index, as it stands in the card. */
MUST_CHECK err card_model_index(const json_t *manifest, const json_t *before, const json_t *after,
                                struct str *out);
/* ERR_GATE when the card lacks the table or the model-index that the reports give. */
MUST_CHECK err card_check(const char *card, const json_t *manifest, const json_t *before,
                          const json_t *after);

#endif
