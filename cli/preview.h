/* SPDX-License-Identifier: Apache-2.0
 * Rows of a dataset as text for a terminal or a file, token by token, the trained ones in colour or
 * between [[ and ]]: single rows as they are stored, or rows as training packs them, with the
 * border of each document. Used by `cotrain data preview`.
 * Read next: cli/cmd_data_preview.c. */
#ifndef COTRAIN_CLI_PREVIEW_H
#define COTRAIN_CLI_PREVIEW_H

#include "data/dataset/provenance.h"
#include "data/steps/loader.h"
#include "data/tokens/masks.h"
#include "data/tokens/tokenizer.h"

struct preview {
    struct dataset *dataset;
    struct tokenizer *tokenizer;
    struct provenance *provenance;
    enum dataset_split split;
    enum loss_mask loss_mask;
    bool colour;
};

/* trained[i] is 1 where token i of the row is a trained target. */
MUST_CHECK err preview_trained(const struct preview *p, int64_t row, int64_t n, uint8_t *trained);
/* One row: where it comes from, then its tokens. */
MUST_CHECK err preview_row(const struct preview *p, int64_t row, struct str *out);
/* One row of a loader that makes one row a step. */
MUST_CHECK err preview_packed(const struct preview *p, struct loader *loader, int64_t step,
                              int64_t sequence_len, struct str *out);

#endif
