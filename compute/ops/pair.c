/* SPDX-License-Identifier: Apache-2.0
 * Rows paired with the row before: plain references, cases and tolerances. Pairing copies and is
 * exact; its gradient adds two rows, or three where it accumulates.
 * Read next: compute/ops/pair.h, compute/ops/op.h. */
#include "compute/ops/pair.h"

#include "compute/ops/op.h"

enum { SLOT_X, SLOT_LINK, SLOT_BEFORE, SLOT_BEFORE_ROW, SLOT_Y };
enum { SLOT_DY, SLOT_DLINK, SLOT_DX };

static int64_t pair_count(const void *args, int slot) {
    const struct pair_args *p = args;
    switch (slot) {
    case SLOT_X: return p->n * p->c;
    case SLOT_LINK: return p->n;
    case SLOT_BEFORE: return p->n_before * p->c;
    case SLOT_BEFORE_ROW: return p->n_before ? p->n : 0;
    default: return 2 * p->n * p->c;
    }
}

/* Borders at rows 0, 3, 4, 9 and 40. */
static bool linked(int64_t t) {
    return t != 0 && t != 3 && t != 4 && t != 9 && t != 40;
}

/* Rows before: of rows 0, 3 (which has no link), 5, 10, ... the last first. */
static int64_t before_row(const struct pair_args *p, int64_t t) {
    return p->n_before && (t % 5 == 0 || t == 3) ? p->n_before - 1 - t / 5 % p->n_before : -1;
}

static void pair_indices(const void *args, int slot, void *values, int64_t n) {
    for (int64_t t = 0; t < n; t++) {
        const int64_t row = before_row(args, t);
        if (slot == SLOT_BEFORE_ROW)
            ((int32_t *)values)[t] = (int32_t)row;
        else
            ((uint8_t *)values)[t] = linked(t) || (t == 0 && row >= 0);
    }
}

static void pair_reference(const void *args, double *const *values) {
    const struct pair_args *p = args;
    const double *x = values[SLOT_X];
    for (int64_t t = 0; t < p->n; t++) {
        for (int64_t j = 0; j < p->c; j++) {
            const double *rows = values[SLOT_BEFORE_ROW];
            double before = 0;
            if (values[SLOT_LINK][t] != 0)
                before = rows && rows[t] >= 0 ? values[SLOT_BEFORE][(int64_t)rows[t] * p->c + j]
                                              : x[(t - 1) * p->c + j];
            values[SLOT_Y][2 * (t * p->c + j)] = before;
            values[SLOT_Y][2 * (t * p->c + j) + 1] = x[t * p->c + j];
        }
    }
}

static double pair_tolerance(const void *args) {
    (void)args;
    return 0;
}

static const struct pair_args pair_cases[] = {
    {.n = 1, .c = 5, .n_before = 1},     {.n = 11, .c = 33},
    {.n = 23, .c = 6, .n_before = 3},    {.n = 200, .c = 64},
    {.n = 12, .c = 1030, .n_before = 2},
};

const struct op pair_op = {
    .name = "pair",
    .summary = "each row interleaved with the row before it",
    .args_size = sizeof(struct pair_args),
    .slots = {{"x", SLOT_IN, SLOT_ACT, offsetof(struct pair_args, x)},
              {"link", SLOT_IN, SLOT_U8, offsetof(struct pair_args, link)},
              {"before", SLOT_IN, SLOT_ACT, offsetof(struct pair_args, before)},
              {"before_row", SLOT_IN, SLOT_I32, offsetof(struct pair_args, before_row)},
              {"y", SLOT_OUT, SLOT_ACT, offsetof(struct pair_args, y)}},
    .cases = pair_cases,
    .case_names = {"one_with_before", "borders", "before", "long", "wide"},
    .count = pair_count,
    .indices = pair_indices,
    .reference = pair_reference,
    .tolerance = pair_tolerance,
};

static int64_t unpair_count(const void *args, int slot) {
    const struct unpair_args *p = args;
    return slot == SLOT_DLINK ? p->n : slot == SLOT_DY ? 2 * p->n * p->c : p->n * p->c;
}

static void unpair_indices(const void *args, int slot, void *values, int64_t n) {
    (void)args, (void)slot;
    uint8_t *link = values;
    for (int64_t t = 0; t < n; t++) link[t] = linked(t);
}

static void unpair_reference(const void *args, double *const *values) {
    const struct unpair_args *p = args;
    const double *dy = values[SLOT_DY];
    for (int64_t t = 0; t < p->n; t++) {
        for (int64_t j = 0; j < p->c; j++) {
            double sum = dy[2 * (t * p->c + j) + 1];
            if (t + 1 < p->n && values[SLOT_DLINK][t + 1] != 0) sum += dy[2 * ((t + 1) * p->c + j)];
            double *dx = &values[SLOT_DX][t * p->c + j];
            *dx = p->accumulate ? *dx + sum : sum;
        }
    }
}

static double unpair_tolerance(const void *args) {
    (void)args;
    return 0x1p-23;
}

static bool unpair_forward(const void *args, void *forward_args) {
    const struct unpair_args *p = args;
    *(struct pair_args *)forward_args = (struct pair_args){.n = p->n, .c = p->c};
    return true;
}

static const struct unpair_args unpair_cases[] = {{.n = 1, .c = 5},
                                                  {.n = 11, .c = 33},
                                                  {.n = 12, .c = 5, .accumulate = true},
                                                  {.n = 9, .c = 40, .accumulate = true},
                                                  {.n = 200, .c = 64},
                                                  {.n = 6, .c = 1030, .accumulate = true}};

const struct op unpair_op = {
    .name = "unpair",
    .summary = "gradient of pair",
    .gradient = "pair",
    .args_size = sizeof(struct unpair_args),
    .slots = {{"dy", SLOT_IN, SLOT_ACT, offsetof(struct unpair_args, dy)},
              {"link", SLOT_IN, SLOT_U8, offsetof(struct unpair_args, link)},
              {"dx", SLOT_INOUT, SLOT_ACT, offsetof(struct unpair_args, dx)}},
    .cases = unpair_cases,
    .case_names = {"one", "borders", "accumulate", "accumulate_wide", "long", "accumulate_wider"},
    .count = unpair_count,
    .indices = unpair_indices,
    .reference = unpair_reference,
    .tolerance = unpair_tolerance,
    .forward_case = unpair_forward,
};
