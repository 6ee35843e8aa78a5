/* SPDX-License-Identifier: Apache-2.0
 * Full fine-tuning of weights that are held in bf16: two bytes a weight instead of four. Updates
 * are rounded stochastically, so that the small ones are not lost (compute/ops/adamw.h). Norms and
 * biases stay in fp32. Without it the trained weights are their own fp32 masters.
 * Read next: model/weights.c, trainer/methods/bf16_gradients.c. */
#include "trainer/methods/method.h"

#include <string.h>

static bool bf16_weights_wanted(const struct train_run *run) {
    return run->options->trained_weight_dtype != NULL;
}

static err bf16_weights_choose(const struct train_run *run) {
    return methods_need_base(run, "trained_weight_dtype");
}

static void bf16_weights_plan(const struct train_run *run, struct model_plan_options *options) {
    if (!strcmp(run->options->trained_weight_dtype, "bf16")) options->trained_dtype = DTYPE_BF16;
}

extern const struct method bf16_weights_method;
const struct method bf16_weights_method = {
    .name = "bf16_weights",
    .summary = "trained weights are held in 16 bits and rounded at random",
    .keys = "train.trained_weight_dtype",
    .wanted = bf16_weights_wanted,
    .choose = bf16_weights_choose,
    .plan = bf16_weights_plan,
};
