/* SPDX-License-Identifier: Apache-2.0
 * DoRA's operations: plain references, cases and tolerances. The gradient of `magnitude` is checked
 * for z and m; the one for w is the same operation with shift 1, which has a case of its own.
 * Read next: compute/ops/magnitude.h, compute/ops/op.h. */
#include "compute/ops/magnitude.h"

#include "compute/ops/op.h"
#include <math.h>

/* ---- row_norms ---- */

enum { NORMS_W, NORMS_A, NORMS_B, NORMS_Y };

static int64_t norms_count(const void *args, int slot) {
    const struct row_norms_args *p = args;
    switch (slot) {
    case NORMS_W: return op_span(p->n, p->c, p->w.row_stride, p->w.col_stride);
    case NORMS_A: return p->r * p->c;
    case NORMS_B: return p->n * p->r;
    default: return p->n;
    }
}

static void norms_reference(const void *args, double *const *values) {
    const struct row_norms_args *p = args;
    for (int64_t i = 0; i < p->n; i++) {
        double squares = 0;
        for (int64_t j = 0; j < p->c; j++) {
            double sum = 0;
            for (int64_t k = 0; k < p->r; k++)
                sum += values[NORMS_B][i * p->r + k] * values[NORMS_A][k * p->c + j];
            sum = values[NORMS_W][i * p->w.row_stride + j * p->w.col_stride] + (double)p->s * sum;
            squares += sum * sum;
        }
        values[NORMS_Y][i] = sqrt(squares);
    }
}

static double norms_tolerance(const void *args) {
    const struct row_norms_args *p = args;
    return (sqrt((double)p->r + 2) + sqrt((double)p->c) + 2) * 0x1p-24;
}

static const struct row_norms_args norms_cases[] = {
    {.n = 1, .c = 1, .w = {.row_stride = 1, .col_stride = 1}},
    {.n = 5, .c = 37, .r = 3, .s = 0.5f, .w = {.row_stride = 37, .col_stride = 1}},
    {.n = 40, .c = 700, .r = 8, .s = 2, .w = {.row_stride = 704, .col_stride = 1}},
};

const struct op row_norms_op = {
    .name = "row_norms",
    .summary = "lengths of the rows of a weight with a low-rank update",
    .args_size = sizeof(struct row_norms_args),
    .slots = {{"w", SLOT_IN, SLOT_MAT, offsetof(struct row_norms_args, w)},
              {"a", SLOT_IN, SLOT_F32, offsetof(struct row_norms_args, a)},
              {"b", SLOT_IN, SLOT_F32, offsetof(struct row_norms_args, b)},
              {"y", SLOT_OUT, SLOT_F32, offsetof(struct row_norms_args, y)}},
    .cases = norms_cases,
    .case_names = {"one", "odd", "tiles"},
    .count = norms_count,
    .reference = norms_reference,
    .tolerance = norms_tolerance,
};

/* ---- magnitude ---- */

enum {
    MAGNITUDE_M,
    MAGNITUDE_NORM,
    MAGNITUDE_B,
    MAGNITUDE_W,
    MAGNITUDE_Z,
    MAGNITUDE_V,
    MAGNITUDE_Y
};

/* A case takes W rows where it has no bias. */
static int64_t magnitude_count(const void *args, int slot) {
    const struct magnitude_args *p = args;
    const bool biased = p->b.col_stride > 0;
    switch (slot) {
    case MAGNITUDE_M:
    case MAGNITUDE_NORM: return p->c;
    case MAGNITUDE_B: return biased ? p->c : 0;
    case MAGNITUDE_W: return biased ? 0 : p->n * p->c;
    case MAGNITUDE_Y: return op_span(p->n, p->c, p->y_stride, 1);
    default: return p->n * p->c;
    }
}

static double ratio(double m, double norm) {
    return norm > 0 ? m / norm : 1;
}

static void magnitude_reference(const void *args, double *const *values) {
    const struct magnitude_args *p = args;
    for (int64_t i = 0; i < p->n * p->c; i++) {
        const int64_t j = i % p->c;
        double *y = &values[MAGNITUDE_Y][i / p->c * p->y_stride + j], z = values[MAGNITUDE_Z][i];
        double w = values[MAGNITUDE_W] ? values[MAGNITUDE_W][i]
                                       : *y - (values[MAGNITUDE_B] ? values[MAGNITUDE_B][j] : 0);
        values[MAGNITUDE_V][i] = w + z;
        *y += (ratio(values[MAGNITUDE_M][j], values[MAGNITUDE_NORM][j]) - 1) * (w + z) + z;
    }
}

static double magnitude_tolerance(const void *args) {
    (void)args;
    return 8 * 0x1p-24;
}

/* Norms are positive; one of them is 0. */
static void magnitude_prepare(const void *args, double *const *values) {
    const struct magnitude_args *p = args;
    for (int64_t j = 0; j < p->c; j++)
        values[MAGNITUDE_NORM][j] = j == 2 ? 0 : 1 + fabs(values[MAGNITUDE_NORM][j]);
}

