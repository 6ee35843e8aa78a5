/* SPDX-License-Identifier: Apache-2.0
 * AdamW and the sum of squares: plain references, cases and tolerances.
 * Tolerance of the sum: N roundings of 2^-53, none of which can cancel.
 * Read next: compute/ops/adamw.h, compute/ops/op.h. */
#include "compute/ops/adamw.h"

#include "compute/ops/op.h"
#include <math.h>

enum { DECADES = 7 };

/* The magnitude of number `i` of a table whose decade d has first_parts 2^d parts. */
static float magnitude(int i, int first_parts) {
    static const double decade[DECADES] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
    int at = i - 1, parts = first_parts;
    if (i == 0) return 0;
    for (int d = 0; d < DECADES; d++, parts *= 2) {
        if (at < parts) return (float)(decade[d] * (0.1 + 0.9 * (at + 0.5) / parts));
        at -= parts;
    }
    return 1;
}

void adamw_code_values(float m[256], float v[256]) {
    for (int i = 0; i < 128; i++) {
        m[i] = magnitude(i, 1);
        m[128 + i] = i == 0 ? magnitude(128, 1) : -m[i];
    }
    for (int i = 0; i < 256; i++) v[i] = magnitude(i, 2);
}

/* beta^n by squaring: the same product everywhere. */
static double power(double beta, int64_t n) {
    double result = 1;
    for (; n > 0; n >>= 1, beta *= beta) {
        if (n & 1) result *= beta;
    }
    return result;
}

struct adamw_factors adamw_factors(const struct adamw_args *args) {
    return (struct adamw_factors){
        .keep = (float)(1 - args->lr * args->weight_decay),
        .new1 = (float)(1 - args->beta1),
        .beta2 = (float)args->beta2,
        .new2 = (float)(1 - args->beta2),
        .step_size = (float)(args->lr / (1 - power(args->beta1, args->step))),
        .root_correction = (float)sqrt(1 - power(args->beta2, args->step)),
        .eps = (float)args->eps,
        .gradient_scale = (float)args->gradient_scale,
    };
}

enum {
    SLOT_W,
    SLOT_M,
    SLOT_V,
    SLOT_M_CODES,
    SLOT_V_CODES,
    SLOT_M_LARGEST,
    SLOT_V_LARGEST,
    SLOT_GRADIENT
};

static int64_t count(const void *args, int slot) {
    const struct adamw_args *p = args;
    switch (slot) {
    case SLOT_M:
    case SLOT_V: return p->states_8bit ? 0 : p->n;
    case SLOT_M_CODES:
    case SLOT_V_CODES: return p->states_8bit ? p->n : 0;
    case SLOT_M_LARGEST:
    case SLOT_V_LARGEST: return p->states_8bit ? (p->n + ADAMW_BLOCK - 1) / ADAMW_BLOCK : 0;
    default: return p->n;
    }
}

/* Codes of moments that go together: v's magnitudes are large where m's are. */
static void indices(const void *args, int slot, void *values, int64_t n) {
    uint8_t *codes = values;
    (void)args;
    for (int64_t i = 0; i < n; i++)
        codes[i] = (uint8_t)(slot == SLOT_M_CODES ? i * 37 % 256 : 60 + i * 37 % 128);
}

/* Moments as they are after some steps: v is a mean of squares, m^2 at most that. */
static void prepare(const void *args, double *const *values) {
    const struct adamw_args *p = args;
    for (int64_t i = 0; p->states_8bit && i < count(args, SLOT_M_LARGEST); i++) {
        values[SLOT_M_LARGEST][i] = 0.5 + 0.01 * (double)(i % 7);
        values[SLOT_V_LARGEST][i] = 1.5;
    }
    for (int64_t i = 0; !p->states_8bit && i < p->n; i++) {
        values[SLOT_V][i] = values[SLOT_M][i] * values[SLOT_M][i] + 0.01;
        values[SLOT_M][i] *= 0.5;
    }
}

/* The nearest of `values`. */
static int nearest(const float *values, double x) {
    int best = 0;
    for (int i = 1; i < 256; i++)
        if (fabs((double)values[i] - x) < fabs((double)values[best] - x)) best = i;
    return best;
}

static void encode(const double *state, int64_t n, const float *values, bool above_zero,
                   double *codes, double *largest) {
    for (int64_t b = 0; b * ADAMW_BLOCK < n; b++) {
        const int64_t begin = b * ADAMW_BLOCK,
                      end = begin + ADAMW_BLOCK < n ? begin + ADAMW_BLOCK : n;
        largest[b] = 0;
        for (int64_t i = begin; i < end; i++) largest[b] = fmax(largest[b], fabs(state[i]));
        for (int64_t i = begin; i < end; i++) {
            codes[i] = largest[b] > 0 ? nearest(values, state[i] / largest[b]) : 0;
            if (above_zero && state[i] > 0 && codes[i] == 0) codes[i] = 1;
        }
    }
}

static void step_reference(const struct adamw_args *p, double *const *values, double *m,
                           double *v) {
    for (int64_t i = 0; i < p->n; i++) {
        double g = values[SLOT_GRADIENT][i] * p->gradient_scale, w = values[SLOT_W][i];
        m[i] = p->beta1 * m[i] + (1 - p->beta1) * g;
        v[i] = p->beta2 * v[i] + (1 - p->beta2) * g * g;
        w -= p->lr * p->weight_decay * w;
        double m_hat = m[i] / (1 - pow(p->beta1, (double)p->step));
        double v_hat = v[i] / (1 - pow(p->beta2, (double)p->step));
        values[SLOT_W][i] = w - p->lr * m_hat / (sqrt(v_hat) + p->eps);
    }
}

