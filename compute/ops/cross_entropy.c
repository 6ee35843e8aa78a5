/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy and its gradient: plain references, cases and tolerance.
 * Tolerance: the sum over V as in rmsnorm.c, and exp of a difference of logits, whose rounding
 * counts with the size of the logits; the tests' logits are of order 1.
 * Read next: compute/ops/cross_entropy.h, compute/ops/op.h. */
#include "compute/ops/cross_entropy.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_Z, SLOT_TARGET, SLOT_MOST, SLOT_SUM, SLOT_LOSS };

static int64_t slot_count(int slot, int64_t n, int64_t v) {
    return slot == SLOT_Z ? n * v : n;
}

/* Within the range, before it and, where there may be more, past it. */
static void targets(int64_t first, int64_t v, bool last, void *values, int64_t n) {
    const int64_t end = first + v + (last ? 0 : v / 2);
    for (int64_t r = 0; r < n; r++)
        ((int32_t *)values)[r] = (int32_t)(r == 0 ? first + v - 1 : r * 3001 % end);
}

static double tolerance_of(int64_t v) {
    return (log2((double)v) / 2 + 8) * 0x1p-24;
}

/* ---- forward ---- */

static int64_t count(const void *args, int slot) {
    const struct cross_entropy_args *p = args;
    return slot_count(slot, p->n, p->v);
}

static void indices(const void *args, int slot, void *values, int64_t n) {
    const struct cross_entropy_args *p = args;
    (void)slot;
    targets(p->first, p->v, p->last, values, n);
}

/* What ranges before have left: a sum is above 0. */
static void prepare(const void *args, double *const *values) {
    const struct cross_entropy_args *p = args;
    for (int64_t r = 0; r < p->n; r++) values[SLOT_SUM][r] = fabs(values[SLOT_SUM][r]) + 1;
}

static void reference(const void *args, double *const *values) {
    const struct cross_entropy_args *p = args;
    for (int64_t r = 0; r < p->n; r++) {
        const double *z = values[SLOT_Z] + r * p->v;
        const int64_t at = (int64_t)values[SLOT_TARGET][r] - p->first;
        double most = p->first ? values[SLOT_MOST][r] : z[0], sum = 0;
        for (int64_t j = 0; j < p->v; j++) most = fmax(most, z[j]);
        if (p->first) sum = values[SLOT_SUM][r] * exp(values[SLOT_MOST][r] - most);
        for (int64_t j = 0; j < p->v; j++) sum += exp(z[j] - most);
        double loss = p->first ? values[SLOT_LOSS][r] : 0;
        if (at >= 0 && at < p->v) loss = -z[at];
        values[SLOT_MOST][r] = most;
        values[SLOT_SUM][r] = sum;
        values[SLOT_LOSS][r] = p->last ? loss + log(sum) + most : loss;
    }
}

static double tolerance(const void *args) {
    return tolerance_of(((const struct cross_entropy_args *)args)->v);
}

static const struct cross_entropy_args cases[] = {
    {.n = 1, .v = 1, .last = true},
    {.n = 7, .v = 37, .last = true},
    {.n = 20, .v = 3001, .last = true},
    {.n = 3, .v = 2 * CROSS_ENTROPY_BLOCK + 5, .last = true},
    {.n = 5, .v = CROSS_ENTROPY_BLOCK},
    {.n = 5, .v = CROSS_ENTROPY_BLOCK, .first = CROSS_ENTROPY_BLOCK},
    {.n = 5, .v = 77, .first = 3 * CROSS_ENTROPY_BLOCK, .last = true},
};

const struct op cross_entropy_op = {
    .name = "cross_entropy",
    .summary = "cross entropy of rows of logits, a range of the vocabulary at a time",
    .args_size = sizeof(struct cross_entropy_args),
    .slots = {{"z", SLOT_IN, SLOT_ACT, offsetof(struct cross_entropy_args, z)},
              {"target", SLOT_IN, SLOT_I32, offsetof(struct cross_entropy_args, target)},
              {"most", SLOT_INOUT, SLOT_F32, offsetof(struct cross_entropy_args, most)},
              {"sum", SLOT_INOUT, SLOT_F32, offsetof(struct cross_entropy_args, sum)},
              {"loss", SLOT_INOUT, SLOT_F32, offsetof(struct cross_entropy_args, loss)}},
    .cases = cases,
    .case_names = {"one", "odd", "wide", "blocks", "first_range", "next_range", "last_range"},
    .count = count,
    .indices = indices,
    .prepare = prepare,
    .reference = reference,
    .tolerance = tolerance,
};

/* ---- backward ---- */

static int64_t backward_count(const void *args, int slot) {
    const struct cross_entropy_backward_args *p = args;
    return slot_count(slot, p->n, p->v);
}

static void backward_indices(const void *args, int slot, void *values, int64_t n) {
    const struct cross_entropy_backward_args *p = args;
    (void)slot;
    targets(p->first, p->v, false, values, n);
}

static void backward_prepare(const void *args, double *const *values) {
    const struct cross_entropy_backward_args *p = args;
    for (int64_t r = 0; r < p->n; r++) {
        const double *z = values[SLOT_Z] + r * p->v;
        double most = z[0], sum = 0;
        for (int64_t j = 0; j < p->v; j++) most = fmax(most, z[j]);
        for (int64_t j = 0; j < p->v; j++) sum += exp(z[j] - most);
        values[SLOT_MOST][r] = most;
        values[SLOT_SUM][r] = sum;
    }
}

static void backward_reference(const void *args, double *const *values) {
    const struct cross_entropy_backward_args *p = args;
    for (int64_t r = 0; r < p->n; r++) {
        double *z = values[SLOT_Z] + r * p->v;
        const int64_t at = (int64_t)values[SLOT_TARGET][r] - p->first;
        for (int64_t j = 0; j < p->v; j++)
            z[j] = (double)p->scale *
                   (exp(z[j] - values[SLOT_MOST][r]) / values[SLOT_SUM][r] - (j == at));
    }
}

static double backward_tolerance(const void *args) {
    return tolerance_of(((const struct cross_entropy_backward_args *)args)->v);
}

static const struct cross_entropy_backward_args backward_cases[] = {
    {.n = 1, .v = 1, .scale = 1},
    {.n = 7, .v = 37, .scale = 0.125f},
    {.n = 20, .v = 3001, .scale = 1},
    {.n = 5, .v = 777, .first = CROSS_ENTROPY_BLOCK, .scale = 2},
    {.n = 5, .v = 2 * CROSS_ENTROPY_BLOCK, .scale = 1},
};

const struct op cross_entropy_backward_op = {
    .name = "cross_entropy_backward",
    .summary = "gradient of cross entropy in place of a range of logits",
    .args_size = sizeof(struct cross_entropy_backward_args),
    .slots = {{"z", SLOT_INOUT, SLOT_ACT, offsetof(struct cross_entropy_backward_args, z)},
              {"target", SLOT_IN, SLOT_I32, offsetof(struct cross_entropy_backward_args, target)},
              {"most", SLOT_IN, SLOT_F32, offsetof(struct cross_entropy_backward_args, most)},
              {"sum", SLOT_IN, SLOT_F32, offsetof(struct cross_entropy_backward_args, sum)}},
    .cases = backward_cases,
    .case_names = {"one", "odd", "wide", "range", "blocks"},
    .count = backward_count,
    .indices = backward_indices,
    .prepare = backward_prepare,
    .reference = backward_reference,
    .tolerance = backward_tolerance,
};