#define BIASED .b = {.row_stride = 1, .col_stride = 1}
static const struct magnitude_args magnitude_cases[] = {
    {.n = 1, .c = 1, .y_stride = 1},
    {.n = 7, .c = 37, .y_stride = 80},
    {.n = 150, .c = 130, .y_stride = 130, BIASED},
};

const struct op magnitude_op = {
    .name = "magnitude",
    .summary = "rows of an adapted product brought to their learned lengths (DoRA)",
    .args_size = sizeof(struct magnitude_args),
    .slots = {{"m", SLOT_IN, SLOT_F32, offsetof(struct magnitude_args, m)},
              {"norm", SLOT_IN, SLOT_F32, offsetof(struct magnitude_args, norm)},
              {"b", SLOT_IN, SLOT_MAT, offsetof(struct magnitude_args, b)},
              {"w", SLOT_IN, SLOT_ACT, offsetof(struct magnitude_args, w)},
              {"z", SLOT_IN, SLOT_ACT, offsetof(struct magnitude_args, z)},
              {"v", SLOT_OUT, SLOT_ACT, offsetof(struct magnitude_args, v)},
              {"y", SLOT_INOUT, SLOT_ACT, offsetof(struct magnitude_args, y)}},
    .cases = magnitude_cases,
    .case_names = {"one", "strided", "biased"},
    .in_place = {{"v", "z"}},
    .count = magnitude_count,
    .prepare = magnitude_prepare,
    .reference = magnitude_reference,
    .tolerance = magnitude_tolerance,
};

/* ---- magnitude_backward ---- */

enum { BACKWARD_M, BACKWARD_NORM, BACKWARD_DY, BACKWARD_V, BACKWARD_DZ, BACKWARD_DM };

/* A case with a shift has no dm. */
static int64_t backward_count(const void *args, int slot) {
    const struct magnitude_backward_args *p = args;
    const bool shifted = p->shift != 0;
    switch (slot) {
    case BACKWARD_DY: return op_span(p->n, p->c, p->dy_stride, 1);
    case BACKWARD_DZ: return p->n * p->c;
    case BACKWARD_V: return shifted ? 0 : p->n * p->c;
    case BACKWARD_DM: return shifted ? 0 : p->c;
    default: return p->c;
    }
}

static void backward_reference(const void *args, double *const *values) {
    const struct magnitude_backward_args *p = args;
    for (int64_t i = 0; i < p->n * p->c; i++) {
        const int64_t j = i % p->c;
        double dy = values[BACKWARD_DY][i / p->c * p->dy_stride + j];
        double norm = values[BACKWARD_NORM][j];
        values[BACKWARD_DZ][i] = (ratio(values[BACKWARD_M][j], norm) - (double)p->shift) * dy;
        if (values[BACKWARD_DM] && norm > 0)
            values[BACKWARD_DM][j] += dy * values[BACKWARD_V][i] / norm;
    }
}

static double backward_tolerance(const void *args) {
    return (sqrt((double)((const struct magnitude_backward_args *)args)->n) + 8) * 0x1p-24;
}

static bool backward_forward(const void *args, void *forward_args) {
    const struct magnitude_backward_args *p = args;
    *(struct magnitude_args *)forward_args =
        (struct magnitude_args){.n = p->n, .c = p->c, .y_stride = p->dy_stride, BIASED};
    return p->shift == 0;
}

static const struct magnitude_backward_args backward_cases[] = {
    {.n = 1, .c = 1, .dy_stride = 1},
    {.n = 7, .c = 37, .dy_stride = 80},
    {.n = 150, .c = 130, .dy_stride = 130},
    {.n = 9, .c = 33, .dy_stride = 33, .shift = 1},
};

const struct op magnitude_backward_op = {
    .name = "magnitude_backward",
    .summary = "gradient of magnitude, the norm held constant",
    .gradient = "magnitude",
    .args_size = sizeof(struct magnitude_backward_args),
    .slots = {{"m", SLOT_IN, SLOT_F32, offsetof(struct magnitude_backward_args, m)},
              {"norm", SLOT_IN, SLOT_F32, offsetof(struct magnitude_backward_args, norm)},
              {"dy", SLOT_IN, SLOT_ACT, offsetof(struct magnitude_backward_args, dy)},
              {"v", SLOT_IN, SLOT_ACT, offsetof(struct magnitude_backward_args, v)},
              {"dz", SLOT_OUT, SLOT_ACT, offsetof(struct magnitude_backward_args, dz)},
              {"dm", SLOT_INOUT, SLOT_F32, offsetof(struct magnitude_backward_args, dm)}},
    .cases = backward_cases,
    .case_names = {"one", "strided", "long", "shifted"},
    .count = backward_count,
    .prepare = magnitude_prepare, /* the first two slots are those of magnitude */
    .reference = backward_reference,
    .tolerance = backward_tolerance,
    .forward_case = backward_forward,
};
