/* SPDX-License-Identifier: Apache-2.0
 * The optimiser within the backward pass: each gradient is used up as soon as it is there, and the
 * next one takes its place. A step is then one pass, without clipping (train_options_check).
 * Source: LOMO (Lv et al. 2023) for the fusion; the optimiser here is whichever the recipe names.
 * Read next: trainer/update.c, model/gradient.h. */
#include "trainer/methods/method.h"

#include <inttypes.h>

static bool optimizer_in_backward_wanted(const struct train_run *run) {
    return run->options->optimizer_in_backward;
}

static err optimizer_in_backward_choose(const struct train_run *run) {
    const int64_t rows = run->source->max_rows, most = run->options->micro_batch_size;
    TRY(methods_need_base(run, "optimizer_in_backward"));
    if (rows <= most) return ERR_OK;
    err e =
        fail(ERR_RANGE,
             "train: 'optimizer_in_backward' with steps of %" PRId64 " rows in passes of %" PRId64,
             rows, most);
    return fail_hint(e, "a step must be one pass: set train.micro_batch_size to its rows");
}

extern const struct method optimizer_in_backward_method;
const struct method optimizer_in_backward_method = {
    .name = "optimizer_in_backward",
    .summary = "weights are updated in the backward pass, and no gradient is kept",
    .keys = "train.optimizer_in_backward",
    .wanted = optimizer_in_backward_wanted,
    .choose = optimizer_in_backward_choose,
};
