/* SPDX-License-Identifier: Apache-2.0
 * Loss over a dataset's validation rows, one row at a time in the order they are stored, so the sum
 * has one order. Used by the task `validation` and by training every eval_steps steps.
 * Read next: eval/tasks/validation.c, data/steps/loader.h. */
#ifndef COTRAIN_EVAL_VALIDATION_H
#define COTRAIN_EVAL_VALIDATION_H

#include "data/steps/loader.h"
#include "model/model.h"

struct validation {
    struct loader *rows;
    struct batch batch;
    enum isolate isolate;
};
struct validation_sums {
    double loss; /* of all trained tokens, natural logarithm */
    int64_t n_rows, n_tokens;
};

/* How rows are formed: of `how` the length, mask and overlong rule count. A dataset without
 * validation rows leaves `v` empty, which every function here takes. */
MUST_CHECK err validation_open(struct validation *v, const struct dataset *d,
                               const struct loader_options *how, enum isolate isolate);
void validation_close(struct validation *v);
/* Tokens of the longest row: what the model must be planned for at least. 0 when empty. */
int64_t validation_max_tokens(const struct validation *v);
MUST_CHECK err validation_run(struct validation *v, struct model *m, struct validation_sums *out);

#endif
