/* SPDX-License-Identifier: Apache-2.0
 * AdamW with decoupled weight decay. The arithmetic is compute/ops/adamw.h; here is what it keeps.
 * Source: Loshchilov and Hutter 2019, as torch.optim.AdamW orders the operations.
 * Read next: trainer/optim/optim.h. */
#include "trainer/optim/optim.h"

#include "compute/ops/adamw.h"

static err adamw_update(struct compute *c, const struct optimizer_update *u) {
    const struct adamw_args args = {
        .n = u->n,
        .w = u->param->value + u->begin,
        .m = u->state[0] + u->begin,
        .v = u->state[1] + u->begin,
        .gradient = u->gradient,
        .lr = u->lr,
        .beta1 = u->options->adam_beta1,
        .beta2 = u->options->adam_beta2,
        .eps = u->options->adam_epsilon,
        .weight_decay = u->weight_decay,
        .gradient_scale = u->gradient_scale,
        .step = u->step,
    };
    return c->backend->adamw(c, &args);
}

extern const struct optimizer_kind adamw_optimizer;
const struct optimizer_kind adamw_optimizer = {
    .name = "adamw",
    .summary = "Adam with decoupled weight decay; two fp32 numbers a weight",
    .n_states = 2,
    .state_names = {"exp_avg", "exp_avg_sq"},
    .update = adamw_update,
};
