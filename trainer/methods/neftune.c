/* SPDX-License-Identifier: Apache-2.0
 * NEFTune: noise on the embedded tokens while training. The model makes it, since it knows the
 * tokens' documents; evaluation and generation never see it.
 * Read next: model/noise.c, for the formula and its source. */
#include "trainer/methods/method.h"

static bool neftune_wanted(const struct train_run *run) {
    return run->options->neftune_noise_alpha > 0;
}

static void neftune_plan(const struct train_run *run, struct model_plan_options *options) {
    options->embedding_noise = run->options->neftune_noise_alpha;
}

extern const struct method neftune_method;
const struct method neftune_method = {
    .name = "neftune",
    .summary = "noise of alpha / sqrt(T C) on the embedded tokens, T the document's length",
    .keys = "train.neftune_noise_alpha",
    .wanted = neftune_wanted,
    .plan = neftune_plan,
};
