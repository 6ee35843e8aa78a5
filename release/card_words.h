/* SPDX-License-Identifier: Apache-2.0
 * The parts of the model card that tell a reader what to do with the release, in Chinese and
 * English: loading, prompts, data, limits, licence, environment, checking. What is in them comes
 * from the manifest alone.
 * Read next: release/card.c, which puts the card together. */
#ifndef COTRAIN_RELEASE_CARD_WORDS_H
#define COTRAIN_RELEASE_CARD_WORDS_H

#include "base/json.h"
#include "base/str.h"

/* "\n## ZH / EN\n\n". */
MUST_CHECK err card_heading(struct str *out, const char *zh, const char *en);
/* A paragraph in each language. */
MUST_CHECK err card_words(struct str *out, const char *zh, const char *en);
/* Everything behind results and requests. */
MUST_CHECK err card_use(const json_t *manifest, struct str *out);

#endif
