/* SPDX-License-Identifier: Apache-2.0
 * Matrix product: plain reference, cases and tolerance.
 * Tolerance: an element is a chain of K + more_k roundings, each at most 2^-24 of the partial sum;
 * independent, they add up as the root, relative to partial sums as large as the largest element.
 * Where products are bf16, roundings to it are behind both operands, the bias or the residual, the
 * low-rank part in c, and the result.
 * What is absent in a case has no stride.
 * Read next: compute/ops/product.h, compute/ops/op.h. */
#include "compute/ops/product.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_A, SLOT_B, SLOT_C, SLOT_BIAS, SLOT_MORE_A, SLOT_MORE_B, SLOT_ADD };

static int64_t count(const void *args, int slot) {
    const struct product_args *p = args;
    switch (slot) {
    case SLOT_A: return op_span(p->m, p->k, p->a.row_stride, p->a.col_stride);
    case SLOT_B: return op_span(p->k, p->n, p->b.row_stride, p->b.col_stride);
    case SLOT_BIAS: return p->bias.col_stride ? op_span(1, p->n, 0, p->bias.col_stride) : 0;
    case SLOT_MORE_A: return op_span(p->m, p->more_k, p->more_a.row_stride, p->more_a.col_stride);
    case SLOT_MORE_B: return op_span(p->more_k, p->n, p->more_b.row_stride, p->more_b.col_stride);
    case SLOT_ADD: return p->add_stride ? op_span(p->m, p->n, p->add_stride, 1) : 0;
    default: return op_span(p->m, p->n, p->c_stride, 1);
    }
}

/* Row i of a times column j of b. */
static double dot(const struct mat *a, const double *a_values, int64_t i, const struct mat *b,
                  const double *b_values, int64_t j, int64_t k_count) {
    double sum = 0;
    for (int64_t k = 0; k < k_count; k++) {
        sum += a_values[i * a->row_stride + k * a->col_stride] *
               b_values[k * b->row_stride + j * b->col_stride];
    }
    return sum;
}

static void reference(const void *args, double *const *v) {
    const struct product_args *p = args;
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double *c = &v[SLOT_C][i * p->c_stride + j];
            double sum = p->accumulate ? *c : 0;
            if (v[SLOT_BIAS]) sum = v[SLOT_BIAS][j * p->bias.col_stride];
            sum += dot(&p->a, v[SLOT_A], i, &p->b, v[SLOT_B], j, p->k);
            sum += dot(&p->more_a, v[SLOT_MORE_A], i, &p->more_b, v[SLOT_MORE_B], j, p->more_k);
            if (v[SLOT_ADD]) sum += v[SLOT_ADD][i * p->add_stride + j];
            *c = sum;
        }
    }
}

static double tolerance(const void *args) {
    const struct product_args *p = args;
    return (sqrt((double)(p->k + p->more_k)) + 1 + (p->add_stride != 0)) * 0x1p-24;
}

#define SIZE(rows, cols, terms) .m = (rows), .n = (cols), .k = (terms)
#define PLAIN(rows, cols)                                                                          \
    { .row_stride = (cols), .col_stride = 1 }
#define TURNED(rows, cols)                                                                         \
    { .row_stride = 1, .col_stride = (rows) }
