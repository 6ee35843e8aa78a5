/* SPDX-License-Identifier: Apache-2.0
 * Rows put where an index says: how a decoder's keys, values and filter rows get into its cache.
 * Each row of the result has one source, so rows are independent.
 * Read next: compute/ops/put.h. */
#include "compute/ops/put.h"

#include "base/par.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

static void put_turned(const struct put_args *args, const float *from, int64_t row) {
    const int64_t turned = args->to_turned, inside = row % turned;
    float *to = (float *)args->to + (row - inside) * args->to_row + inside;
    for (int64_t head = 0; head < args->h; head++) {
        for (int64_t j = 0; j < args->d; j++) {
            to[(head * args->to_head_stride + j) * turned] =
                from[head * args->from_head_stride + j];
        }
    }
}

static void put_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct put_args *args = ctx;
    for (int64_t i = begin; i < end; i++) {
        if (args->index[i] < 0) continue;
        BUG_IF(args->index[i] >= args->n_to);
        const float *from = (const float *)args->from + i * args->from_row;
        if (args->to_turned) {
            put_turned(args, from, args->index[i]);
            continue;
        }
        float *to = (float *)args->to + args->index[i] * args->to_row;
        for (int64_t head = 0; head < args->h; head++) {
            memcpy(to + head * args->to_head_stride, from + head * args->from_head_stride,
                   (size_t)args->d * sizeof(float));
        }
    }
}

err CPU(put)(struct compute *c, const struct put_args *args) {
    (void)c;
    struct put_args copy = *args;
    par_for(args->n, 1 + ELEMENTS_A_PIECE / (args->h * args->d + 1), put_piece, &copy);
    return ERR_OK;
}
