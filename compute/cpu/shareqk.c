/* SPDX-License-Identifier: Apache-2.0
 * Queries and keys from one projection, head by head; the parameters' gradients are cut by heads,
 * so that each element is one chain in token order.
 * Read next: compute/ops/shareqk.h. */
#include "compute/ops/shareqk.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

struct shareqk_work {
    int64_t n, h, d;
    const float *p, *w, *b, *dqk; /* w and b (2,C) in fp32 */
    float *qk, *dp, *dw, *db;
};

/* Weight and bias (NULL: not needed) as fp32 in scratch memory. */
static err shareqk_rows(struct compute *c, const struct mat *w, const struct mat *b,
                        struct shareqk_work *k) {
    const int64_t C = k->h * k->d;
    BUG_IF(w->dtype > DTYPE_F16 || (b && b->dtype > DTYPE_F16));
    void *scratch;
    TRY(cpu_scratch(c, (size_t)(4 * C) * sizeof(float), &scratch));
    float *rows = scratch;
    pack_block(&(struct pack_block){w, 0, 0, 2, C, rows, C});
    if (b) pack_block(&(struct pack_block){b, 0, 0, 2, C, rows + 2 * C, C});
    k->w = rows;
    k->b = rows + 2 * C;
    return ERR_OK;
}

static void shareqk_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct shareqk_work *k = ctx;
    const int64_t D = k->d, C = k->h * D;
    for (int64_t i = begin * k->h; i < end * k->h; i++) { /* head i mod H of row i div H */
        const int64_t at = i % k->h * D;
        const float *p = k->p + i * D;
        for (int64_t s = 0; s < 2; s++) {
            const float *w = k->w + s * C + at, *b = k->b + s * C + at;
            float *to = k->qk + (2 * i + s) * D;
            for (int64_t j = 0; j < D; j += SIMD_WIDTH) {
                const int64_t left = D - j;
                vec value = vec_fma(vec_load_left(w + j, left), vec_load_left(p + j, left),
                                    vec_load_left(b + j, left));
                vec_store_left(to + j, value, left);
            }
        }
    }
}

err CPU(shareqk)(struct compute *c, const struct shareqk_args *args) {
    struct shareqk_work k = {
        .n = args->n, .h = args->h, .d = args->d, .p = args->p, .qk = args->qk};
    TRY(shareqk_rows(c, &args->w, &args->b, &k));
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->h * args->d + 1), shareqk_piece, &k);
    return ERR_OK;
}

static void shareqk_input_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct shareqk_work *k = ctx;
    const int64_t D = k->d, C = k->h * D;
    for (int64_t i = begin * k->h; i < end * k->h; i++) {
        const int64_t at = i % k->h * D;
        const float *dq = k->dqk + 2 * i * D, *dk = dq + D;
        const float *wq = k->w + at, *wk = wq + C;
        for (int64_t j = 0; j < D; j += SIMD_WIDTH) {
            const int64_t left = D - j;
            vec value = vec_load_left(wq + j, left) * vec_load_left(dq + j, left);
            value = vec_fma(vec_load_left(wk + j, left), vec_load_left(dk + j, left), value);
            vec_store_left(k->dp + i * D + j, value, left);
        }
    }
}

/* Heads [begin, end) of dw and db, by rows; i counts the queries (even) and keys of the heads. */
static void shareqk_weight_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct shareqk_work *k = ctx;
    const int64_t D = k->d, C = k->h * D;
    for (int64_t t = 0; t < k->n; t++)
        for (int64_t i = 2 * begin; i < 2 * end; i++) {
            const int64_t to = i % 2 * C + i / 2 * D;
            const float *p = k->p + t * C + i / 2 * D, *d = k->dqk + 2 * t * C + i * D;
            for (int64_t j = 0; j < D; j += SIMD_WIDTH) {
                const int64_t left = D - j;
                const vec dy = vec_load_left(d + j, left);
                float *dw = k->dw + to + j, *db = k->db + to + j;
                if (k->dw)
                    vec_store_left(
                        dw, vec_fma(vec_load_left(p + j, left), dy, vec_load_left(dw, left)), left);
                if (k->db) vec_store_left(db, vec_load_left(db, left) + dy, left);
            }
        }
}

err CPU(shareqk_backward)(struct compute *c, const struct shareqk_backward_args *args) {
    struct shareqk_work k = {.n = args->n,
                             .h = args->h,
                             .d = args->d,
                             .p = args->p,
                             .dqk = args->dqk,
                             .dp = args->dp,
                             .dw = args->dw,
                             .db = args->db};
    TRY(shareqk_rows(c, &args->w, NULL, &k));
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->h * args->d + 1), shareqk_input_piece, &k);
    if (args->dw || args->db) par_for(args->h, 1, shareqk_weight_piece, &k);
    return ERR_OK;
}
