/* SPDX-License-Identifier: Apache-2.0
 * Full fine-tuning: where there is no adapter, every parameter of the model is trained. It stands
 * first in the table: the others change what it chose.
 * Read next: trainer/methods/freeze.c, which takes some of them away again. */
#include "trainer/methods/method.h"

static bool full_wanted(const struct train_run *run) {
    return !run->adapter;
}

static err full_choose(const struct train_run *run) {
    for (int64_t i = 0; i < run->model->n_params; i++) run->model->params[i].trained = true;
    return ERR_OK;
}

extern const struct method full_method;
const struct method full_method = {
    .name = "full",
    .summary = "every parameter of the model is trained",
    .keys = "adapter.type: none",
    .wanted = full_wanted,
    .choose = full_choose,
};
