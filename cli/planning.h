/* SPDX-License-Identifier: Apache-2.0
 * A recipe's training planned and not run: the checkpoint's headers are read, and nothing is
 * allocated for it. `cotrain plan` shows it; where a recipe does not fit, changed ones are planned
 * the same way (cli/smaller.h).
 * Read next: trainer/fit.h. */
#ifndef COTRAIN_CLI_PLANNING_H
#define COTRAIN_CLI_PLANNING_H

#include "cli/chain.h"
#include "trainer/fit.h"

/* What is known of the data beside the recipe's settings, which bound it too. */
struct data_bounds {
    int64_t row_tokens, rows; /* of a step; INT64_MAX: not known */
    int64_t text_bytes;       /* of evaluations during training (cli/train_eval.h); -1: not known */
};
#define DATA_UNKNOWN ((struct data_bounds){INT64_MAX, INT64_MAX, -1})

struct planning {
    struct compute compute;
    struct model model;
    struct adapter *adapter;
    struct train_source source; /* of full rows; never asked for one */
    struct trainer trainer;
    struct plan plan;
    struct fit fit;
    bool compute_is_open, model_is_open, trainer_is_open;
    char no_data[SHA256_HEX_SIZE];
};

struct planned_for {
    const char *device, *preset; /* NULL: the first that works; the recipe's own base model */
    struct data_bounds data;
    int64_t limit;
};

/* Plans within `limit` bytes of resident memory where that can be (fit says whether). Close it
 * after a failure, too; `chain` must outlive it. */
MUST_CHECK err planning_open(struct planning *p, const struct chain *chain,
                             const struct planned_for *o);
/* Its model and adapter alone, which are not planned yet. */
MUST_CHECK err planning_open_model(struct planning *p, const struct chain *chain,
                                   const struct planned_for *o);
void planning_close(struct planning *p);

#endif
