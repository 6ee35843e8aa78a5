/* SPDX-License-Identifier: Apache-2.0
 * DoRA's operations: norms by rows, a tile of a row at a time on the stack; the rescaling by rows;
 * its gradient by columns, so that each element of dm is one chain in token order.
 * Read next: compute/ops/magnitude.h, compute/cpu/simd.h. */
#include "compute/ops/magnitude.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

enum {
    MAGNITUDE_TILE = 256
}; /* columns; a multiple of LANES, so that lanes go on from tile to tile */

/* w + (s b) a of one tile of row i. */
static void row_norms_tile(const struct row_norms_args *args, int64_t i, int64_t from, int64_t n,
                           float *tile) {
    pack_block(&(struct pack_block){&args->w, i, from, 1, n, tile, n});
    for (int64_t k = 0; k < args->r; k++) {
        const float *a = args->a + k * args->c + from;
        const vec b = vec_set(args->s * args->b[i * args->r + k]);
        for (int64_t j = 0; j < n; j += SIMD_WIDTH) {
            int64_t left = n - j;
            vec sum = vec_fma(b, vec_load_left(a + j, left), vec_load_left(tile + j, left));
            vec_store_left(tile + j, sum, left);
        }
    }
}

static void row_norms_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct row_norms_args *args = ctx;
    for (int64_t i = begin; i < end; i++) {
        struct lanes l = {{{0}}};
        for (int64_t from = 0; from < args->c; from += MAGNITUDE_TILE) {
            float tile[MAGNITUDE_TILE];
            int64_t n = args->c - from < MAGNITUDE_TILE ? args->c - from : MAGNITUDE_TILE;
            row_norms_tile(args, i, from, n, tile);
            for (int64_t j = 0; j < n; j += SIMD_WIDTH) {
                vec x = vec_load_left(tile + j, n - j);
                int at = (int)(j % LANES) / SIMD_WIDTH;
                l.v[at] = vec_fma(x, x, l.v[at]);
            }
        }
        args->y[i] = __builtin_sqrtf(lanes_sum(l));
    }
}

err CPU(row_norms)(struct compute *c, const struct row_norms_args *args) {
    (void)c;
    struct row_norms_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c * (args->r + 1)), row_norms_piece, &copy);
    return ERR_OK;
}

struct magnitude_work {
    const struct magnitude_args *forward;
    const struct magnitude_backward_args *backward;
    const float *bias; /* (C) in fp32, or NULL */
};

/* m / norm of columns from j on. */
ALWAYS_INLINE vec magnitude_ratio(const float *m, const float *norm, int64_t j, int64_t left) {
    vec length = vec_load_left(norm + j, left), one = vec_set(1);
    return vec_select(length > (vec){0}, vec_load_left(m + j, left) / length, one);
}

static void magnitude_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct magnitude_work *work = ctx;
    const struct magnitude_args *args = work->forward;
    for (int64_t t = begin; t < end; t++) {
        const float *w = args->w ? (const float *)args->w + t * args->c : NULL;
        const float *z = (const float *)args->z + t * args->c;
        float *v = (float *)args->v + t * args->c, *y = (float *)args->y + t * args->y_stride;
        for (int64_t j = 0; j < args->c; j += SIMD_WIDTH) {
            int64_t left = args->c - j;
            vec update = vec_load_left(z + j, left), sum = vec_load_left(y + j, left);
            vec base = w ? vec_load_left(w + j, left) : sum;
            if (!w && work->bias) base -= vec_load_left(work->bias + j, left);
            base += update;
            vec_store_left(v + j, base, left);
            vec change = magnitude_ratio(args->m, args->norm, j, left) - 1;
            vec_store_left(y + j, sum + vec_fma(change, base, update), left);
        }
    }
}

err CPU(magnitude)(struct compute *c, const struct magnitude_args *args) {
    struct magnitude_work work = {.forward = args};
    if (args->b.data && !args->w) {
        void *scratch;
        TRY(cpu_scratch(c, (size_t)args->c * sizeof(float), &scratch));
        pack_block(&(struct pack_block){&args->b, 0, 0, 1, args->c, scratch, args->c});
        work.bias = scratch;
    }
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->c + 1), magnitude_piece, &work);
    return ERR_OK;
}

static void magnitude_backward_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct magnitude_backward_args *args = ((const struct magnitude_work *)ctx)->backward;
    for (int64_t t = 0; t < args->n; t++) {
        const float *dy = (const float *)args->dy + t * args->dy_stride;
        const float *v = args->v ? (const float *)args->v + t * args->c : NULL;
        float *dz = (float *)args->dz + t * args->c;
        for (int64_t j = begin; j < end; j += SIMD_WIDTH) {
            int64_t left = end - j;
            vec slope = vec_load_left(dy + j, left);
            vec g = magnitude_ratio(args->m, args->norm, j, left) - args->shift;
            vec_store_left(dz + j, g * slope, left);
            if (!args->dm) continue;
            vec norm = vec_load_left(args->norm + j, left);
            vec part =
                vec_select(norm > (vec){0}, slope * vec_load_left(v + j, left) / norm, (vec){0});
            vec_store_left(args->dm + j, vec_load_left(args->dm + j, left) + part, left);
        }
    }
}

err CPU(magnitude_backward)(struct compute *c, const struct magnitude_backward_args *args) {
    (void)c;
    struct magnitude_work work = {.backward = args};
    par_for(args->c, 64 + ELEMENTS_A_PIECE / (args->n + 1), magnitude_backward_piece, &work);
    return ERR_OK;
}
