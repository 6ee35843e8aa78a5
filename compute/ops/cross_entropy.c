/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy with its gradient: plain reference, cases and tolerance.
 * Tolerance: the sum over V as in rmsnorm.c, and exp of a difference of logits, whose rounding
 * counts with the size of the logits; the tests' logits are of order 1.
 * Read next: compute/ops/cross_entropy.h, compute/ops/op.h. */
#include "compute/ops/cross_entropy.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_Z, SLOT_TARGET, SLOT_LOSS };

static int64_t count(const void *args, int slot) {
    const struct cross_entropy_args *p = args;
    return slot == SLOT_Z ? p->n * p->v : p->n;
}

static void indices(const void *args, int slot, void *values, int64_t n) {
    (void)slot;
    const int64_t v = ((const struct cross_entropy_args *)args)->v;
    int32_t *target = values;
    for (int64_t r = 0; r < n; r++) target[r] = (int32_t)(r == 0 ? v - 1 : r * 31 % v);
}

static void reference(const void *args, double *const *values) {
    const struct cross_entropy_args *p = args;
    for (int64_t r = 0; r < p->n; r++) {
        double *z = values[SLOT_Z] + r * p->v, most = z[0], sum = 0;
        const int64_t target = (int64_t)values[SLOT_TARGET][r];
        for (int64_t j = 0; j < p->v; j++) most = fmax(most, z[j]);
        for (int64_t j = 0; j < p->v; j++) sum += exp(z[j] - most);
        values[SLOT_LOSS][r] = log(sum) + most - z[target];
        for (int64_t j = 0; j < p->v && p->want_gradient; j++) {
            z[j] = (double)p->scale * (exp(z[j] - most) / sum - (j == target));
        }
    }
}

static double tolerance(const void *args) {
    return (log2((double)((const struct cross_entropy_args *)args)->v) / 2 + 8) * 0x1p-24;
}

static const struct cross_entropy_args cases[] = {
    {.n = 1, .v = 1, .want_gradient = false, .scale = 1},
    {.n = 7, .v = 37, .want_gradient = false, .scale = 1},
    {.n = 7, .v = 37, .want_gradient = true, .scale = 0.125f},
    {.n = 20, .v = 3001, .want_gradient = true, .scale = 1},
};

const struct op cross_entropy_op = {
    .name = "cross_entropy",
    .summary = "cross entropy of rows of logits, and its gradient in place",
    .args_size = sizeof(struct cross_entropy_args),
    .slots = {{"z", SLOT_INOUT, SLOT_ACT, offsetof(struct cross_entropy_args, z)},
              {"target", SLOT_IN, SLOT_I32, offsetof(struct cross_entropy_args, target)},
              {"loss", SLOT_OUT, SLOT_F32, offsetof(struct cross_entropy_args, loss)}},
    .cases = cases,
    .case_names = {"one", "odd_loss", "odd_gradient", "wide_gradient"},
    .count = count,
    .indices = indices,
    .reference = reference,
    .tolerance = tolerance,
};
