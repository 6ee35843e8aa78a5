/* SPDX-License-Identifier: Apache-2.0
 * Row broadcasts and sums: plain references, cases and tolerances. Each is the other's gradient.
 * Tolerance of the sum: a chain of N independent roundings adds up as sqrt(N).
 * Read next: compute/ops/rows.h, compute/ops/op.h. */
#include "compute/ops/rows.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_B, SLOT_Y };
enum { SLOT_DY, SLOT_DB };

static int64_t fill_count(const void *args, int slot) {
    const struct fill_rows_args *p = args;
    return slot == SLOT_B ? op_span(1, p->c, p->b.row_stride, p->b.col_stride) : p->n * p->c;
}

static void fill_reference(const void *args, double *const *values) {
    const struct fill_rows_args *p = args;
    for (int64_t i = 0; i < p->n * p->c; i++) {
        values[SLOT_Y][i] = values[SLOT_B][i % p->c * p->b.col_stride];
    }
}

static double fill_tolerance(const void *args) {
    (void)args;
    return 0;
}

static const struct fill_rows_args fill_cases[] = {
    {.n = 1, .c = 1, .b = {.row_stride = 1, .col_stride = 1}},
    {.n = 7, .c = 33, .b = {.row_stride = 33, .col_stride = 1}},
    {.n = 300, .c = 128, .b = {.row_stride = 1, .col_stride = 2}},
};

const struct op fill_rows_op = {
    .name = "fill_rows",
    .summary = "every row of y is b (a bias)",
    .args_size = sizeof(struct fill_rows_args),
    .slots = {{"b", SLOT_IN, SLOT_MAT, offsetof(struct fill_rows_args, b)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct fill_rows_args, y)}},
    .cases = fill_cases,
    .case_names = {"one", "odd", "strided"},
    .count = fill_count,
    .reference = fill_reference,
    .tolerance = fill_tolerance,
};

static int64_t sum_count(const void *args, int slot) {
    const struct sum_rows_args *p = args;
    return slot == SLOT_DY ? p->n * p->c : p->c;
}

static void sum_reference(const void *args, double *const *values) {
    const struct sum_rows_args *p = args;
    for (int64_t i = 0; i < p->n * p->c; i++) values[SLOT_DB][i % p->c] += values[SLOT_DY][i];
}

static double sum_tolerance(const void *args) {
    return sqrt((double)((const struct sum_rows_args *)args)->n) * 0x1p-24;
}

static bool sum_forward(const void *args, void *forward_args) {
    const struct sum_rows_args *p = args;
    *(struct fill_rows_args *)forward_args =
        (struct fill_rows_args){.n = p->n, .c = p->c, .b = {.row_stride = p->c, .col_stride = 1}};
    return true;
}

static const struct sum_rows_args sum_cases[] = {
    {.n = 1, .c = 1}, {.n = 7, .c = 33}, {.n = 300, .c = 200}};

const struct op sum_rows_op = {
    .name = "sum_rows",
    .summary = "gradient of fill_rows: db += the sum of the rows of dy",
    .gradient = "fill_rows",
    .args_size = sizeof(struct sum_rows_args),
    .slots = {{"dy", SLOT_IN, SLOT_ACT, offsetof(struct sum_rows_args, dy)},
              {"db", SLOT_INOUT, SLOT_F32, offsetof(struct sum_rows_args, db)}},
    .cases = sum_cases,
    .case_names = {"one", "odd", "long"},
    .count = sum_count,
    .reference = sum_reference,
    .tolerance = sum_tolerance,
    .forward_case = sum_forward,
};
