/* SPDX-License-Identifier: Apache-2.0
 * QLoRA: an adapter over a base whose frozen projections are held in NF4 or int8; likewise frozen
 * weights in any other dtype. What is trained stays in fp32. A base that was written quantised
 * (`cotrain model quantize`) needs no setting.
 * Read next: model/weights.c, which holds them; compute/quants.def for the types. */
#include "trainer/methods/method.h"

#include <string.h>

static bool qlora_wanted(const struct train_run *run) {
    return run->options->weight_dtype != NULL;
}

/* What is trained is not held so, and then nothing would be. */
static err qlora_choose(const struct train_run *run) {
    for (int64_t i = 0; i < run->model->n_params; i++)
        if (!run->model->params[i].trained) return ERR_OK;
    if (!strcmp(run->options->weight_dtype, "checkpoint")) return ERR_OK;
    err e = fail(ERR_RANGE, "train: 'weight_dtype' is %s, and no weight is frozen to be held in it",
                 run->options->weight_dtype);
    return fail_hint(e, "it is for adapters, or beside train.freeze");
}

static void qlora_plan(const struct train_run *run, struct model_plan_options *options) {
    options->weight_dtype = run->options->weight_dtype;
}

extern const struct method qlora_method;
const struct method qlora_method = {
    .name = "qlora",
    .summary = "frozen weights are held quantised, under an adapter",
    .keys = "train.weight_dtype",
    .wanted = qlora_wanted,
    .choose = qlora_choose,
    .plan = qlora_plan,
};
