/* SPDX-License-Identifier: Apache-2.0
 * AdamW, element by element in fp32, and the sum of squares in double precision. The settings of a
 * step are computed in double and rounded once, before the loop.
 * Read next: compute/ops/adamw.h. */
#include "compute/ops/adamw.h"

#include "base/par.h"
#include "compute/cpu/bf16.h"
#include "compute/cpu/cpu.h"
#include <math.h>

enum { SQUARES_BLOCK = 1024, SQUARES_BLOCKS = 4096 };

/* The settings of a step, rounded once. */
struct adamw_work {
    const struct adamw_args *args;
    float keep, new1, beta2, new2, step_size, root_correction, eps, gradient_scale;
};

/* beta^n by squaring: the same product everywhere. */
static double adamw_power(double beta, int64_t n) {
    double result = 1;
    for (; n > 0; n >>= 1, beta *= beta) {
        if (n & 1) result *= beta;
    }
    return result;
}

/* LANES elements of a row from `at` on, zeros behind those that are left. */
static void adamw_load(const struct mat *row, int64_t at, int64_t left, float out[LANES]) {
    const char *from = (const char *)row->data + at * dtype_bytes(row->dtype);
    if (left < LANES) {
        memset(out, 0, LANES * sizeof *out);
        dtype_to_f32(from, row->dtype, left, out);
        return;
    }
    for (int i = 0; i < LANES; i += SIMD_WIDTH) {
        if (row->dtype == DTYPE_F32)
            vec_store(out + i, vec_load((const float *)(const void *)from + i));
        else if (row->dtype == DTYPE_BF16)
            vec_store(out + i, bf16_load((const uint16_t *)(const void *)from + i));
        else
            dtype_to_f32(from + i * dtype_bytes(row->dtype), row->dtype, SIMD_WIDTH, out + i);
    }
}

static void adamw_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct adamw_work *s = ctx;
    const struct adamw_args *args = s->args;
    for (int64_t at = begin; at < end; at += LANES) {
        const int64_t n = end - at < LANES ? end - at : LANES;
        float gradient[LANES], *w = args->w + at, *m = args->m + at, *v = args->v + at;
        adamw_load(&args->gradient, at, n, gradient);
        for (int64_t i = 0; i < n; i++) {
            float g = gradient[i] * s->gradient_scale;
            m[i] = __builtin_fmaf(s->new1, g - m[i], m[i]);
            v[i] = __builtin_fmaf(s->new2 * g, g, v[i] * s->beta2);
            float root = __builtin_sqrtf(v[i]) / s->root_correction + s->eps;
            w[i] = __builtin_fmaf(-s->step_size, m[i] / root, w[i] * s->keep);
        }
    }
}

err CPU(adamw)(struct compute *c, const struct adamw_args *args) {
    (void)c;
    BUG_IF(args->step < 1);
    struct adamw_work s = {
        .args = args,
        .keep = (float)(1 - args->lr * args->weight_decay),
        .new1 = (float)(1 - args->beta1),
        .beta2 = (float)args->beta2,
        .new2 = (float)(1 - args->beta2),
        .step_size = (float)(args->lr / (1 - adamw_power(args->beta1, args->step))),
        .root_correction = (float)sqrt(1 - adamw_power(args->beta2, args->step)),
        .eps = (float)args->eps,
        .gradient_scale = (float)args->gradient_scale,
    };
    par_for(args->n, ELEMENTS_A_PIECE, adamw_piece, &s);
    return ERR_OK;
}

struct squares_work {
    struct mat x;
    int64_t n;
    double *sums; /* one a block */
};

static void squares_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct squares_work *w = ctx;
    for (int64_t block = begin; block < end; block++) {
        double lane[LANES] = {0};
        int64_t start = block * SQUARES_BLOCK, left = w->n - start;
        int64_t count = left < SQUARES_BLOCK ? left : SQUARES_BLOCK, j = 0;
        for (; j < count; j += LANES) {
            float value[LANES]; /* the zeros change no sum */
            adamw_load(&w->x, start + j, count - j, value);
            for (int i = 0; i < LANES; i++) lane[i] += (double)value[i] * (double)value[i];
        }
        for (int apart = LANES / 2; apart > 0; apart /= 2) {
            for (int i = 0; i < apart; i++) lane[i] += lane[i + apart];
        }
        w->sums[block] = lane[0];
    }
}

size_t CPU(sum_squares_scratch)(void) {
    return SQUARES_BLOCKS * sizeof(double);
}

err CPU(sum_squares)(struct compute *c, const struct sum_squares_args *args) {
    void *scratch;
    TRY(cpu_scratch(c, CPU(sum_squares_scratch)(), &scratch));
    double sum = 0;
    const int64_t stretch = (int64_t)SQUARES_BLOCK * SQUARES_BLOCKS;
    for (int64_t at = 0; at < args->n; at += stretch) {
        int64_t n = args->n - at < stretch ? args->n - at : stretch;
        int64_t blocks = (n + SQUARES_BLOCK - 1) / SQUARES_BLOCK;
        struct mat x = args->x;
        x.data = (const char *)x.data + at * dtype_bytes(x.dtype);
        struct squares_work w = {x, n, scratch};
        par_for(blocks, ELEMENTS_A_PIECE / SQUARES_BLOCK, squares_piece, &w);
        for (int64_t i = 0; i < blocks; i++) sum += w.sums[i];
    }
    *args->out = sum;
    return ERR_OK;
}