static const struct product_args cases[] = {
    {SIZE(1, 1, 1), .a = PLAIN(1, 1), .b = PLAIN(1, 1), .c_stride = 1},
    {SIZE(1, 203, 301), .a = PLAIN(1, 301), .b = TURNED(301, 203), .c_stride = 203},
    {SIZE(1, 33, 40), .a = PLAIN(1, 40), .b = PLAIN(40, 33), .c_stride = 33, .accumulate = true},
    {SIZE(5, 33, 17), .a = PLAIN(5, 17), .b = PLAIN(17, 33), .c_stride = 33, .accumulate = true},
    {SIZE(64, 96, 32), .a = PLAIN(64, 32), .b = TURNED(32, 96), .c_stride = 96},
    {SIZE(67, 131, 70), .a = PLAIN(67, 70), .b = TURNED(70, 131), .c_stride = 150, .accumulate = 1},
    {SIZE(70, 45, 129), .a = TURNED(70, 129), .b = PLAIN(129, 45), .c_stride = 45, .accumulate = 1},
    {SIZE(300, 5, 13), .a = TURNED(300, 13), .b = TURNED(13, 5), .c_stride = 5},
    {SIZE(9, 70, 519), .a = PLAIN(9, 519), .b = PLAIN(519, 70), .c_stride = 70},
    {SIZE(37, 18, 260), .a = {.row_stride = 600, .col_stride = 2},
     .b = {.row_stride = 60, .col_stride = 3}, .c_stride = 20, .accumulate = true},
    {SIZE(140, 300, 7), .a = PLAIN(140, 7), .b = TURNED(7, 300), .c_stride = 300},
    {SIZE(3, 4, 0), .a = PLAIN(3, 0), .b = PLAIN(0, 4), .c_stride = 4},
    {SIZE(8, 50, 64), .a = PLAIN(8, 64), .b = TURNED(64, 50), .c_stride = 50},
    {SIZE(5, 83, 109), .a = PLAIN(5, 109), .b = TURNED(109, 83), .c_stride = 90, .accumulate = 1},
    {SIZE(13, 1100, 20), .a = PLAIN(13, 20), .b = PLAIN(20, 1100), .c_stride = 1100},
    {SIZE(67, 131, 70), .a = PLAIN(67, 70), .b = TURNED(70, 131), .c_stride = 140,
     .bias = PLAIN(1, 131)},
    {SIZE(3, 83, 70), .a = PLAIN(3, 70), .b = TURNED(70, 83), .c_stride = 83,
     .bias = {.row_stride = 1, .col_stride = 2}},
    {SIZE(3, 50, 0), .a = PLAIN(3, 0), .b = PLAIN(0, 50), .c_stride = 50, .bias = PLAIN(1, 50),
     .add_stride = 60},
    {SIZE(41, 70, 33), .a = PLAIN(41, 33), .b = TURNED(33, 70), .c_stride = 70,
     .more_a = PLAIN(41, 16), .more_b = TURNED(16, 70), .more_k = 16},
    {SIZE(41, 70, 0), .a = PLAIN(41, 0), .b = PLAIN(0, 70), .c_stride = 70, .more_a = TURNED(41, 9),
     .more_b = PLAIN(9, 70), .more_k = 9},
    {SIZE(21, 40, 20), .a = PLAIN(21, 20), .b = TURNED(20, 40), .c_stride = 40, .accumulate = true,
     .more_a = PLAIN(21, 1200), .more_b = TURNED(1200, 40), .more_k = 1200},
    {SIZE(29, 70, 1300), .a = PLAIN(29, 1300), .b = TURNED(1300, 70), .c_stride = 70,
     .add_stride = 75},
    {SIZE(29, 70, 1300), .a = TURNED(29, 1300), .b = PLAIN(1300, 70), .c_stride = 70,
     .accumulate = true, .more_a = PLAIN(29, 5), .more_b = PLAIN(5, 70), .more_k = 5,
     .add_stride = 70},
    {SIZE(50, 101, 519), .a = PLAIN(50, 519), .b = TURNED(519, 101), .c_stride = 110,
     .bias = PLAIN(1, 101), .more_a = PLAIN(50, 23), .more_b = TURNED(23, 101), .more_k = 23,
     .add_stride = 105},
    {SIZE(2, 101, 65), .a = PLAIN(2, 65), .b = TURNED(65, 101), .c_stride = 110,
     .bias = PLAIN(1, 101), .more_a = PLAIN(2, 16), .more_b = TURNED(16, 101), .more_k = 16,
     .add_stride = 101},
    {SIZE(4, 45, 65), .a = PLAIN(4, 65), .b = TURNED(65, 45), .c_stride = 45, .accumulate = true,
     .more_a = TURNED(4, 6), .more_b = PLAIN(6, 45), .more_k = 6, .add_stride = 45},
    {SIZE(64, 48, 160), .a = PLAIN(64, 160), .b = TURNED(160, 48), .c_stride = 64, .paired = true,
     .bias = PLAIN(1, 48), .more_a = PLAIN(64, 16), .more_b = TURNED(16, 48), .more_k = 16,
     .add_stride = 56},
    {SIZE(33, 160, 48), .a = PLAIN(33, 48), .b = PLAIN(48, 160), .c_stride = 160, .paired = true,
     .accumulate = true},
    {SIZE(48, 160, 33), .a = TURNED(48, 33), .b = PLAIN(33, 160), .c_stride = 160, .paired = true,
     .accumulate = true},
    {SIZE(16, 1024, 200), .a = TURNED(16, 200), .b = PLAIN(200, 1024), .c_stride = 1024},
    {SIZE(136, 16, 512), .a = PLAIN(136, 512), .b = TURNED(512, 16), .c_stride = 16},
};

const struct op product_op = {
    .name = "product",
    .summary =
        "c = [c +] [bias +] a b [+ more_a more_b] [+ add], strided fp32, bf16, fp16, nf4, int8",
    .args_size = sizeof(struct product_args),
    .slots = {{"a", SLOT_IN, SLOT_MAT, offsetof(struct product_args, a)},
              {"b", SLOT_IN, SLOT_MAT, offsetof(struct product_args, b)},
              {"c", SLOT_INOUT, SLOT_ACT, offsetof(struct product_args, c)},
              {"bias", SLOT_IN, SLOT_MAT, offsetof(struct product_args, bias)},
              {"more_a", SLOT_IN, SLOT_MAT, offsetof(struct product_args, more_a)},
              {"more_b", SLOT_IN, SLOT_MAT, offsetof(struct product_args, more_b)},
              {"add", SLOT_IN, SLOT_ACT, offsetof(struct product_args, add)}},
    .cases = cases,
    .case_names = {"one",
                   "decode",
                   "decode_plain",
                   "small_add",
                   "whole_tiles",
                   "ragged_stride_add",
                   "gradient",
                   "both_turned",
                   "long_k",
                   "gathered",
                   "wide",
                   "nothing",
                   "few_rows",
                   "few_rows_ragged_add",
                   "few_rows_many_columns",
                   "bias",
                   "few_rows_bias",
                   "nothing_but_bias_and_add",
                   "more",
                   "nothing_but_more",
                   "long_more",
                   "add",
                   "more_and_add",
                   "all",
                   "few_rows_all",
                   "few_rows_plain_more",
                   "paired",
                   "paired_input_gradient",
                   "paired_weight_gradient",
                   "low_rank_gradient",
                   "low_rank_input"},
    .count = count,
    .reference = reference,
    .tolerance = tolerance,
    .bf16_roundings = 5,
};
