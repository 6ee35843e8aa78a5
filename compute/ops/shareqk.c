/* SPDX-License-Identifier: Apache-2.0
 * Queries and keys from one projection, and the gradient of that: plain references, cases and
 * tolerances.
 * Read next: compute/ops/shareqk.h, compute/ops/op.h. */
#include "compute/ops/shareqk.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_P, SLOT_W, SLOT_B, SLOT_QK };
enum { BACK_P, BACK_DQK, BACK_W, BACK_DP, BACK_DW, BACK_DB };

static double element(const double *values, const struct mat *m, int64_t row, int64_t column) {
    return values[row * m->row_stride + column * m->col_stride];
}

/* Where in a row of qk the query (s = 0) or key (s = 1) of column c lies. */
static int64_t place(int64_t d, int64_t c, int s) {
    return c / d * 2 * d + s * d + c % d;
}

static int64_t shareqk_count(const void *args, int slot) {
    const struct shareqk_args *a = args;
    const int64_t c = a->h * a->d;
    switch (slot) {
    case SLOT_P: return a->n * c;
    case SLOT_W: return op_span(2, c, a->w.row_stride, a->w.col_stride);
    case SLOT_B: return op_span(2, c, a->b.row_stride, a->b.col_stride);
    default: return 2 * a->n * c;
    }
}

static void shareqk_reference(const void *args, double *const *values) {
    const struct shareqk_args *a = args;
    const int64_t columns = a->h * a->d;
    for (int64_t t = 0; t < a->n; t++)
        for (int64_t c = 0; c < columns; c++)
            for (int s = 0; s < 2; s++)
                values[SLOT_QK][t * 2 * columns + place(a->d, c, s)] =
                    element(values[SLOT_W], &a->w, s, c) * values[SLOT_P][t * columns + c] +
                    element(values[SLOT_B], &a->b, s, c);
}

static double shareqk_tolerance(const void *args) {
    (void)args;
    return 0x1p-24;
}

#define ROWS(stride)                                                                               \
    { .row_stride = stride, .col_stride = 1 }
static const struct shareqk_args shareqk_cases[] = {
    {.n = 1, .h = 1, .d = 2, .w = ROWS(2), .b = ROWS(2)},
    {.n = 7, .h = 3, .d = 10, .w = ROWS(30), .b = ROWS(30)},
    {.n = 5, .h = 2, .d = 8, .w = {.row_stride = 1, .col_stride = 2}, .b = ROWS(20)},
    {.n = 70, .h = 4, .d = 64, .w = ROWS(256), .b = ROWS(256)},
    {.n = 9, .h = 9, .d = 64, .w = ROWS(579), .b = ROWS(577)},
};

const struct op shareqk_op = {
    .name = "shareqk",
    .summary = "queries and keys of every head from one projection",
    .args_size = sizeof(struct shareqk_args),
    .slots = {{"p", SLOT_IN, SLOT_ACT, offsetof(struct shareqk_args, p)},
              {"w", SLOT_IN, SLOT_MAT, offsetof(struct shareqk_args, w)},
              {"b", SLOT_IN, SLOT_MAT, offsetof(struct shareqk_args, b)},
              {"qk", SLOT_OUT, SLOT_ACT, offsetof(struct shareqk_args, qk)}},
    .cases = shareqk_cases,
    .case_names = {"one", "odd", "strided", "wide", "wider"},
    .count = shareqk_count,
    .reference = shareqk_reference,
    .tolerance = shareqk_tolerance,
};

/* The case with five rows has a frozen weight. */
static int64_t backward_count(const void *args, int slot) {
    const struct shareqk_backward_args *a = args;
    const int64_t c = a->h * a->d;
    switch (slot) {
    case BACK_DQK: return 2 * a->n * c;
    case BACK_W: return op_span(2, c, a->w.row_stride, a->w.col_stride);
    case BACK_DW: return a->n == 5 ? 0 : 2 * c;
    case BACK_DB: return 2 * c;
    default: return a->n * c;
    }
}

static void backward_reference(const void *args, double *const *values) {
    const struct shareqk_backward_args *a = args;
    const int64_t columns = a->h * a->d;
    for (int64_t t = 0; t < a->n; t++)
        for (int64_t c = 0; c < columns; c++) {
            double dp = 0, p = values[BACK_P][t * columns + c];
            for (int s = 0; s < 2; s++) {
                double d = values[BACK_DQK][t * 2 * columns + place(a->d, c, s)];
                dp += element(values[BACK_W], &a->w, s, c) * d;
                if (values[BACK_DW] != NULL) values[BACK_DW][s * columns + c] += p * d;
                values[BACK_DB][s * columns + c] += d;
            }
            values[BACK_DP][t * columns + c] = dp;
        }
}

static double backward_tolerance(const void *args) {
    return 0x1p-23 + sqrt((double)((const struct shareqk_backward_args *)args)->n) * 0x1p-24;
}

static bool backward_forward(const void *args, void *forward_args) {
    const struct shareqk_backward_args *a = args;
    *(struct shareqk_args *)forward_args =
        (struct shareqk_args){.n = a->n, .h = a->h, .d = a->d, .w = a->w, .b = ROWS(a->h * a->d)};
    return a->w.col_stride == 1;
}

static const struct shareqk_backward_args backward_cases[] = {
    {.n = 1, .h = 1, .d = 2, .w = ROWS(2)},
    {.n = 7, .h = 3, .d = 10, .w = ROWS(30)},
    {.n = 5, .h = 2, .d = 8, .w = {.row_stride = 1, .col_stride = 2}},
    {.n = 70, .h = 4, .d = 64, .w = ROWS(256)},
    {.n = 9, .h = 9, .d = 64, .w = ROWS(576)},
    {.n = 300, .h = 2, .d = 8, .w = ROWS(16)},
};

const struct op shareqk_backward_op = {
    .name = "shareqk_backward",
    .summary = "gradient of shareqk",
    .gradient = "shareqk",
    .args_size = sizeof(struct shareqk_backward_args),
    .slots = {{"p", SLOT_IN, SLOT_ACT, offsetof(struct shareqk_backward_args, p)},
              {"dqk", SLOT_IN, SLOT_ACT, offsetof(struct shareqk_backward_args, dqk)},
              {"w", SLOT_IN, SLOT_MAT, offsetof(struct shareqk_backward_args, w)},
              {"dp", SLOT_OUT, SLOT_ACT, offsetof(struct shareqk_backward_args, dp)},
              {"dw", SLOT_INOUT, SLOT_F32, offsetof(struct shareqk_backward_args, dw)},
              {"db", SLOT_INOUT, SLOT_F32, offsetof(struct shareqk_backward_args, db)}},
    .cases = backward_cases,
    .case_names = {"one", "odd", "frozen_strided", "wide", "wider", "long"},
    .count = backward_count,
    .reference = backward_reference,
    .tolerance = backward_tolerance,
    .forward_case = backward_forward,
};
#undef ROWS
