/* SPDX-License-Identifier: Apache-2.0
 * Root-mean-square norm and its gradient: plain references, cases and tolerances.
 * Tolerance: a lane's sum has C/16 independent roundings, which add up as sqrt(C/16), and a quarter
 * of that is left of the mean of 16 lanes; the tree adds 4 and the root halves it all: below
 * log2(C)/2 roundings for C to 2^14. Four more are in the element itself.
 * Read next: compute/ops/rmsnorm.h, compute/ops/op.h. */
#include "compute/ops/rmsnorm.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_X, SLOT_W, SLOT_Y, SLOT_RSTD };
enum { BACK_X, BACK_DY, BACK_W, BACK_RSTD, BACK_DX, BACK_DW };

static int64_t norm_count(const void *args, int slot) {
    const struct rmsnorm_args *p = args;
    if (slot == SLOT_W) return op_span(1, p->c, p->w.row_stride, p->w.col_stride);
    return slot == SLOT_RSTD ? p->n : p->n * p->c;
}

static double rstd_of(const double *x, int64_t n, double eps) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += x[j] * x[j];
    return 1 / sqrt(sum / (double)n + eps);
}

static void norm_reference(const void *args, double *const *values) {
    const struct rmsnorm_args *p = args;
    for (int64_t t = 0; t < p->n; t++) {
        const double *x = values[SLOT_X] + t * p->c;
        values[SLOT_RSTD][t] = rstd_of(x, p->c, (double)p->eps);
        for (int64_t j = 0; j < p->c; j++) {
            double w = values[SLOT_W][j * p->w.col_stride];
            values[SLOT_Y][t * p->c + j] = w * x[j] * values[SLOT_RSTD][t];
        }
    }
}

static double norm_tolerance(const void *args) {
    return (log2((double)((const struct rmsnorm_args *)args)->c) / 2 + 4) * 0x1p-24;
}

static const struct rmsnorm_args norm_cases[] = {
    {.n = 1, .c = 1, .eps = 1e-6f, .w = {.row_stride = 1, .col_stride = 1}},
    {.n = 9, .c = 37, .eps = 1e-5f, .w = {.row_stride = 37, .col_stride = 1}},
    {.n = 5, .c = 16, .eps = 1.0f, .w = {.row_stride = 1, .col_stride = 3}},
    {.n = 70, .c = 512, .eps = 1e-6f, .w = {.row_stride = 512, .col_stride = 1}},
    {.n = 3, .c = 4101, .eps = 1e-6f, .w = {.row_stride = 4101, .col_stride = 1}},
};

const struct op rmsnorm_op = {
    .name = "rmsnorm",
    .summary = "root-mean-square norm",
    .args_size = sizeof(struct rmsnorm_args),
    .slots = {{"x", SLOT_IN, SLOT_ACT, offsetof(struct rmsnorm_args, x)},
              {"w", SLOT_IN, SLOT_MAT, offsetof(struct rmsnorm_args, w)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct rmsnorm_args, y)},
              {"rstd", SLOT_OUT, SLOT_F32, offsetof(struct rmsnorm_args, rstd)}},
    .cases = norm_cases,
    .case_names = {"one", "odd", "strided_weight", "wide", "odd_long_rows"},
    .in_place = {{"y", "x"}},
    .count = norm_count,
    .reference = norm_reference,
    .tolerance = norm_tolerance,
};

/* The case with three rows has a frozen weight. */
static int64_t backward_count(const void *args, int slot) {
    const struct rmsnorm_backward_args *p = args;
    if (slot == BACK_W) return op_span(1, p->c, p->w.row_stride, p->w.col_stride);
    if (slot == BACK_DW) return p->n == 3 ? 0 : p->c;
    return slot == BACK_RSTD ? p->n : p->n * p->c;
}

static void backward_prepare(const void *args, double *const *values) {
    const struct rmsnorm_backward_args *p = args;
    for (int64_t t = 0; t < p->n; t++) {
        values[BACK_RSTD][t] = rstd_of(values[BACK_X] + t * p->c, p->c, 1e-6);
    }
}

static void backward_reference(const void *args, double *const *values) {
    const struct rmsnorm_backward_args *p = args;
    for (int64_t t = 0; t < p->n; t++) {
        const double *x = values[BACK_X] + t * p->c, *dy = values[BACK_DY] + t * p->c;
        double rstd = values[BACK_RSTD][t], mean = 0;
        for (int64_t j = 0; j < p->c; j++) {
            mean += dy[j] * values[BACK_W][j * p->w.col_stride] * x[j] / (double)p->c;
        }
        for (int64_t j = 0; j < p->c; j++) {
            double g = dy[j] * values[BACK_W][j * p->w.col_stride];
            double value = rstd * (g - x[j] * rstd * rstd * mean);
            double *dx = &values[BACK_DX][t * p->c + j];
            *dx = p->accumulate ? *dx + value : value;
            if (values[BACK_DW] != NULL) values[BACK_DW][j] += dy[j] * x[j] * rstd;
        }
    }
}

static double backward_tolerance(const void *args) {
    const struct rmsnorm_backward_args *p = args;
    return (log2((double)p->c) / 2 + 4 + sqrt((double)p->n)) * 0x1p-24;
}

static bool backward_forward(const void *args, void *forward_args) {
    const struct rmsnorm_backward_args *p = args;
    *(struct rmsnorm_args *)forward_args =
        (struct rmsnorm_args){.n = p->n, .c = p->c, .eps = 1e-6f, .w = p->w};
    return p->w.col_stride == 1;
}

static const struct rmsnorm_backward_args backward_cases[] = {
    {.n = 1, .c = 2, .w = {.row_stride = 2, .col_stride = 1}},
    {.n = 9, .c = 37, .w = {.row_stride = 37, .col_stride = 1}, .accumulate = true},
    {.n = 3, .c = 20, .w = {.row_stride = 1, .col_stride = 2}},
    {.n = 70, .c = 512, .w = {.row_stride = 512, .col_stride = 1}},
    {.n = 2, .c = 4101, .w = {.row_stride = 4101, .col_stride = 1}, .accumulate = true},
    {.n = 2, .c = 12304, .w = {.row_stride = 12304, .col_stride = 1}},
    {.n = 600, .c = 24, .w = {.row_stride = 24, .col_stride = 1}},
};

const struct op rmsnorm_backward_op = {
    .name = "rmsnorm_backward",
    .summary = "gradient of rmsnorm",
    .gradient = "rmsnorm",
    .args_size = sizeof(struct rmsnorm_backward_args),
    .slots = {{"x", SLOT_IN, SLOT_ACT, offsetof(struct rmsnorm_backward_args, x)},
              {"dy", SLOT_IN, SLOT_ACT, offsetof(struct rmsnorm_backward_args, dy)},
              {"w", SLOT_IN, SLOT_MAT, offsetof(struct rmsnorm_backward_args, w)},
              {"rstd", SLOT_IN, SLOT_F32, offsetof(struct rmsnorm_backward_args, rstd)},
              {"dx", SLOT_INOUT, SLOT_ACT, offsetof(struct rmsnorm_backward_args, dx)},
              {"dw", SLOT_INOUT, SLOT_F32, offsetof(struct rmsnorm_backward_args, dw)}},
    .cases = backward_cases,
    .case_names = {"one", "odd_accumulate", "frozen_strided", "wide", "odd_long_rows", "long_rows",
                   "many_rows"},
    .in_place = {{"dx", "dy"}},
    .count = backward_count,
    .prepare = backward_prepare,
    .reference = backward_reference,
    .tolerance = backward_tolerance,
    .forward_case = backward_forward,
};
