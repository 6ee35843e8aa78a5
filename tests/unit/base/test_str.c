/* SPDX-License-Identifier: Apache-2.0
 * Strings: growth, numbers, UTF-8 by the standard's own hard cases, nearest names.
 * The cases of UTF-8 stand at the borders: the last code point allowed and the first that is not.
 * Under test: base/str.h. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "base/str.h"

static void grows_and_keeps_nul_bytes(void **state) {
    (void)state;
    struct str s = {0};
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++) assert_ok(str_printf(&s, "%03d,", i));
    assert_int_equal(s.len, 4000);
    assert_int_equal(memcmp(s.data + 3996, "999,", 5), 0);
    assert_ok(str_append(&s, "a\0b", 3));
    assert_int_equal(s.len, 4003);
    str_release(&s);
}

static void invalid_utf8_is_found_where_it_is(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t at;
    } rows[] = {
        {"", -1},
        {"plain", -1},
        {"\xE4\xBD\xA0\xE5\xA5\xBD", -1},
        {"\xF0\x9F\x98\x80", -1},
        {"\xF4\x8F\xBF\xBF", -1},    /* U+10FFFF */
        {"a\xF4\x90\x80\x80", 1},    /* above it */
        {"a\x80", 1},                /* continuation alone */
        {"ab\xC0\xAF", 2},           /* overlong */
        {"\xE0\x9F\xBF", 0},         /* overlong */
        {"\xED\xA0\x80", 0},         /* surrogate */
        {"x\xE4\xBD", 1},            /* cut off */
        {"\xF8\x88\x80\x80\x80", 0}, /* five bytes */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(utf8_invalid_at(rows[i].text, strlen(rows[i].text)), rows[i].at);
}

static void code_points_round_trip(void **state) {
    (void)state;
    struct str s = {0};
    uint32_t *points;
    int64_t n;
    static const uint32_t want[] = {0x41,   0x7F,   0x80,    0x7FF,   0x800,
                                    0x4F60, 0xFFFF, 0x10000, 0x10FFFF};
    enum { COUNT = sizeof want / sizeof want[0] };
    for (size_t i = 0; i < COUNT; i++) assert_ok(str_codepoint(&s, want[i]));
    assert_ok(utf8_decode(s.data, s.len, &points, &n));
    assert_int_equal(n, COUNT);
    assert_memory_equal(points, want, sizeof want);
    assert_int_equal(utf8_count(s.data, s.len), COUNT);
    mem_free(points);
    str_release(&s);
    assert_fails(utf8_decode("ab\xFF", 3, &points, &n), ERR_PARSE, "byte 2");
}

static void any_bytes_can_be_read(void **state) {
    (void)state;
    static const char text[] = "a\xE4\xBD\xA0\xE4\xBD\xFF\xC0";
    static const struct {
        uint32_t point;
        size_t len;
    } want[] = {{'a', 1}, {0x4F60, 3}, {0xFFFD, 1}, {0xFFFD, 1}, {0xFFFD, 1}, {0xFFFD, 1}};
    size_t at = 0;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        uint32_t c;
        size_t len = utf8_next_any(text + at, sizeof text - 1 - at, &c);
        assert_int_equal(c, want[i].point);
        assert_int_equal(len, want[i].len);
        at += len;
    }
    assert_int_equal(at, sizeof text - 1);
    assert_int_equal(utf8_next_any(text, 0, &(uint32_t){0}), 0);
}

static void what_draws_nothing_is_known(void **state) {
    (void)state;
    static const uint32_t invisible[] = {0xAD,   0x34F,  0x61C,  0x115F, 0x180E,  0x200B,
                                         0x200D, 0x200E, 0x202E, 0x2060, 0x2066,  0x2069,
                                         0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xE0041, 0xE01EF};
    static const uint32_t visible[] = {'a',    ' ',    0xA0,   0xAC,    0xAE,   0x300,
                                       0x2010, 0x2029, 0x3000, 0x3165,  0x4F60, 0xFDFF,
                                       0xFE10, 0xFF01, 0xFFFD, 0x1F91D, 0xE1000};
    for (size_t i = 0; i < sizeof invisible / sizeof invisible[0]; i++)
        if (!utf8_invisible(invisible[i])) fail_msg("U+%04X is not seen", invisible[i]);
    for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++)
        if (utf8_invisible(visible[i])) fail_msg("U+%04X is seen", visible[i]);
}

static void numbers_are_whole_texts(void **state) {
    (void)state;
    int64_t i;
    double d;
    assert_ok(str_to_int64("-9223372036854775808", &i));
    assert_int_equal(i, INT64_MIN);
    assert_fails(str_to_int64("9223372036854775808", &i), ERR_PARSE, "not a whole number");
    assert_fails(str_to_int64("3x", &i), ERR_PARSE, "'3x'");
    assert_fails(str_to_int64("", &i), ERR_PARSE, "''");
    assert_fails(str_to_int64(" 3", &i), ERR_PARSE, "' 3'");
    assert_ok(str_to_double("1.0e-4", &d));
    assert_true(d == 1.0e-4);
    assert_fails(str_to_double("nan", &d), ERR_PARSE, "nan");
    assert_fails(str_to_double("1e999", &d), ERR_PARSE, "1e999");
    assert_ok(str_to_bytes("24GiB", &i));
    assert_int_equal(i, 24LL << 30);
    assert_ok(str_to_bytes("4096", &i));
    assert_int_equal(i, 4096);
    assert_ok(str_to_bytes("5.5G", &i));
    assert_int_equal(i, 11LL << 29);
    assert_ok(str_to_bytes("800MB", &i));
    assert_int_equal(i, 800000000);
    assert_fails(str_to_bytes("nan", &i), ERR_PARSE, "'nan'");
    assert_fails(str_to_bytes("1e30GiB", &i), ERR_PARSE, "1e30GiB");
    assert_fails(str_to_bytes("4 apples", &i), ERR_PARSE, "apples");
    assert_fails(str_to_bytes("-1GiB", &i), ERR_PARSE, "-1GiB");
}

static void nearest_name(void **state) {
    (void)state;
    static const char *const names[] = {"learning_rate", "lr_warmup", "weight_decay", "r"};
    assert_string_equal(str_nearest("lr_warmpu", names, 4), "lr_warmup");
    assert_string_equal(str_nearest("Learning_Rate", names, 4), "learning_rate");
    assert_null(str_nearest("temperature", names, 4));
    assert_null(str_nearest("", names, 4));
    assert_string_equal(str_nearest("s", names, 4), "r");
}

static void whole_characters_are_cut(void **state) {
    (void)state;
    static const char text[] = "a\xE7\x81\xAB\xFF";
    static const size_t wanted[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t most = 0; most < sizeof wanted / sizeof wanted[0]; most++)
        assert_int_equal(utf8_cut(text, sizeof text - 1, most), wanted[most]);
}

static void a_word_of_a_shell(void **state) {
    (void)state;
    struct str s = {0};
    assert_ok(str_quoted(&s, ""));
    assert_ok(str_quoted(&s, "it's $x"));
    assert_string_equal(s.data, "'''it'\\''s $x'");
    str_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_nul_bytes),
        cmocka_unit_test(invalid_utf8_is_found_where_it_is),
        cmocka_unit_test(code_points_round_trip),
        cmocka_unit_test(any_bytes_can_be_read),
        cmocka_unit_test(whole_characters_are_cut),
        cmocka_unit_test(a_word_of_a_shell),
        cmocka_unit_test(what_draws_nothing_is_known),
        cmocka_unit_test(numbers_are_whole_texts),
        cmocka_unit_test(nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
