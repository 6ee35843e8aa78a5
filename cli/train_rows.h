/* SPDX-License-Identifier: Apache-2.0
 * Where data/ and trainer/ meet, which may not include each other: a loader over an open dataset as
 * the trainer's source of rows, and the recipe's `train` section as the loader's options.
 * Read next: data/steps/loader.h, trainer/source.h. */
#ifndef COTRAIN_CLI_TRAIN_ROWS_H
#define COTRAIN_CLI_TRAIN_ROWS_H

#include "base/json.h"
#include "data/steps/loader.h"
#include "model/batch.h"
#include "trainer/options.h"
#include "trainer/source.h"

/* How a recipe's training forms rows. `out_isolate` (may be NULL) is theirs. */
MUST_CHECK err train_loader_options(const struct train_options *options, enum dataset_split split,
                                    struct loader_options *out, enum isolate *out_isolate);
/* The loader that a recipe's training uses: of SPLIT_TRAIN shuffled over all epochs, of SPLIT_VALID
 * once and in order. */
MUST_CHECK err train_loader_open(struct loader **out, const struct dataset *d,
                                 enum dataset_split split, const struct train_options *options);

/* The first epoch of a training loader, as a line and as JSON: what it holds and how full its rows
 * are. */
MUST_CHECK err train_epoch_text(struct loader *loader, const struct train_options *o,
                                struct str *out);
MUST_CHECK err train_epoch_json(struct loader *loader, json_t *out);

struct train_rows {
    struct loader *loader;
    struct train_row *rows;
    struct train_source source; /* hand this to the trainer */
};
/* `d` must outlive it. On failure nothing needs releasing. */
MUST_CHECK err train_rows_open(struct train_rows *t, const struct dataset *d,
                               enum dataset_split split, const struct train_options *options);
void train_rows_close(struct train_rows *t);

#endif
