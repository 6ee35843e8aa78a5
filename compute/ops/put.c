/* SPDX-License-Identifier: Apache-2.0
 * Rows put where an index says: plain reference and cases. A copy, so it is exact. The cases hold
 * rows that go nowhere, and rows of heads with gaps, as a decoder takes keys out of mixed rows.
 * Read next: compute/ops/put.h, compute/ops/op.h. */
#include "compute/ops/put.h"

#include "compute/ops/op.h"

enum { SLOT_FROM, SLOT_INDEX, SLOT_TO };

static int64_t count(const void *args, int slot) {
    const struct put_args *p = args;
    if (slot == SLOT_INDEX) return p->n;
    if (slot == SLOT_FROM)
        return (p->n - 1) * p->from_row + (p->h - 1) * p->from_head_stride + p->d;
    return (p->n_to - 1) * p->to_row + (p->h - 1) * p->to_head_stride + p->d;
}

/* Every fifth row goes nowhere, the others to the end of `to` backwards. */
static void indices(const void *args, int slot, void *values, int64_t n) {
    (void)slot;
    int32_t *index = values;
    for (int64_t i = 0; i < n; i++)
        index[i] = i % 5 == 4 ? -1 : (int32_t)(((const struct put_args *)args)->n_to - 1 - i);
}

static void reference(const void *args, double *const *values) {
    const struct put_args *p = args;
    for (int64_t i = 0; i < p->n; i++) {
        const int64_t row = (int64_t)values[SLOT_INDEX][i];
        for (int64_t k = 0; row >= 0 && k < p->h * p->d; k++) {
            const int64_t head = k / p->d, j = k % p->d;
            values[SLOT_TO][row * p->to_row + head * p->to_head_stride + j] =
                values[SLOT_FROM][i * p->from_row + head * p->from_head_stride + j];
        }
    }
}

static double tolerance(const void *args) {
    (void)args;
    return 0;
}

static const struct put_args cases[] = {
    {.n = 1, .n_to = 1, .h = 1, .d = 3, .from_row = 3, .to_row = 3},
    {.n = 13,
     .n_to = 20,
     .h = 3,
     .d = 5,
     .from_row = 30,
     .to_row = 17,
     .from_head_stride = 10,
     .to_head_stride = 6},
    {.n = 200,
     .n_to = 201,
     .h = 4,
     .d = 16,
     .from_row = 128,
     .to_row = 64,
     .from_head_stride = 32,
     .to_head_stride = 16},
    {.n = 6,
     .n_to = 9,
     .h = 2,
     .d = 16,
     .from_row = 35,
     .to_row = 37,
     .from_head_stride = 17,
     .to_head_stride = 18},
    {.n = 3,
     .n_to = 4,
     .h = 40,
     .d = 128,
     .from_row = 5120,
     .to_row = 5128,
     .from_head_stride = 128,
     .to_head_stride = 128},
};

const struct op put_op = {
    .name = "put",
    .summary = "rows put where an index says",
    .args_size = sizeof(struct put_args),
    .slots = {{"from", SLOT_IN, SLOT_ACT, offsetof(struct put_args, from)},
              {"index", SLOT_IN, SLOT_I32, offsetof(struct put_args, index)},
              {"to", SLOT_INOUT, SLOT_ACT, offsetof(struct put_args, to)}},
    .cases = cases,
    .case_names = {"one", "odd", "keys", "odd_strides", "wide"},
    .count = count,
    .indices = indices,
    .reference = reference,
    .tolerance = tolerance,
};
