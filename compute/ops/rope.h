/* SPDX-License-Identifier: Apache-2.0
 * Rotary embedding in place, half-rotation layout.  For a vector x of a row at position p, i < D/2:
 *   x'[i] = x[i] cos - x[i+D/2] sin,   x'[i+D/2] = x[i+D/2] cos + x[i] sin,   angle = table row p
 * inverse: sin changes sign (the gradient: the transpose of the rotation).
 * Source: released model code; rope_table fills fp32 tables by its arithmetic:
 * inv_freq[i] = 1 / base^(2i/D) in fp32, angle = fp32(p) * inv_freq[i] rounded to fp32, then cos,
 * sin of it, each within one unit in the last place.
 * Tolerance: 3 roundings, 3 * 2^-24. */
#ifndef COTRAIN_COMPUTE_OPS_ROPE_H
#define COTRAIN_COMPUTE_OPS_ROPE_H

#include "compute/compute.h"
#include <stdbool.h>

struct rope_args {
    int64_t n, n_vectors, d; /* rows, vectors in a row, size of a vector (even) */
    int64_t row_stride;      /* elements between rows; vectors of a row are contiguous */
    const int32_t *position; /* (N), below the table's length */
    const float *cos, *sin;  /* (P, D/2) */
    int64_t n_positions;     /* P */
    bool inverse;
    void *x; /* act, changed in place */
};
/* Fills cos and sin (n_positions, d/2). Host memory. */
void rope_table(int64_t n_positions, int64_t d, double base, float *cos, float *sin);

#endif
