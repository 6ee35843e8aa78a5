/* SPDX-License-Identifier: Apache-2.0
 * The types of storage that ggml numbers, and the two block types that are written. A block is an
 * f16 scale d and 32 codes; x is taken in order, and the codes are made with d before its rounding:
 *   q8_0: d = max|x| / 127,         code = round(x / d), half away from zero;   x ~ d code
 *   q4_0: d = (the x of max|x|) / -8, code = min(15, floor(x / d + 8.5));       x ~ d (code - 8)
 *         codes of x[0..15] in the low halves of 16 bytes, of x[16..31] in the high ones
 * Source: ggml's quantize_row_q8_0 and quantize_row_q4_0, reference versions, divisions as products
 * with 1 / d there and here. */
#include "model/formats/gguf_storage.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { Q8_0_BYTES = 2 + GGUF_BLOCK, Q4_0_BYTES = 2 + GGUF_BLOCK / 2 };

/* The element of largest magnitude, the first of several. */
static err find_extreme(const float *x, int64_t at, float *out) {
    float extreme = 0;
    for (int i = 0; i < GGUF_BLOCK; i++) {
        if (!isfinite(x[i]))
            return fail(ERR_RANGE, "element %lld is not finite", (long long)at + i);
        if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
    }
    *out = extreme;
    return ERR_OK;
}

/* Writes the scale d as f16; *out_inverse is 1 / d, or 0 where d is too small to have one. */
static err put_scale(float d, int64_t at, uint8_t *to, float *out_inverse) {
    uint16_t half;
    float kept, inverse = d != 0 ? 1.0f / d : 0.0f;
    dtype_from_f32(&d, 1, DTYPE_F16, &half);
    dtype_to_f32(&half, DTYPE_F16, 1, &kept);
    if (!isfinite(kept))
        return fail(ERR_RANGE, "the scale of elements %lld to %lld, %g, is beyond f16",
                    (long long)at, (long long)at + GGUF_BLOCK - 1, (double)d);
    to[0] = (uint8_t)half;
    to[1] = (uint8_t)(half >> 8);
    *out_inverse = isfinite(inverse) ? inverse : 0;
    return ERR_OK;
}

static float get_scale(const uint8_t *from) {
    const uint16_t half = (uint16_t)(from[0] | from[1] << 8);
    float d;
    dtype_to_f32(&half, DTYPE_F16, 1, &d);
    return d;
}

static err q8_0_encode(const void *from, int64_t n, void *to) {
    uint8_t *block = to;
    for (int64_t at = 0; at < n; at += GGUF_BLOCK, block += Q8_0_BYTES) {
        float x[GGUF_BLOCK], extreme = 0, inverse = 0;
        memcpy(x, (const char *)from + at * (int64_t)sizeof *x, sizeof x);
        TRY(find_extreme(x, at, &extreme));
        TRY(put_scale(fabsf(extreme) / 127, at, block, &inverse));
        for (int i = 0; i < GGUF_BLOCK; i++) block[2 + i] = (uint8_t)(int8_t)roundf(x[i] * inverse);
    }
    return ERR_OK;
}

static void q8_0_decode(const void *from, int64_t n, float *to) {
    const uint8_t *block = from;
    for (int64_t at = 0; at < n; at += GGUF_BLOCK, block += Q8_0_BYTES) {
        const float d = get_scale(block);
        for (int i = 0; i < GGUF_BLOCK; i++) to[at + i] = d * (float)(int8_t)block[2 + i];
    }
}

static uint8_t q4_0_code(float x, float inverse) {
    const float code = x * inverse + 8.5f;
    return code < 15 ? (uint8_t)code : 15;
}

static err q4_0_encode(const void *from, int64_t n, void *to) {
    uint8_t *block = to;
    for (int64_t at = 0; at < n; at += GGUF_BLOCK, block += Q4_0_BYTES) {
        float x[GGUF_BLOCK], extreme = 0, inverse = 0;
        memcpy(x, (const char *)from + at * (int64_t)sizeof *x, sizeof x);
        TRY(find_extreme(x, at, &extreme));
        TRY(put_scale(extreme / -8, at, block, &inverse));
        for (int i = 0; i < GGUF_BLOCK / 2; i++) {
            const uint8_t low = q4_0_code(x[i], inverse);
            const uint8_t high = q4_0_code(x[i + GGUF_BLOCK / 2], inverse);
            block[2 + i] = (uint8_t)(low | high << 4);
        }
    }
    return ERR_OK;
}

static void q4_0_decode(const void *from, int64_t n, float *to) {
    const uint8_t *block = from;
    for (int64_t at = 0; at < n; at += GGUF_BLOCK, block += Q4_0_BYTES) {
        const float d = get_scale(block);
        for (int i = 0; i < GGUF_BLOCK / 2; i++) {
            to[at + i] = d * (float)((block[2 + i] & 15) - 8);
            to[at + GGUF_BLOCK / 2 + i] = d * (float)((block[2 + i] >> 4) - 8);
        }
    }
}

#define UNREAD(number, name)                                                                       \
    { name, number, 0, 0, DTYPE_F32, 0, NULL, NULL }
static const struct gguf_storage storages[] = {
    {"f32", 0, 1, 4, DTYPE_F32, 0, NULL, NULL},
    {"f16", 1, 1, 2, DTYPE_F16, 1, NULL, NULL},
    {"q4_0", 2, GGUF_BLOCK, Q4_0_BYTES, DTYPE_F32, 2, q4_0_decode, q4_0_encode},
    {"q8_0", 8, GGUF_BLOCK, Q8_0_BYTES, DTYPE_F32, 7, q8_0_decode, q8_0_encode},
    {"bf16", 30, 1, 2, DTYPE_BF16, 32, NULL, NULL},
    UNREAD(3, "q4_1"),
    UNREAD(6, "q5_0"),
    UNREAD(7, "q5_1"),
    UNREAD(9, "q8_1"),
    UNREAD(10, "q2_K"),
    UNREAD(11, "q3_K"),
    UNREAD(12, "q4_K"),
    UNREAD(13, "q5_K"),
    UNREAD(14, "q6_K"),
    UNREAD(15, "q8_K"),
    UNREAD(16, "iq2_xxs"),
    UNREAD(17, "iq2_xs"),
    UNREAD(18, "iq3_xxs"),
    UNREAD(19, "iq1_s"),
    UNREAD(20, "iq4_nl"),
    UNREAD(21, "iq3_s"),
    UNREAD(22, "iq2_s"),
    UNREAD(23, "iq4_xs"),
    UNREAD(24, "i8"),
    UNREAD(25, "i16"),
    UNREAD(26, "i32"),
    UNREAD(27, "i64"),
    UNREAD(28, "f64"),
    UNREAD(29, "iq1_m"),
    UNREAD(34, "tq1_0"),
    UNREAD(35, "tq2_0"),
    UNREAD(39, "mxfp4"),
};
#undef UNREAD
enum { N_STORAGES = sizeof storages / sizeof storages[0] };

const struct gguf_storage *gguf_storage_numbered(uint32_t number) {
    for (int i = 0; i < N_STORAGES; i++)
        if (storages[i].number == number) return &storages[i];
    return NULL;
}

const struct gguf_storage *gguf_storage_named(const char *name) {
    for (int i = 0; i < N_STORAGES; i++)
        if (strcmp(storages[i].name, name) == 0) return &storages[i];
    return NULL;
}
