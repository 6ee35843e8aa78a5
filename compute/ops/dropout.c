/* SPDX-License-Identifier: Apache-2.0
 * Dropout: plain reference, cases and tolerance. It is its own gradient: the same mask and factor
 * on dy, which the table says by its gradient_names.
 * Read next: compute/ops/dropout.h, compute/ops/op.h. */
#include "compute/ops/dropout.h"

#include "base/philox.h"
#include "compute/ops/op.h"

enum { SLOT_ROW, SLOT_X, SLOT_Y };

static int64_t count(const void *args, int slot) {
    const struct dropout_args *p = args;
    return slot == SLOT_ROW ? p->n : p->n * p->c;
}

/* The rows of a later micro-batch, one of them out of line. */
static void indices(const void *args, int slot, void *values, int64_t n) {
    (void)args, (void)slot;
    int32_t *row = values;
    for (int64_t t = 0; t < n; t++) row[t] = (int32_t)(t == 2 ? 0 : 1000 + t);
}

static void reference(const void *args, double *const *values) {
    const struct dropout_args *p = args;
    const struct rng rng = {p->seed, RNG_DROPOUT, p->step};
    const int64_t columns = p->paired ? p->c / 2 : p->c;
    for (int64_t t = 0; t < p->n; t++) {
        for (int64_t j = 0; j < p->c; j++) {
            int64_t row = (int64_t)values[SLOT_ROW][t], column = j;
            if (p->paired) {
                row -= j % 2 == 0;
                column = j / 2;
            }
            uint64_t index = (p->site << 40) + (uint64_t)(row * columns + column);
            bool keep = (double)rng_u32(&rng, index) >= p->p * 0x1p32;
            values[SLOT_Y][t * p->c + j] = keep ? values[SLOT_X][t * p->c + j] / (1 - p->p) : 0;
        }
    }
}

static double tolerance(const void *args) {
    (void)args;
    return 0x1p-23;
}

static bool forward_case(const void *args, void *forward_args) {
    *(struct dropout_args *)forward_args = *(const struct dropout_args *)args;
    return true;
}

static const struct dropout_args cases[] = {
    {.n = 1, .c = 1, .p = 0.5, .seed = 1, .step = 1, .site = 0},
    {.n = 9, .c = 37, .p = 0.1, .seed = 42, .step = 7, .site = 3},
    {.n = 9, .c = 38, .p = 0.05, .seed = 42, .step = 7, .site = 200, .paired = true},
    {.n = 7, .c = 302, .p = 0.3, .seed = 5, .step = 2, .site = 1, .paired = true},
    {.n = 4, .c = 2102, .p = 0.2, .seed = 5, .step = 2, .site = 1, .paired = true},
    {.n = 4, .c = 2101, .p = 0.2, .seed = 5, .step = 2, .site = 4},
    {.n = 30, .c = 512, .p = 0, .seed = 9, .step = 1, .site = 2},
    {.n = 60, .c = 256, .p = 0.75, .seed = 9, .step = 1ull << 40, .site = 2},
};

const struct op dropout_op = {
    .name = "dropout",
    .summary = "dropout whose mask is a function of seed, step, place and token",
    .gradient = "dropout",
    .args_size = sizeof(struct dropout_args),
    .slots = {{"row", SLOT_IN, SLOT_I32, offsetof(struct dropout_args, row)},
              {"x", SLOT_IN, SLOT_ACT, offsetof(struct dropout_args, x)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct dropout_args, y)}},
    .cases = cases,
    .case_names = {"one", "odd", "paired", "paired_long", "paired_longer", "long", "none", "wide"},
    .in_place = {{"y", "x"}},
    .count = count,
    .indices = indices,
    .reference = reference,
    .tolerance = tolerance,
    .forward_case = forward_case,
    .gradient_names = {{"x", "dy"}, {"y", "dx"}},
};
