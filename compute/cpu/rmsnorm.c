/* SPDX-License-Identifier: Apache-2.0
 * Root-mean-square norm and its gradient: rows for x by the 16 lanes, columns for the weight, so
 * that each element of dw is one chain in token order.
 * Read next: compute/ops/rmsnorm.h, compute/cpu/simd.h. */
#include "compute/ops/rmsnorm.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

struct rmsnorm_work {
    const struct rmsnorm_args *forward;
    const struct rmsnorm_backward_args *backward;
    const float *weight; /* (C) in fp32 */
};

/* The weight as fp32 in scratch memory. */
static err rmsnorm_weight(struct compute *c, const struct mat *w, int64_t n, const float **out) {
    BUG_IF(w->dtype > DTYPE_F16);
    void *scratch;
    TRY(cpu_scratch(c, (size_t)n * sizeof(float), &scratch));
    pack_block(&(struct pack_block){w, 0, 0, 1, n, scratch, n});
    *out = scratch;
    return ERR_OK;
}

static void rmsnorm_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rmsnorm_work *w = ctx;
    const struct rmsnorm_args *args = w->forward;
    for (int64_t t = begin; t < end; t++) {
        const float *x = (const float *)args->x + t * args->c;
        float *y = (float *)args->y + t * args->c;
        float mean = lanes_dot(x, x, args->c) / (float)args->c;
        float rstd = 1.0f / __builtin_sqrtf(mean + args->eps);
        args->rstd[t] = rstd;
        for (int64_t j = 0; j < args->c; j += SIMD_WIDTH) {
            int64_t left = args->c - j;
            vec scaled = vec_load_left(x + j, left) * rstd;
            vec_store_left(y + j, vec_load_left(w->weight + j, left) * scaled, left);
        }
    }
}

err CPU(rmsnorm)(struct compute *c, const struct rmsnorm_args *args) {
    struct rmsnorm_work w = {.forward = args};
    TRY(rmsnorm_weight(c, &args->w, args->c, &w.weight));
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), rmsnorm_piece, &w);
    return ERR_OK;
}

static void rmsnorm_weight_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rmsnorm_backward_args *args = ((const struct rmsnorm_work *)ctx)->backward;
    for (int64_t t = 0; t < args->n; t++) {
        const float *x = (const float *)args->x + t * args->c;
        const float *dy = (const float *)args->dy + t * args->c;
        for (int64_t j = begin; j < end; j += SIMD_WIDTH) {
            int64_t left = end - j;
            vec scaled = vec_load_left(x + j, left) * args->rstd[t];
            vec sum = vec_load_left(args->dw + j, left);
            vec_store_left(args->dw + j, vec_fma(vec_load_left(dy + j, left), scaled, sum), left);
        }
    }
}

/* sum_j dy w x of one row. */
static float rmsnorm_dot(const float *dy, const float *weight, const float *x, int64_t n) {
    struct lanes l = {{{0}}};
    for (int64_t j = 0; j < n; j += LANES) {
        for (int v = 0; v < LANE_VECS && j + v * SIMD_WIDTH < n; v++) {
            int64_t at = j + v * SIMD_WIDTH, left = n - at;
            vec g = vec_load_left(dy + at, left) * vec_load_left(weight + at, left);
            l.v[v] = vec_fma(g, vec_load_left(x + at, left), l.v[v]);
        }
    }
    return lanes_sum(l);
}

static void rmsnorm_backward_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rmsnorm_work *w = ctx;
    const struct rmsnorm_backward_args *args = w->backward;
    for (int64_t t = begin; t < end; t++) {
        const float *x = (const float *)args->x + t * args->c;
        const float *dy = (const float *)args->dy + t * args->c;
        float *dx = (float *)args->dx + t * args->c, rstd = args->rstd[t];
        float mean = rmsnorm_dot(dy, w->weight, x, args->c) / (float)args->c;
        float along = -(rstd * rstd * mean);
        for (int64_t j = 0; j < args->c; j += SIMD_WIDTH) {
            int64_t left = args->c - j;
            vec g = vec_load_left(dy + j, left) * vec_load_left(w->weight + j, left);
            vec value = vec_fma(vec_load_left(x + j, left), vec_set(along), g) * rstd;
            if (args->accumulate) value += vec_load_left(dx + j, left);
            vec_store_left(dx + j, value, left);
        }
    }
}

err CPU(rmsnorm_backward)(struct compute *c, const struct rmsnorm_backward_args *args) {
    struct rmsnorm_work w = {.backward = args};
    TRY(rmsnorm_weight(c, &args->w, args->c, &w.weight));
    /* dw first: dx may take the place of dy. */
    if (args->dw != NULL) {
        par_for(args->c, 64 + ELEMENTS_A_PIECE / (args->n + 1), rmsnorm_weight_piece, &w);
    }
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), rmsnorm_backward_piece, &w);
    return ERR_OK;
}
