/* SPDX-License-Identifier: Apache-2.0
 * AdamW and the sum of squares: plain references, cases and tolerances.
 * Tolerance of the sum: N roundings of 2^-53, none of which can cancel.
 * Read next: compute/ops/adamw.h, compute/ops/op.h. */
#include "compute/ops/adamw.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_W, SLOT_M, SLOT_V, SLOT_GRADIENT };

static int64_t count(const void *args, int slot) {
    (void)slot;
    return ((const struct adamw_args *)args)->n;
}

/* Moments as they are after some steps: v is a mean of squares, m^2 at most that. */
static void prepare(const void *args, double *const *values) {
    for (int64_t i = 0; i < ((const struct adamw_args *)args)->n; i++) {
        values[SLOT_V][i] = values[SLOT_M][i] * values[SLOT_M][i] + 0.01;
        values[SLOT_M][i] *= 0.5;
    }
}

static void reference(const void *args, double *const *values) {
    const struct adamw_args *p = args;
    for (int64_t i = 0; i < p->n; i++) {
        double g = values[SLOT_GRADIENT][i] * p->gradient_scale;
        double m = p->beta1 * values[SLOT_M][i] + (1 - p->beta1) * g;
        double v = p->beta2 * values[SLOT_V][i] + (1 - p->beta2) * g * g;
        double w = values[SLOT_W][i];
        w -= p->lr * p->weight_decay * w;
        double m_hat = m / (1 - pow(p->beta1, (double)p->step));
        double v_hat = v / (1 - pow(p->beta2, (double)p->step));
        values[SLOT_W][i] = w - p->lr * m_hat / (sqrt(v_hat) + p->eps);
        values[SLOT_M][i] = m;
        values[SLOT_V][i] = v;
    }
}

static double tolerance(const void *args) {
    (void)args;
    return 8 * 0x1p-24;
}

#define ROW                                                                                        \
    { .col_stride = 1 }

static const struct adamw_args cases[] = {
    {.n = 1,
     .gradient = ROW,
     .lr = 1e-3,
     .beta1 = 0.9,
     .beta2 = 0.999,
     .eps = 1e-8,
     .gradient_scale = 1,
     .step = 1},
    {.n = 37,
     .gradient = ROW,
     .lr = 1e-2,
     .beta1 = 0.9,
     .beta2 = 0.95,
     .eps = 1e-8,
     .weight_decay = 0.1,
     .gradient_scale = 0.3,
     .step = 5},
    {.n = 20000,
     .gradient = ROW,
     .lr = 1e-4,
     .beta1 = 0.8,
     .beta2 = 0.999,
     .eps = 1e-6,
     .weight_decay = 0.01,
     .gradient_scale = 2,
     .step = 1000},
};

const struct op adamw_op = {
    .name = "adamw",
    .summary = "one step of AdamW with decoupled weight decay",
    .args_size = sizeof(struct adamw_args),
    .slots = {{"w", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, w)},
              {"m", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, m)},
              {"v", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, v)},
              {"gradient", SLOT_IN, SLOT_MAT, offsetof(struct adamw_args, gradient)}},
    .cases = cases,
    .case_names = {"first", "decay", "large"},
    .count = count,
    .prepare = prepare,
    .reference = reference,
    .tolerance = tolerance,
};

enum { SLOT_X, SLOT_OUT_SUM };

static int64_t squares_count(const void *args, int slot) {
    return slot == SLOT_X ? ((const struct sum_squares_args *)args)->n : 1;
}

static void squares_reference(const void *args, double *const *values) {
    double sum = 0;
    for (int64_t i = 0; i < ((const struct sum_squares_args *)args)->n; i++) {
        sum += values[SLOT_X][i] * values[SLOT_X][i];
    }
    values[SLOT_OUT_SUM][0] = sum;
}

static double squares_tolerance(const void *args) {
    return (double)((const struct sum_squares_args *)args)->n * 0x1p-53;
}

static const struct sum_squares_args squares_cases[] = {
    {.n = 0, .x = ROW}, {.n = 1, .x = ROW}, {.n = 1037, .x = ROW}, {.n = 100000, .x = ROW}};

const struct op sum_squares_op = {
    .name = "sum_squares",
    .summary = "sum of squares, in double precision",
    .args_size = sizeof(struct sum_squares_args),
    .slots = {{"x", SLOT_IN, SLOT_MAT, offsetof(struct sum_squares_args, x)},
              {"out", SLOT_OUT, SLOT_F64, offsetof(struct sum_squares_args, out)}},
    .cases = squares_cases,
    .case_names = {"none", "one", "odd", "large"},
    .count = squares_count,
    .reference = squares_reference,
    .tolerance = squares_tolerance,
};
