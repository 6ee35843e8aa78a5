/* SPDX-License-Identifier: Apache-2.0
 * Element types of tensors, with their safetensors names, and exact conversion to and from fp32.
 * Storage only: arithmetic is fp32 (compute/ops). Rounding to bf16 is to the nearest even.
 * Read next: model/formats/tensor_file.h, which stores them. */
#ifndef COTRAIN_COMPUTE_DTYPE_H
#define COTRAIN_COMPUTE_DTYPE_H

#include "base/err.h"
#include <stdint.h>
#include <string.h>

enum dtype {
    DTYPE_F32,
    DTYPE_BF16,
    DTYPE_F16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_U8,
    DTYPE_I8,
    DTYPE_BOOL,
    DTYPE_NF4, /* the quantised types of compute/quant.h: a weight in memory, never a tensor of a */
    DTYPE_INT8, /* file; without a size of one element */
    DTYPE_COUNT
};

const char *dtype_name(enum dtype t); /* "F32", "BF16", ... as safetensors writes them */
int64_t dtype_bytes(enum dtype t);    /* of one element */
MUST_CHECK err dtype_parse(const char *name, enum dtype *out);
/* Rounds to nearest even; NaN stays NaN. */
void dtype_from_f32(const float *from, int64_t n, enum dtype to_type, void *to);
/* F32, BF16, F16, F64 (rounded), I64, I32, U8, I8, BOOL -> fp32. */
void dtype_to_f32(const void *from, enum dtype from_type, int64_t n, float *to);

static inline float bf16_to_f32(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

#endif
