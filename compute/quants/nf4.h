/* SPDX-License-Identifier: Apache-2.0
 * NF4 decoding, one element: what the CPU kernels and compute/quants/nf4.c share, so that there is
 * one arithmetic.
 *   absmax[b] = nested_map[code[b]] * nested_absmax[b / 256] + nested_offset     (rounded twice)
 *   w[i]      = nf4_values[code[i]] * absmax[i / 64]                             (rounded once)
 * Two codes a byte, the first in the high half.
 * Source: QLoRA paper (Dettmers et al. 2023) sections 3 and E; the files bitsandbytes writes. */
#ifndef COTRAIN_COMPUTE_QUANTS_NF4_H
#define COTRAIN_COMPUTE_QUANTS_NF4_H

#include "compute/quant.h"

enum { NF4_VALUES = 16, NF4_NESTED_BLOCK = 256, NF4_NESTED_VALUES = 256 };

extern const float nf4_values[NF4_VALUES]; /* ascending; number 7 is 0 */

static inline float nf4_absmax(const struct quant_blocks *b, int64_t block) {
    float wide = quant_read_f32(b->nested_map, b->absmax[block]) *
                 quant_read_f32(b->nested_absmax, block / NF4_NESTED_BLOCK);
    return wide + b->nested_offset;
}

static inline float nf4_element(const struct quant_blocks *b, int64_t i) {
    int code = b->codes[i / 2] >> (i % 2 ? 0 : 4) & 15;
    return nf4_values[code] * nf4_absmax(b, i / QUANT_BLOCK);
}

#endif
