/* SPDX-License-Identifier: Apache-2.0
 * The model card: README.md, in Chinese and English, with the front matter that model hubs read,
 * the before/after table, what got worse, how to load, and how to check the release. A pure
 * function of the manifest's members and the two reports; it holds no number that is in neither,
 * which `release verify` checks.
 * Read next: release/manifest.h, eval/markdown.h. */
#ifndef COTRAIN_RELEASE_CARD_H
#define COTRAIN_RELEASE_CARD_H

#include "base/json.h"
#include "base/str.h"

struct card_claims {
    const char *card; /* its text */
    const json_t *manifest, *before, *after;
};

/* `manifest` needs "about" and "chain" (release/manifest.h). Appends the whole card. */
MUST_CHECK err card_write(const json_t *manifest, const json_t *before, const json_t *after,
                          struct str *out);
/* How hubs name the licence of the manifest's "about": an identifier, or "other" with a name; and
 * where its text is, or NULL. */
bool card_license_is_other(const char *license);
const char *card_license_link(const json_t *about);
/* A card of a release folder, appended. One that holds a NUL is ERR_GATE. */
MUST_CHECK err card_read(const char *dir, const char *name, struct str *out);
/* ERR_GATE naming the line where the file `name` of a release is not `wanted`. */
MUST_CHECK err card_same_words(const char *name, const char *wanted, const char *found);
/* A card of this version's words (the manifest's "card") is what card_write makes, byte for byte;
 * of one with other words only the claims are known, its table and its model-index. Raised with
 * every change of the words, those of DATA.md among them. */
enum { CARD_VERSION = 4 };
/* ERR_GATE where the card claims anything but what the reports say, or was edited. `out_whole`:
 * every byte of it was compared. */
MUST_CHECK err card_check(const struct card_claims *claims, bool *out_whole);

#endif
