/* SPDX-License-Identifier: Apache-2.0
 * Block-wise int8 decoding, one element: what the CPU kernels and compute/quants/int8.c share.
 *   w[i] = code[i] * scale[i / 64]     (rounded once; codes -127 .. 127, scale = absmax / 127)
 * The scales stay in fp32: an 8-bit code for them would cost more accuracy than the elements' own
 * rounding, for 4 % of the bytes. */
#ifndef COTRAIN_COMPUTE_QUANTS_INT8_H
#define COTRAIN_COMPUTE_QUANTS_INT8_H

#include "compute/quant.h"

static inline float int8_element(const struct quant_blocks *b, int64_t i) {
    return (float)((const int8_t *)b->codes)[i] * quant_read_f32(b->scale, i / QUANT_BLOCK);
}

#endif
