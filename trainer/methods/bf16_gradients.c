/* SPDX-License-Identifier: Apache-2.0
 * Gradients of full fine-tuning in bf16: two bytes a weight instead of four, one rounding a
 * micro-batch. Norms, biases and adapters keep theirs in fp32.
 * Read next: model/gradient.h. */
#include "trainer/methods/method.h"

#include <string.h>

static bool bf16_gradients_wanted(const struct train_run *run) {
    return run->options->gradient_dtype != NULL;
}

static err bf16_gradients_choose(const struct train_run *run) {
    return methods_need_base(run, "gradient_dtype");
}

static void bf16_gradients_plan(const struct train_run *run, struct model_plan_options *options) {
    if (!strcmp(run->options->gradient_dtype, "bf16")) options->gradient_dtype = DTYPE_BF16;
}

extern const struct method bf16_gradients_method;
const struct method bf16_gradients_method = {
    .name = "bf16_gradients",
    .summary = "gradients of the model's weights are kept in 16 bits",
    .keys = "train.gradient_dtype",
    .wanted = bf16_gradients_wanted,
    .choose = bf16_gradients_choose,
    .plan = bf16_gradients_plan,
};
