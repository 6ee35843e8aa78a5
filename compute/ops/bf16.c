/* SPDX-License-Identifier: Apache-2.0
 * Widening and rounding of bf16: plain references, cases and tolerances. The reference does not
 * round; tests/unit/compute/test_bf16.c compares the bits.
 * Read next: compute/ops/bf16.h, compute/ops/op.h. */
#include "compute/ops/bf16.h"

#include "compute/ops/op.h"

enum { SLOT_X, SLOT_Y };

static void copy(int64_t n, double *const *values) {
    for (int64_t i = 0; i < n; i++) values[SLOT_Y][i] = values[SLOT_X][i];
}

static int64_t widen_count(const void *args, int slot) {
    (void)slot;
    return ((const struct widen_bf16_args *)args)->n;
}

static void widen_reference(const void *args, double *const *values) {
    copy(((const struct widen_bf16_args *)args)->n, values);
}

static double widen_tolerance(const void *args) {
    (void)args;
    return 0;
}

static const struct widen_bf16_args widen_cases[] = {
    {.n = 1}, {.n = 37}, {.n = 40000}, {.n = 4099}};

const struct op widen_bf16_op = {
    .name = "widen_bf16",
    .summary = "bf16 to fp32, exact",
    .args_size = sizeof(struct widen_bf16_args),
    .slots = {{"x", SLOT_IN, SLOT_BF16, offsetof(struct widen_bf16_args, x)},
              {"y", SLOT_OUT, SLOT_F32, offsetof(struct widen_bf16_args, y)}},
    .cases = widen_cases,
    .case_names = {"one", "odd", "large", "ragged"},
    .count = widen_count,
    .reference = widen_reference,
    .tolerance = widen_tolerance,
};

static int64_t round_count(const void *args, int slot) {
    (void)slot;
    return ((const struct round_bf16_args *)args)->n;
}

static void round_reference(const void *args, double *const *values) {
    copy(((const struct round_bf16_args *)args)->n, values);
}

static double round_tolerance(const void *args) {
    (void)args;
    return 0x1p-8;
}

static const struct round_bf16_args round_cases[] = {
    {.n = 1}, {.n = 37}, {.n = 40000}, {.n = 4099}};

const struct op round_bf16_op = {
    .name = "round_bf16",
    .summary = "fp32 to bf16, to nearest even",
    .args_size = sizeof(struct round_bf16_args),
    .slots = {{"x", SLOT_IN, SLOT_F32, offsetof(struct round_bf16_args, x)},
              {"y", SLOT_OUT, SLOT_BF16, offsetof(struct round_bf16_args, y)}},
    .cases = round_cases,
    .case_names = {"one", "odd", "large", "ragged"},
    .count = round_count,
    .reference = round_reference,
    .tolerance = round_tolerance,
};
