/* SPDX-License-Identifier: Apache-2.0
 * Rotary embedding: the tables, the plain reference, cases and tolerance. Its gradient is itself
 * with the sine's sign changed.
 * Read next: compute/ops/rope.h, compute/ops/op.h. */
#include "compute/ops/rope.h"

#include "compute/math64.h"
#include "compute/ops/op.h"

enum { SLOT_POSITION, SLOT_COS, SLOT_SIN, SLOT_X };

void rope_table(int64_t n_positions, int64_t d, double base, float *cos, float *sin) {
    const int64_t half = d / 2;
    for (int64_t i = 0; i < half; i++) {
        /* Each step is rounded to fp32, as the released code does. */
        const float exponent = (float)(2 * i) / (float)d;
        const float frequency = 1.0f / (float)math_pow(base, (double)exponent);
        for (int64_t p = 0; p < n_positions; p++) {
            double s, c;
            math_sin_cos((double)((float)p * frequency), &s, &c);
            cos[p * half + i] = (float)c;
            sin[p * half + i] = (float)s;
        }
    }
}

static int64_t count(const void *args, int slot) {
    const struct rope_args *p = args;
    switch (slot) {
    case SLOT_POSITION: return p->n;
    case SLOT_X: return op_span(p->n, p->n_vectors * p->d, p->row_stride, 1);
    default: return p->n_positions * p->d / 2;
    }
}

static void indices(const void *args, int slot, void *values, int64_t n) {
    (void)slot;
    int32_t *position = values;
    for (int64_t t = 0; t < n; t++) {
        position[t] = (int32_t)(t == 0 ? ((const struct rope_args *)args)->n_positions - 1 : t / 2);
    }
}

static void prepare(const void *args, double *const *values) {
    const struct rope_args *p = args;
    const int64_t half = p->d / 2;
    for (int64_t i = 0; i < p->n_positions * half; i++) {
        double frequency = math_pow(10000, (double)(-(i % half)) / (double)half);
        math_sin_cos((double)(i / half) * frequency, &values[SLOT_SIN][i], &values[SLOT_COS][i]);
    }
}

static void reference(const void *args, double *const *values) {
    const struct rope_args *p = args;
    const int64_t half = p->d / 2;
    for (int64_t t = 0; t < p->n; t++) {
        const int64_t row = (int64_t)values[SLOT_POSITION][t] * half;
        for (int64_t v = 0; v < p->n_vectors; v++) {
            double *x = values[SLOT_X] + t * p->row_stride + v * p->d;
            for (int64_t i = 0; i < half; i++) {
                double c = values[SLOT_COS][row + i], s = values[SLOT_SIN][row + i];
                double low = x[i], high = x[i + half];
                if (p->inverse) s = -s;
                x[i] = low * c - high * s;
                x[i + half] = high * c + low * s;
            }
        }
    }
}

static double tolerance(const void *args) {
    (void)args;
    return 3 * 0x1p-24;
}

static bool forward_case(const void *args, void *forward_args) {
    struct rope_args *forward = forward_args;
    *forward = *(const struct rope_args *)args;
    forward->inverse = !forward->inverse;
    return true;
}

static const struct rope_args cases[] = {
    {.n = 1, .n_vectors = 1, .d = 2, .row_stride = 2, .n_positions = 8},
    {.n = 9, .n_vectors = 3, .d = 10, .row_stride = 35, .n_positions = 20, .inverse = true},
    {.n = 40, .n_vectors = 8, .d = 32, .row_stride = 256, .n_positions = 50},
    {.n = 7, .n_vectors = 2, .d = 128, .row_stride = 256, .n_positions = 9},
    {.n = 5, .n_vectors = 2, .d = 32, .row_stride = 67, .n_positions = 9},
    {.n = 2, .n_vectors = 41, .d = 128, .row_stride = 5248, .n_positions = 3},
};

const struct op rope_op = {
    .name = "rope",
    .summary = "rotary embedding in place, or its inverse",
    .gradient = "rope",
    .args_size = sizeof(struct rope_args),
    .slots = {{"position", SLOT_IN, SLOT_I32, offsetof(struct rope_args, position)},
              {"cos", SLOT_IN, SLOT_F32, offsetof(struct rope_args, cos)},
              {"sin", SLOT_IN, SLOT_F32, offsetof(struct rope_args, sin)},
              {"x", SLOT_INOUT, SLOT_ACT, offsetof(struct rope_args, x)}},
    .cases = cases,
    .case_names = {"one", "odd_inverse", "heads", "wide", "odd_rows", "many_heads"},
    .count = count,
    .indices = indices,
    .prepare = prepare,
    .reference = reference,
    .tolerance = tolerance,
    .forward_case = forward_case,
    .gradient_names = {{"x", "dx"}},
};
