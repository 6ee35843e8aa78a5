/* SPDX-License-Identifier: Apache-2.0
 * Uniform noise: plain reference, cases and tolerance. It has no backward operation, since the
 * gradient passes through unchanged.
 * Read next: compute/ops/noise.h, compute/ops/op.h. */
#include "compute/ops/noise.h"

#include "base/philox.h"
#include "compute/ops/op.h"

enum { SLOT_ROW, SLOT_SCALE, SLOT_X, SLOT_Y };

static int64_t count(const void *args, int slot) {
    const struct noise_args *p = args;
    return slot == SLOT_ROW || slot == SLOT_SCALE ? p->n : p->n * p->c;
}

/* The rows of a later micro-batch, one of them out of line. */
static void indices(const void *args, int slot, void *values, int64_t n) {
    (void)args, (void)slot;
    int32_t *row = values;
    for (int64_t t = 0; t < n; t++) row[t] = (int32_t)(t == 2 ? 0 : 500 + t);
}

static void reference(const void *args, double *const *values) {
    const struct noise_args *p = args;
    const struct rng rng = {p->seed, RNG_NOISE, p->step};
    for (int64_t t = 0; t < p->n; t++)
        for (int64_t j = 0; j < p->c; j++) {
            uint32_t drawn = rng_u32(&rng, (uint64_t)((int64_t)values[SLOT_ROW][t] * p->c + j));
            double u = (2 * (double)(drawn >> 8) + 1) * 0x1p-24 - 1;
            values[SLOT_Y][t * p->c + j] = values[SLOT_X][t * p->c + j] + values[SLOT_SCALE][t] * u;
        }
}

static double tolerance(const void *args) {
    (void)args;
    return 0x1p-24;
}

static const struct noise_args cases[] = {
    {.n = 1, .c = 1, .seed = 1, .step = 1},
    {.n = 9, .c = 37, .seed = 42, .step = 7},
    {.n = 60, .c = 256, .seed = 9, .step = 1ull << 40},
    {.n = 4, .c = 2101, .seed = 5, .step = 2},
};

const struct op noise_op = {
    .name = "noise",
    .summary = "uniform noise that is a function of seed, step and token",
    .args_size = sizeof(struct noise_args),
    .slots = {{"row", SLOT_IN, SLOT_I32, offsetof(struct noise_args, row)},
              {"scale", SLOT_IN, SLOT_F32, offsetof(struct noise_args, scale)},
              {"x", SLOT_IN, SLOT_ACT, offsetof(struct noise_args, x)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct noise_args, y)}},
    .cases = cases,
    .case_names = {"one", "odd", "wide", "wider"},
    .in_place = {{"y", "x"}},
    .count = count,
    .indices = indices,
    .reference = reference,
    .tolerance = tolerance,
};
