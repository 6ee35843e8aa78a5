/* SPDX-License-Identifier: Apache-2.0
 * Element types: every bf16 and fp16 value goes to fp32 and back to its own bits; rounding is to
 * the nearest with ties to even, checked between every two neighbours; the other types and the
 * names. */
#include "tests/unit/test.h"

#include "compute/dtype.h"
#include <math.h>
#include <stdbool.h>

static float widen(enum dtype t, uint16_t bits) {
    float out;
    dtype_to_f32(&bits, t, 1, &out);
    return out;
}

static uint16_t narrow(enum dtype t, float value) {
    uint16_t out;
    dtype_from_f32(&value, 1, t, &out);
    return out;
}

/* The value of 16 bits by the definition of the format. */
static double defined(enum dtype t, uint16_t bits) {
    const int fraction_bits = t == DTYPE_BF16 ? 7 : 10, bias = t == DTYPE_BF16 ? 127 : 15;
    const int fraction = bits & ((1 << fraction_bits) - 1),
              exponent = (bits & 0x7fff) >> fraction_bits;
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == 2 * bias + 1) return fraction ? (double)NAN : sign * HUGE_VAL;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

static void round_trips(void **state) {
    (void)state;
    static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16};
    for (int i = 0; i < 2; i++) {
        for (int bits = 0; bits < 65536; bits++) {
            const float wide = widen(types[i], (uint16_t)bits);
            const double want = defined(types[i], (uint16_t)bits);
            if (isnan(want)) {
                assert_true(isnan(wide));
                assert_true(isnan(defined(types[i], narrow(types[i], wide))));
            } else {
                assert_true((double)wide == want && !signbit(wide) == !signbit(want));
                assert_int_equal(narrow(types[i], wide), bits);
            }
        }
    }
}

static void rounding(void **state) {
    (void)state;
    static const struct {
        enum dtype type;
        uint16_t infinity;
    } rows[] = {{DTYPE_BF16, 0x7f80}, {DTYPE_F16, 0x7c00}};
    for (int i = 0; i < 2; i++) {
        for (uint16_t bits = 0; bits < rows[i].infinity; bits++) {
            const enum dtype t = rows[i].type;
            const double low = defined(t, bits);
            /* Past the largest finite value lies the next one that a wider exponent would allow. */
            const double step = defined(t, bits) - defined(t, (uint16_t)(bits - (bits > 0)));
            const double high =
                bits + 1 == rows[i].infinity ? low + step : defined(t, (uint16_t)(bits + 1));
            const float middle = (float)((low + high) / 2);
            if (isinf(middle)) continue;
            const uint16_t even = bits % 2 ? (uint16_t)(bits + 1) : bits;
            assert_int_equal(narrow(t, middle), even);
            assert_int_equal(narrow(t, -middle), even | 0x8000);
            assert_int_equal(narrow(t, nextafterf(middle, 0)), bits);
            assert_int_equal(narrow(t, nextafterf(middle, INFINITY)), bits + 1);
        }
    }
    assert_int_equal(narrow(DTYPE_F16, 1e30f), 0x7c00);
    assert_int_equal(narrow(DTYPE_F16, -1e-30f), 0x8000);
    assert_int_equal(narrow(DTYPE_BF16, 3.4028235e38f), 0x7f80);
}

static void other_types(void **state) {
    (void)state;
    const double wide[] = {1.5, -0x1.0000011p0};
    const int64_t whole[] = {-3, 16777217};
    const int32_t narrow32[] = {7, -2147483647 - 1};
    const uint8_t bytes[] = {0, 255};
    float out[2], back[2] = {0.1f, -2.0f};
    double doubles[2];
    dtype_to_f32(wide, DTYPE_F64, 2, out);
    assert_true(out[0] == 1.5f && out[1] == -0x1.000002p0f);
    dtype_to_f32(whole, DTYPE_I64, 2, out);
    assert_true(out[0] == -3 && out[1] == 16777216);
    dtype_to_f32(narrow32, DTYPE_I32, 2, out);
    assert_true(out[0] == 7 && out[1] == -0x1p31f);
    dtype_to_f32(bytes, DTYPE_U8, 2, out);
    assert_true(out[0] == 0 && out[1] == 255);
    dtype_to_f32(bytes, DTYPE_BOOL, 2, out);
    assert_true(out[0] == 0 && out[1] == 1);
    dtype_from_f32(back, 2, DTYPE_F64, doubles);
    assert_true(doubles[0] == (double)0.1f && doubles[1] == -2);
    dtype_from_f32(back, 2, DTYPE_F32, out);
    assert_memory_equal(out, back, sizeof out);
}

/* Files promise no alignment. */
static void unaligned(void **state) {
    (void)state;
    uint8_t bytes[11];
    float in = -1.25f, out;
    for (int at = 0; at < 4; at++) {
        dtype_from_f32(&in, 1, DTYPE_BF16, bytes + at);
        dtype_to_f32(bytes + at, DTYPE_BF16, 1, &out);
        assert_true(out == in);
        dtype_from_f32(&in, 1, DTYPE_F32, bytes + at);
        dtype_to_f32(bytes + at, DTYPE_F32, 1, &out);
        assert_true(out == in);
    }
}

static void names(void **state) {
    (void)state;
    for (int t = 0; t <= DTYPE_BOOL; t++) { /* those of files */
        enum dtype back;
        assert_ok(dtype_parse(dtype_name((enum dtype)t), &back));
        assert_int_equal(back, t);
        assert_in_range(dtype_bytes(back), 1, 8);
    }
    enum dtype unused;
    assert_fails(dtype_parse("F8", &unused), ERR_UNSUPPORTED, "'F8'");
    assert_fails(dtype_parse(dtype_name(DTYPE_NF4), &unused), ERR_UNSUPPORTED, "'NF4'");
    assert_fails(dtype_parse(dtype_name(DTYPE_INT8), &unused), ERR_UNSUPPORTED, "'INT8'");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trips), cmocka_unit_test(rounding),
                                       cmocka_unit_test(other_types), cmocka_unit_test(unaligned),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests_name("dtype", tests, NULL, NULL);
}
