/* SPDX-License-Identifier: Apache-2.0
 * Matrix product: plain reference, cases and tolerance.
 * Tolerance: an element is a chain of K roundings, each at most 2^-24 of the partial sum;
 * independent, they add up as sqrt(K), relative to partial sums as large as the largest element.
 * Read next: compute/ops/product.h, compute/ops/op.h. */
#include "compute/ops/product.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_A, SLOT_B, SLOT_C };

static int64_t count(const void *args, int slot) {
    const struct product_args *p = args;
    switch (slot) {
    case SLOT_A: return op_span(p->m, p->k, p->a.row_stride, p->a.col_stride);
    case SLOT_B: return op_span(p->k, p->n, p->b.row_stride, p->b.col_stride);
    default: return op_span(p->m, p->n, p->c_stride, 1);
    }
}

static void reference(const void *args, double *const *values) {
    const struct product_args *p = args;
    const double *a = values[SLOT_A], *b = values[SLOT_B];
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double *c = &values[SLOT_C][i * p->c_stride + j];
            double sum = p->accumulate ? *c : 0;
            for (int64_t k = 0; k < p->k; k++) {
                sum += a[i * p->a.row_stride + k * p->a.col_stride] *
                       b[k * p->b.row_stride + j * p->b.col_stride];
            }
            *c = sum;
        }
    }
}

static double tolerance(const void *args) {
    const struct product_args *p = args;
    return (sqrt((double)p->k) + 1) * 0x1p-24;
}

#define PLAIN(rows, cols)                                                                          \
    { .row_stride = (cols), .col_stride = 1 }
#define TURNED(rows, cols)                                                                         \
    { .row_stride = 1, .col_stride = (rows) }
static const struct product_args cases[] = {
    {1, 1, 1, PLAIN(1, 1), PLAIN(1, 1), NULL, 1, false, false},
    {1, 203, 301, PLAIN(1, 301), TURNED(301, 203), NULL, 203, false, false},
    {1, 33, 40, PLAIN(1, 40), PLAIN(40, 33), NULL, 33, true, false},
    {5, 33, 17, PLAIN(5, 17), PLAIN(17, 33), NULL, 33, true, false},
    {64, 96, 32, PLAIN(64, 32), TURNED(32, 96), NULL, 96, false, false},
    {67, 131, 70, PLAIN(67, 70), TURNED(70, 131), NULL, 150, true, false},
    {70, 45, 129, TURNED(70, 129), PLAIN(129, 45), NULL, 45, true, true},
    {300, 5, 13, TURNED(300, 13), TURNED(13, 5), NULL, 5, false, false},
    {9, 70, 519, PLAIN(9, 519), PLAIN(519, 70), NULL, 70, false, false},
    {37,
     18,
     260,
     {.row_stride = 600, .col_stride = 2},
     {.row_stride = 60, .col_stride = 3},
     NULL,
     20,
     true,
     false},
    {140, 300, 7, PLAIN(140, 7), TURNED(7, 300), NULL, 300, false, false},
    {3, 4, 0, PLAIN(3, 0), PLAIN(0, 4), NULL, 4, false, false},
    {8, 50, 64, PLAIN(8, 64), TURNED(64, 50), NULL, 50, false, false},
    {5, 83, 109, PLAIN(5, 109), TURNED(109, 83), NULL, 90, true, false},
    {13, 1100, 20, PLAIN(13, 20), PLAIN(20, 1100), NULL, 1100, false, false},
};

const struct op product_op = {
    .name = "product",
    .summary = "c = [c +] a b for strided views of fp32, bf16, fp16, nf4 or int8",
    .args_size = sizeof(struct product_args),
    .slots = {{"a", SLOT_IN, SLOT_MAT, offsetof(struct product_args, a)},
              {"b", SLOT_IN, SLOT_MAT, offsetof(struct product_args, b)},
              {"c", SLOT_INOUT, SLOT_ACT, offsetof(struct product_args, c)}},
    .cases = cases,
    .case_names = {"one", "decode", "decode_plain", "small_add", "whole_tiles", "ragged_stride_add",
                   "gradient", "both_turned", "long_k", "gathered", "wide", "nothing", "few_rows",
                   "few_rows_ragged_add", "few_rows_many_columns"},
    .count = count,
    .reference = reference,
    .tolerance = tolerance,
};
