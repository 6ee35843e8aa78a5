/* SPDX-License-Identifier: Apache-2.0
 * The nearest 8-bit code of an optimiser's state, by one look-up and one comparison: the upper 16
 * bits of x in [0,1] name a cell that holds at most one border between two codes.
 * Read next: compute/ops/adamw.h for what the codes stand for. */
#ifndef COTRAIN_COMPUTE_CPU_ADAMW_CODES_H
#define COTRAIN_COMPUTE_CPU_ADAMW_CODES_H

#include "compute/cpu/simd.h"
#include "compute/ops/adamw.h"

enum {
    CODES_LOWEST_CELL = 0x3300, /* 2^-25, below the first border of both tables */
    CODES_CELLS = 0x3f80 - CODES_LOWEST_CELL + 1,
};

/* Magnitudes in ascending order, of m without its sign. */
struct codes {
    int n;
    float value[256];
    float border[256]; /* above it the next magnitude is nearer */
    uint8_t lowest[CODES_CELLS];
};

static inline void codes_fill(struct codes *c, const float *values, int n, bool one_more) {
    c->n = n;
    memcpy(c->value, values, (size_t)n * sizeof *values);
    if (one_more) c->value[c->n++] = 1;
    for (int i = 0; i + 1 < c->n; i++)
        c->border[i] = (float)(((double)c->value[i] + (double)c->value[i + 1]) / 2);
    c->border[c->n - 1] = 2;
    for (int cell = 0, i = 0; cell < CODES_CELLS; cell++) {
        const uint32_t bits = (uint32_t)(cell + CODES_LOWEST_CELL) << 16;
        float low;
        memcpy(&low, &bits, sizeof low);
        while (cell > 0 && low > c->border[i]) i++;
        c->lowest[cell] = (uint8_t)i;
    }
}

/* Of x in [0,1]; anything above counts as 1, NaN as something. */
ALWAYS_INLINE int codes_nearest(const struct codes *c, float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int cell = (bits >> 16) - CODES_LOWEST_CELL;
    cell = cell < 0 ? 0 : cell < CODES_CELLS ? cell : CODES_CELLS - 1;
    const int i = c->lowest[cell];
    return i + (x > c->border[i]);
}

/* m's code of magnitude i (128 stands for 1, which only the positive have). */
ALWAYS_INLINE uint8_t codes_signed(int i, bool negative) {
    if (!negative) return (uint8_t)i;
    return (uint8_t)(i == 0 ? 0 : i == 128 ? 255 : 128 + i);
}

#endif
