/* SPDX-License-Identifier: Apache-2.0
 * Residual sum: plain reference, cases and tolerance, which is that of the one rounding. It has no
 * backward operation: its gradient is dy for both operands.
 * Read next: compute/ops/add.h, compute/ops/op.h. */
#include "compute/ops/add.h"

#include "compute/ops/op.h"

enum { SLOT_A, SLOT_B, SLOT_Y };

static int64_t count(const void *args, int slot) {
    (void)slot;
    return ((const struct add_args *)args)->n;
}

static void reference(const void *args, double *const *values) {
    const struct add_args *p = args;
    for (int64_t i = 0; i < p->n; i++) values[SLOT_Y][i] = values[SLOT_A][i] + values[SLOT_B][i];
}

static double tolerance(const void *args) {
    (void)args;
    return 0x1p-24;
}

static const struct add_args cases[] = {{.n = 1}, {.n = 37}, {.n = 40000}, {.n = 4099}};

const struct op add_op = {
    .name = "add",
    .summary = "residual sum y = a + b",
    .args_size = sizeof(struct add_args),
    .slots = {{"a", SLOT_IN, SLOT_ACT, offsetof(struct add_args, a)},
              {"b", SLOT_IN, SLOT_ACT, offsetof(struct add_args, b)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct add_args, y)}},
    .cases = cases,
    .case_names = {"one", "odd", "large", "ragged"},
    .in_place = {{"y", "a"}, {"y", "b"}},
    .count = count,
    .reference = reference,
    .tolerance = tolerance,
};
