/* SPDX-License-Identifier: Apache-2.0
 * AdamW whose two states are held in 8 bits an element, with one fp32 scale for each 256 of them:
 * a quarter of the memory. Parameters of fewer than 4096 elements (norms, biases), which save
 * nothing, keep fp32 states, as in bitsandbytes.
 * Source: Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization".
 * Read next: compute/ops/adamw.h for the codes. */
#include "trainer/optim/adamw_int.h"

enum { LEAST_COUNT = 4096 };

static bool in_8_bits(const struct param *p) {
    return p->count >= LEAST_COUNT;
}

static struct optimizer_state largest_of(const struct param *p, const char *name) {
    const int64_t blocks = (p->count + ADAMW_BLOCK - 1) / ADAMW_BLOCK;
    return (struct optimizer_state){.name = name,
                                    .dtype = DTYPE_F32,
                                    .n_dims = 1,
                                    .shape = {blocks},
                                    .count = blocks,
                                    .block = ADAMW_BLOCK};
}

static int states(const struct param *p, struct optimizer_state out[OPTIMIZER_MAX_STATES]) {
    if (!in_8_bits(p)) return adamw_states(p, out);
    out[0] = optimizer_state_like(p, "exp_avg", DTYPE_U8);
    out[1] = optimizer_state_like(p, "exp_avg_sq", DTYPE_U8);
    out[2] = largest_of(p, "exp_avg_absmax");
    out[3] = largest_of(p, "exp_avg_sq_absmax");
    return 4;
}

static err update(struct compute *c, const struct optimizer_update *u) {
    if (!in_8_bits(u->param)) return adamw_update(c, u);
    struct adamw_args args = adamw_settings(u);
    const int64_t at = u->begin - u->state_begin;
    args.states_8bit = true;
    args.m_codes = (uint8_t *)u->state[0] + at;
    args.v_codes = (uint8_t *)u->state[1] + at;
    args.m_largest = (float *)u->state[2] + at / ADAMW_BLOCK;
    args.v_largest = (float *)u->state[3] + at / ADAMW_BLOCK;
    return c->backend->adamw(c, &args);
}

extern const struct optimizer_kind adamw_8bit_optimizer;
const struct optimizer_kind adamw_8bit_optimizer = {
    .name = "adamw_8bit",
    .summary = "AdamW with block-wise 8-bit states; two bytes a weight",
    .states = states,
    .update = update,
};
