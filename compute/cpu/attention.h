/* SPDX-License-Identifier: Apache-2.0
 * What attention and its gradient share: the sizes of their blocks, and what the register tile does
 * not do. Blocks are counted from a document's first key and are the same for
 * every vector unit, so neither a document's place nor the processor shows in a result.
 * Read next: compute/cpu/tile.h, compute/cpu/attention.c. */
#ifndef COTRAIN_COMPUTE_CPU_ATTENTION_H
#define COTRAIN_COMPUTE_CPU_ATTENTION_H

#include "compute/cpu/tile.h"

enum { ATTENTION_QUERIES = 128, ATTENTION_KEYS = 128 };
_Static_assert(ATTENTION_KEYS % ATTENTION_QUERIES == 0 && ATTENTION_QUERIES % TILE_COLS == 0,
               "a block of queries lies in one block of keys, and both end with a tile");

static inline int64_t attention_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* Where a tile's rows cross the diagonal: row i goes on with its i terms k < i. cols is of whole
 * vectors. */
static inline void attention_triangle(const struct tile *t, int rows, int64_t cols) {
    for (int64_t j = 0; j < cols; j += SIMD_WIDTH) {
        vec acc[TILE_ROWS];
#pragma GCC unroll 16
        for (int i = 1; i < TILE_ROWS; i++) {
            acc[i] = i < rows ? vec_load(t->c + i * t->c_row + j) : (vec){0};
        }
#pragma GCC unroll 16
        for (int k = 0; k < TILE_ROWS - 1; k++) {
            if (k >= rows - 1) break;
            const vec b = vec_load(t->b + k * t->b_row + j);
#pragma GCC unroll 16
            for (int i = k + 1; i < TILE_ROWS; i++) {
                if (i < rows) {
                    acc[i] = vec_fma(vec_set(t->a[i * t->a_row + k * t->a_k]), b, acc[i]);
                }
            }
        }
#pragma GCC unroll 16
        for (int i = 1; i < TILE_ROWS; i++) {
            if (i < rows) vec_store(t->c + i * t->c_row + j, acc[i]);
        }
    }
}

#endif