/* The codes' places hold the decoded states between. */
static void reference(const void *args, double *const *values) {
    const struct adamw_args *p = args;
    float m_values[256], v_values[256];
    if (!p->states_8bit) {
        step_reference(p, values, values[SLOT_M], values[SLOT_V]);
        return;
    }
    adamw_code_values(m_values, v_values);
    double *m = values[SLOT_M_CODES], *v = values[SLOT_V_CODES];
    for (int64_t i = 0; i < p->n; i++) {
        m[i] = (double)m_values[(int)m[i]] * values[SLOT_M_LARGEST][i / ADAMW_BLOCK];
        v[i] = (double)v_values[(int)v[i]] * values[SLOT_V_LARGEST][i / ADAMW_BLOCK];
    }
    step_reference(p, values, m, v);
    encode(m, p->n, m_values, false, m, values[SLOT_M_LARGEST]);
    encode(v, p->n, v_values, true, v, values[SLOT_V_LARGEST]);
}

static double tolerance(const void *args) {
    return ((const struct adamw_args *)args)->states_8bit ? 0x1p-7 : 8 * 0x1p-24;
}

#define ROW                                                                                        \
    { .col_stride = 1 }

static const struct adamw_args cases[] = {
    {.n = 1,
     .gradient = ROW,
     .lr = 1e-3,
     .beta1 = 0.9,
     .beta2 = 0.999,
     .eps = 1e-8,
     .gradient_scale = 1,
     .step = 1},
    {.n = 37,
     .gradient = ROW,
     .lr = 1e-2,
     .beta1 = 0.9,
     .beta2 = 0.95,
     .eps = 1e-8,
     .weight_decay = 0.1,
     .gradient_scale = 0.3,
     .step = 5},
    {.n = 20000,
     .gradient = ROW,
     .lr = 1e-4,
     .beta1 = 0.8,
     .beta2 = 0.999,
     .eps = 1e-6,
     .weight_decay = 0.01,
     .gradient_scale = 2,
     .step = 1000},
    {.n = 5000,
     .states_8bit = true,
     .gradient = ROW,
     .lr = 1e-3,
     .beta1 = 0.9,
     .beta2 = 0.95,
     .eps = 1e-8,
     .weight_decay = 0.1,
     .gradient_scale = 0.5,
     .step = 20},
    {.n = 3,
     .states_8bit = true,
     .gradient = ROW,
     .lr = 1e-3,
     .beta1 = 0.9,
     .beta2 = 0.999,
     .eps = 1e-8,
     .gradient_scale = 1,
     .step = 1},
};

const struct op adamw_op = {
    .name = "adamw",
    .summary = "one step of AdamW with decoupled weight decay",
    .args_size = sizeof(struct adamw_args),
    .slots = {{"w", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, w)},
              {"m", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, m)},
              {"v", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, v)},
              {"m_codes", SLOT_INOUT, SLOT_U8, offsetof(struct adamw_args, m_codes)},
              {"v_codes", SLOT_INOUT, SLOT_U8, offsetof(struct adamw_args, v_codes)},
              {"m_largest", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, m_largest)},
              {"v_largest", SLOT_INOUT, SLOT_F32, offsetof(struct adamw_args, v_largest)},
              {"gradient", SLOT_IN, SLOT_MAT, offsetof(struct adamw_args, gradient)}},
    .cases = cases,
    .case_names = {"first", "decay", "large", "codes", "few_codes"},
    .count = count,
    .indices = indices,
    .prepare = prepare,
    .reference = reference,
    .tolerance = tolerance,
};

enum { SLOT_X, SLOT_OUT_SUM };

static int64_t squares_count(const void *args, int slot) {
    return slot == SLOT_X ? ((const struct sum_squares_args *)args)->n : 1;
}

static void squares_reference(const void *args, double *const *values) {
    double sum = 0;
    for (int64_t i = 0; i < ((const struct sum_squares_args *)args)->n; i++) {
        sum += values[SLOT_X][i] * values[SLOT_X][i];
    }
    values[SLOT_OUT_SUM][0] = sum;
}

static double squares_tolerance(const void *args) {
    return (double)((const struct sum_squares_args *)args)->n * 0x1p-53;
}

static const struct sum_squares_args squares_cases[] = {
    {.n = 0, .x = ROW}, {.n = 1, .x = ROW}, {.n = 1037, .x = ROW}, {.n = 100000, .x = ROW}};

const struct op sum_squares_op = {
    .name = "sum_squares",
    .summary = "sum of squares, in double precision",
    .args_size = sizeof(struct sum_squares_args),
    .slots = {{"x", SLOT_IN, SLOT_MAT, offsetof(struct sum_squares_args, x)},
              {"out", SLOT_OUT, SLOT_F64, offsetof(struct sum_squares_args, out)}},
    .cases = squares_cases,
    .case_names = {"none", "one", "odd", "large"},
    .count = squares_count,
    .reference = squares_reference,
    .tolerance = squares_tolerance,
};
