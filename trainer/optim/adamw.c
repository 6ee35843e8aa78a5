/* SPDX-License-Identifier: Apache-2.0
 * AdamW with decoupled weight decay. The arithmetic is compute/ops/adamw.h; here is what it keeps.
 * Source: Loshchilov and Hutter 2019, as torch.optim.AdamW orders the operations.
 * Read next: trainer/optim/optim.h. */
#include "trainer/optim/adamw_int.h"

struct adamw_args adamw_settings(const struct optimizer_update *u) {
    const struct param *p = u->param;
    return (struct adamw_args){
        .n = u->n,
        .w = p->value ? p->value + u->begin : NULL,
        .w_bf16 = p->value_bf16 ? p->value_bf16 + u->begin : NULL,
        .gradient = u->gradient,
        .lr = u->lr,
        .beta1 = u->options->adam_beta1,
        .beta2 = u->options->adam_beta2,
        .eps = u->options->adam_epsilon,
        .weight_decay = u->weight_decay,
        .gradient_scale = u->gradient_scale,
        .step = u->step,
        .seed = (uint64_t)u->options->seed,
        .first = ((uint64_t)u->number << 40) + (uint64_t)u->begin,
    };
}

int adamw_states(const struct param *p, struct optimizer_state out[OPTIMIZER_MAX_STATES]) {
    out[0] = optimizer_state_like(p, "exp_avg", DTYPE_F32);
    out[1] = optimizer_state_like(p, "exp_avg_sq", DTYPE_F32);
    return 2;
}

err adamw_update(struct compute *c, const struct optimizer_update *u) {
    struct adamw_args args = adamw_settings(u);
    const int64_t at = u->begin - u->state_begin;
    args.m = (float *)u->state[0] + at;
    args.v = (float *)u->state[1] + at;
    return c->backend->adamw(c, &args);
}

extern const struct optimizer_kind adamw_optimizer;
const struct optimizer_kind adamw_optimizer = {
    .name = "adamw",
    .summary = "Adam with decoupled weight decay; two fp32 numbers a weight",
    .states = adamw_states,
    .update = adamw_update,
};
