/* SPDX-License-Identifier: Apache-2.0
 * The sum of rows: plain reference, cases and tolerance. It is the gradient of a product's bias.
 * Tolerance of the sum: a chain of N independent roundings adds up as sqrt(N).
 * Read next: compute/ops/rows.h, compute/ops/op.h. */
#include "compute/ops/rows.h"

#include "compute/ops/op.h"
#include "compute/ops/product.h"
#include <math.h>

enum { SLOT_DY, SLOT_DB };

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
    *(struct product_args *)forward_args = (struct product_args){
        .m = p->n, .n = p->c, .c_stride = p->c, .bias = {.row_stride = p->c, .col_stride = 1}};
    return true;
}

static const struct sum_rows_args sum_cases[] = {
    {.n = 1, .c = 1}, {.n = 7, .c = 33}, {.n = 300, .c = 200}, {.n = 5, .c = 1031}};

const struct op sum_rows_op = {
    .name = "sum_rows",
    .summary = "gradient of a product's bias: db += the sum of the rows of dy",
    .gradient = "product",
    .args_size = sizeof(struct sum_rows_args),
    .slots = {{"dy", SLOT_IN, SLOT_ACT, offsetof(struct sum_rows_args, dy)},
              {"db", SLOT_INOUT, SLOT_F32, offsetof(struct sum_rows_args, db)}},
    .cases = sum_cases,
    .case_names = {"one", "odd", "long", "odd_wide"},
    .count = sum_count,
    .reference = sum_reference,
    .tolerance = sum_tolerance,
    .forward_case = sum_forward,
    .gradient_names = {{"dy", "dc"}, {"db", "dbias"}},
};
