/* SPDX-License-Identifier: Apache-2.0
 * Sums over rows. They are cut by columns, so that each element is one chain in
 * token order whatever the number of threads.
 * Read next: compute/ops/rows.h. */
#include "compute/ops/rows.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

struct rows_work {
    int64_t n, c;
    const float *from;
    float *to;
};

static void rows_sum_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct rows_work *w = ctx;
    for (int64_t t = 0; t < w->n; t++) {
        const float *from = w->from + t * w->c;
        for (int64_t j = begin; j < end; j += SIMD_WIDTH) {
            int64_t left = end - j;
            vec sum = vec_load_left(w->to + j, left) + vec_load_left(from + j, left);
            vec_store_left(w->to + j, sum, left);
        }
    }
}

err CPU(sum_rows)(struct compute *c, const struct sum_rows_args *args) {
    (void)c;
    struct rows_work w = {args->n, args->c, args->dy, args->db};
    par_for(args->c, 64 + ELEMENTS_A_PIECE / (args->n + 1), rows_sum_piece, &w);
    return ERR_OK;
}
