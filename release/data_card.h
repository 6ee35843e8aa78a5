/* SPDX-License-Identifier: Apache-2.0
 * DATA.md: what the model was trained on, for people, in Chinese and English: rows and tokens,
 * sources with their licences, generators and the terms of what they made, what filters dropped and
 * lints found, replay, held-out cases. A pure function of the manifest's "about", the dataset's
 * manifest and the ledger, which verification makes again.
 * Read next: release/ledger.h, release/card.h. */
#ifndef COTRAIN_RELEASE_DATA_CARD_H
#define COTRAIN_RELEASE_DATA_CARD_H

#include "base/json.h"
#include "base/str.h"

#define DATA_CARD_FILE "DATA.md"

struct data_card {
    const json_t *manifest; /* needs "about" */
    const json_t *dataset;  /* provenance/data.json */
    const json_t *ledger;   /* as ledger_read has checked it */
};
/* Appends the whole card. Raised with every change of its words, CARD_VERSION covers it. */
MUST_CHECK err data_card_write(const struct data_card *from, struct str *out);

#endif
