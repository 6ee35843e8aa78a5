/* SPDX-License-Identifier: Apache-2.0
 * Feed-forward activation and its gradient: plain references, cases and tolerances.
 * Tolerance: exp, the sum and the quotient of the sigmoid, then three products: six roundings.
 * Read next: compute/ops/swiglu.h, compute/ops/op.h. */
#include "compute/ops/swiglu.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_UP, SLOT_GATE, SLOT_H };
enum { BACK_UP, BACK_GATE, BACK_DH, BACK_DUP, BACK_DGATE };

static int64_t count(const void *args, int slot) {
    (void)slot;
    return ((const struct swiglu_args *)args)->n;
}

static void reference(const void *args, double *const *values) {
    for (int64_t i = 0; i < ((const struct swiglu_args *)args)->n; i++) {
        double up = values[SLOT_UP][i];
        values[SLOT_H][i] = values[SLOT_GATE][i] * up / (1 + exp(-up));
    }
}

static double tolerance(const void *args) {
    (void)args;
    return 6 * 0x1p-24;
}

static const struct swiglu_args cases[] = {{.n = 1}, {.n = 45}, {.n = 20000}, {.n = 4099}};

const struct op swiglu_op = {
    .name = "swiglu",
    .summary = "feed-forward activation gate * silu(up)",
    .args_size = sizeof(struct swiglu_args),
    .slots = {{"up", SLOT_IN, SLOT_ACT, offsetof(struct swiglu_args, up)},
              {"gate", SLOT_IN, SLOT_ACT, offsetof(struct swiglu_args, gate)},
              {"h", SLOT_OUT, SLOT_ACT, offsetof(struct swiglu_args, h)}},
    .cases = cases,
    .case_names = {"one", "odd", "large", "ragged"},
    .count = count,
    .reference = reference,
    .tolerance = tolerance,
};

static int64_t backward_count(const void *args, int slot) {
    (void)slot;
    return ((const struct swiglu_backward_args *)args)->n;
}

static void backward_reference(const void *args, double *const *values) {
    for (int64_t i = 0; i < ((const struct swiglu_backward_args *)args)->n; i++) {
        double up = values[BACK_UP][i], dh = values[BACK_DH][i], s = 1 / (1 + exp(-up));
        values[BACK_DGATE][i] = dh * up * s;
        values[BACK_DUP][i] = dh * values[BACK_GATE][i] * s * (1 + up * (1 - s));
    }
}

static bool backward_forward(const void *args, void *forward_args) {
    *(struct swiglu_args *)forward_args =
        (struct swiglu_args){.n = ((const struct swiglu_backward_args *)args)->n};
    return true;
}

static const struct swiglu_backward_args backward_cases[] = {
    {.n = 1}, {.n = 45}, {.n = 20000}, {.n = 4099}};

const struct op swiglu_backward_op = {
    .name = "swiglu_backward",
    .summary = "gradient of swiglu",
    .gradient = "swiglu",
    .args_size = sizeof(struct swiglu_backward_args),
    .slots = {{"up", SLOT_IN, SLOT_ACT, offsetof(struct swiglu_backward_args, up)},
              {"gate", SLOT_IN, SLOT_ACT, offsetof(struct swiglu_backward_args, gate)},
              {"dh", SLOT_IN, SLOT_ACT, offsetof(struct swiglu_backward_args, dh)},
              {"dup", SLOT_OUT, SLOT_ACT, offsetof(struct swiglu_backward_args, dup)},
              {"dgate", SLOT_OUT, SLOT_ACT, offsetof(struct swiglu_backward_args, dgate)}},
    .cases = backward_cases,
    .case_names = {"one", "odd", "large", "ragged"},
    .in_place = {{"dup", "up"}, {"dgate", "gate"}},
    .count = backward_count,
    .reference = backward_reference,
    .tolerance = tolerance,
    .forward_case = backward_forward,
};
