/* SPDX-License-Identifier: Apache-2.0
 * Constant factor: plain reference, cases and tolerance, which is that of the one rounding. It is
 * its own gradient, on dy.
 * Read next: compute/ops/scale.h, compute/ops/op.h. */
#include "compute/ops/scale.h"

#include "compute/ops/op.h"

enum { SLOT_X, SLOT_Y };

static int64_t count(const void *args, int slot) {
    (void)slot;
    return ((const struct scale_args *)args)->n;
}

static void reference(const void *args, double *const *values) {
    const struct scale_args *p = args;
    for (int64_t i = 0; i < p->n; i++) values[SLOT_Y][i] = (double)p->s * values[SLOT_X][i];
}

static double tolerance(const void *args) {
    (void)args;
    return 0x1p-24;
}

static const struct scale_args cases[] = {
    {.n = 1, .s = 2}, {.n = 37, .s = 0.3f}, {.n = 40000, .s = -1.7f}};

const struct op scale_op = {
    .name = "scale",
    .summary = "constant factor y = s x",
    .args_size = sizeof(struct scale_args),
    .slots = {{"x", SLOT_IN, SLOT_ACT, offsetof(struct scale_args, x)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct scale_args, y)}},
    .cases = cases,
    .case_names = {"one", "odd", "large"},
    .in_place = {{"y", "x"}},
    .count = count,
    .reference = reference,
    .tolerance = tolerance,
};
