/* SPDX-License-Identifier: Apache-2.0
 * Element types: names, sizes, conversion. Everything is done on the bits with integers, so that
 * the result does not depend on what the processor has; elements need not be aligned.
 * Read next: compute/dtype.h. */
#include "compute/dtype.h"

#include <stdbool.h>

static const struct {
    const char *name;
    int64_t bytes;
} rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {"F32", 4}, [DTYPE_BF16] = {"BF16", 2}, [DTYPE_F16] = {"F16", 2},
    [DTYPE_F64] = {"F64", 8}, [DTYPE_I64] = {"I64", 8},   [DTYPE_I32] = {"I32", 4},
    [DTYPE_U8] = {"U8", 1},   [DTYPE_I8] = {"I8", 1},     [DTYPE_BOOL] = {"BOOL", 1},
    [DTYPE_NF4] = {"NF4", 0}, [DTYPE_INT8] = {"INT8", 0},
};

const char *dtype_name(enum dtype t) {
    BUG_IF((unsigned)t >= DTYPE_COUNT);
    return rows[t].name;
}

int64_t dtype_bytes(enum dtype t) {
    BUG_IF((unsigned)t >= DTYPE_COUNT || !rows[t].bytes);
    return rows[t].bytes;
}

err dtype_parse(const char *name, enum dtype *out) {
    for (int t = 0; t < DTYPE_COUNT; t++) {
        if (rows[t].bytes && strcmp(rows[t].name, name) == 0) {
            *out = (enum dtype)t;
            return ERR_OK;
        }
    }
    return fail(ERR_UNSUPPORTED, "element type '%s' is not known", name);
}

static uint32_t f32_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint16_t bf16_from_f32(float value) {
    uint32_t bits = f32_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* NaN, quiet */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static uint16_t f16_from_f32(float value) {
    uint32_t bits = f32_bits(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to 2^16 or more */
    if (magnitude < 0x33000000u) return (uint16_t)sign;              /* below half of 2^-24 */
    uint32_t exponent = magnitude >> 23, fraction = (magnitude & 0x7fffffu) | 0x800000u;
    /* Bits to drop: 13, and for a subnormal result one more for each power below 2^-14. */
    uint32_t drop = exponent < 113 ? 126 - exponent : 13;
    uint32_t kept = fraction >> drop, rest = fraction & ((1u << drop) - 1), half = 1u << (drop - 1);
    kept += rest > half || (rest == half && (kept & 1u));
    /* A normal result holds its leading 1, which the exponent minus one absorbs. */
    uint32_t high = exponent < 113 ? 0 : exponent - 113;
    return (uint16_t)(sign | ((high << 10) + kept));
}

static float f16_to_f32(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u, bits;
    uint32_t fraction = half & 0x3ffu;
    if (exponent == 31) {
        bits = 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0);
    } else if (exponent > 0) {
        bits = (exponent + 112) << 23 | fraction << 13;
    } else {
        return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
    }
    bits |= sign;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void dtype_from_f32(const float *from, int64_t n, enum dtype to_type, void *to) {
    BUG_IF(to_type != DTYPE_F32 && to_type != DTYPE_BF16 && to_type != DTYPE_F16 &&
           to_type != DTYPE_F64);
    if (to_type == DTYPE_F32) memcpy(to, from, (size_t)n * sizeof *from);
    for (int64_t i = 0; i < n && to_type != DTYPE_F32; i++) {
        if (to_type == DTYPE_F64) {
            double value = (double)from[i];
            memcpy((char *)to + 8 * i, &value, sizeof value);
        } else {
            uint16_t bits = to_type == DTYPE_BF16 ? bf16_from_f32(from[i]) : f16_from_f32(from[i]);
            memcpy((char *)to + 2 * i, &bits, sizeof bits);
        }
    }
}

/* Element i of an array that need not be aligned (safetensors files promise nothing). */
#define READ(type, from, i, out)                                                                   \
    type out;                                                                                      \
    memcpy(&out, (const char *)(from) + (i) * (int64_t)sizeof(type), sizeof(type))

static float element_to_f32(const void *from, enum dtype from_type, int64_t i) {
    switch (from_type) {
    case DTYPE_BF16: {
        READ(uint16_t, from, i, value);
        return bf16_to_f32(value);
    }
    case DTYPE_F16: {
        READ(uint16_t, from, i, value);
        return f16_to_f32(value);
    }
    case DTYPE_F64: {
        READ(double, from, i, value);
        return (float)value;
    }
    case DTYPE_I64: {
        READ(int64_t, from, i, value);
        return (float)value;
    }
    case DTYPE_I32: {
        READ(int32_t, from, i, value);
        return (float)value;
    }
    case DTYPE_U8: return (float)((const uint8_t *)from)[i];
    case DTYPE_I8: return (float)((const int8_t *)from)[i];
    case DTYPE_BOOL: return ((const uint8_t *)from)[i] ? 1.0f : 0.0f;
    default: BUG_IF(from_type != DTYPE_F32); return 0;
    }
}

void dtype_to_f32(const void *from, enum dtype from_type, int64_t n, float *to) {
    BUG_IF((unsigned)from_type >= DTYPE_COUNT || !rows[from_type].bytes);
    if (from_type == DTYPE_F32) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    for (int64_t i = 0; i < n; i++) to[i] = element_to_f32(from, from_type, i);
}
