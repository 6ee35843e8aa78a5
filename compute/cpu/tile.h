/* SPDX-License-Identifier: Apache-2.0
 * The kernel under products and attention: a tile of up to TILE_ROWS x TILE_COLS elements kept in
 * registers while k runs.
 *   c[i][j] = fma chain over k = 0 .. K-1 of a[i a_row + k a_k] b[k b_row + j], from c, from 0 or
 *             from bias[j], and then + add[i][j]
 * A chain that is cut in k and taken up again from c is the same chain, so callers may block
 * freely. */
#ifndef COTRAIN_COMPUTE_CPU_TILE_H
#define COTRAIN_COMPUTE_CPU_TILE_H

#include "compute/cpu/cpu.h"
#include "compute/cpu/simd.h"

enum {
    TILE_ROWS = SIMD_WIDTH == 16  ? 8
                : SIMD_WIDTH == 8 ? 6
                                  : 4,
    TILE_VECS = 2,
    TILE_COLS = TILE_VECS * SIMD_WIDTH,
};

struct tile {
    int64_t k;
    const float *a;
    int64_t a_row, a_k;
    const float *b; /* whole vectors are read: columns up to the next multiple of SIMD_WIDTH */
    int64_t b_row;
    float *c;
    int64_t c_row;
    const float *c_next; /* where the next tile's c is fetched from meanwhile; NULL: nowhere */
    bool from_zero;
    const float *bias; /* NULL, or taken for the zero; read in whole vectors like b */
    const float *add;  /* NULL, or as many elements as c */
    int64_t add_row;
};

/* 1 <= rows <= TILE_ROWS, 1 <= cols <= TILE_COLS; exactly `cols` columns of c are touched. */
void CPU(tile)(const struct tile *t, int rows, int64_t cols);

#endif
