/* SPDX-License-Identifier: Apache-2.0
 * Normalised texts: what counts as the same and what does not. Case folding is held against
 * Unicode's own table by a digest over all of its pairs in the blocks that data/text/cases.def
 * covers. Under test: data/text/normal.h. */
#include "tests/unit/test.h"

#include "base/hash.h"
#include "base/str.h"
#include "data/text/normal.h"

static struct normal normal;

static int release(void **state) {
    (void)state;
    normal_release(&normal);
    return 0;
}

/* The normalised text is `want`, and normalising that changes nothing. */
static void becomes(const char *text, const char *want) {
    for (int turn = 0; turn < 2; turn++) {
        struct str out = {0};
        assert_ok(normal_set(&normal, turn ? want : text, strlen(turn ? want : text)));
        for (int64_t i = 0; i < normal.n; i++) assert_ok(str_codepoint(&out, normal.points[i]));
        if (strcmp(str_text(&out), want) != 0)
            fail_msg("'%s' became '%s' instead of '%s'", turn ? want : text, str_text(&out), want);
        str_release(&out);
    }
}

static void case_and_width_are_no_difference(void **state) {
    (void)state;
    becomes("Yuan 2.0", "yuan 2.0");
    becomes("ＹＵＡＮ　２．０", "yuan 2.0");
    becomes("ÀÉÎ Šß Ÿ", "àéî šß ÿ");
    becomes("ΣΊΣΥΦΟς", "σίσυφοσ");
    becomes("ЁЖИК Ґ", "ёжик ґ");
    becomes("ẠẤ ẞ", "ạấ ß");
    becomes("汉字、カナ。", "汉字カナ");
}

static void white_space_is_one_blank_and_none_beside_chinese(void **state) {
    (void)state;
    becomes("", "");
    becomes(" \t\r\n\xC2\xA0\xE3\x80\x80", "");
    becomes("  a \n\n b\t", "a b");
    becomes("用 Python 写", "用python写");
    becomes("用Python写", "用python写");
    becomes("第 3 章", "第3章");
    becomes("汉 字", "汉字");
    becomes("한국어 말", "한국어말");
}

static void what_draws_nothing_is_left_out(void **state) {
    (void)state;
    becomes("a\xE2\x80\x8B\xE2\x80\x8D\xC2\xADz", "az"); /* zero-width space, joiner, soft hyphen */
    becomes("\xEF\xBB\xBF汉\xE2\x80\xAE字\xE2\x80\xAC", "汉字"); /* mark, override */
    becomes("a\x01\x7Fz", "az");
    becomes("❤\xEF\xB8\x8F", "❤");
}

static void marks_separate_unless_they_stand_tight(void **state) {
    (void)state;
    becomes("你好，世界！“是”吗？", "你好世界是吗");
    becomes("Hello, world! (yes)", "hello world (yes)");
    becomes("输入:代码;输出:功能.", "输入代码输出功能");
    becomes("输入：代码；输出：功能。", "输入代码输出功能");
    becomes("3.14 1,000 12:30 a.b.c", "3.14 1,000 12:30 a.b.c");
    becomes("it's 'so' \"fine\"", "it's so fine");
    becomes("it’s", "it's");
    becomes("wait... what?! ok", "wait what ok");
    becomes("等等……好——的", "等等好的");
    becomes("a!=b a != b", "a!=b a = b");
    becomes("x=1;y=2;", "x=1;y=2");
    becomes("【场景】《红楼梦》「对话」", "场景红楼梦对话");
    becomes("1.5倍，约.5", "1.5倍约5");
    becomes("（a+b）×c", "(a+b)×c");
    becomes("1－2−3–4", "1-2-3-4");
    becomes(".,;", "");
}

static void any_bytes_are_taken(void **state) {
    (void)state;
    becomes("a\xFF\xE4\xBD", "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_ok(normal_set(&normal, "a\0b", 3)); /* NUL is a control character */
    assert_int_equal(normal.n, 2);
}

/* Lines "%04X %04X" of all pairs, as made from Unicode's data: see data/text/cases.def. */
static void case_folding_is_unicodes(void **state) {
    (void)state;
    static const uint32_t blocks[][2] = {{0x41, 0x24F}, {0x370, 0x52F}, {0x1E00, 0x1EFF}};
    struct sha256 hash;
    char line[32], digest[SHA256_HEX_SIZE];
    int n = 0;
    assert_ok(sha256_init(&hash));
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        for (uint32_t c = blocks[i][0]; c <= blocks[i][1]; c++) {
            if (normal_case(c) == c) continue;
            int length = snprintf(line, sizeof line, "%04X %04X\n", c, normal_case(c));
            assert_ok(sha256_add(&hash, line, (size_t)length));
            n++;
        }
    }
    assert_ok(sha256_final(&hash, digest));
    assert_int_equal(n, 565);
    assert_string_equal(digest, "6c107af947fdf77c0a99162cb50845e9b74355debaae043e079893bbd5c663bd");
    assert_int_equal(normal_case(0x250), 0x250);
    assert_int_equal(normal_case(0x36F), 0x36F);
    assert_int_equal(normal_case(0x1DFF), 0x1DFF);
    assert_int_equal(normal_case(0x10FFFF), 0x10FFFF);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, release)
    const struct CMUnitTest tests[] = {
        TEST(case_and_width_are_no_difference),
        TEST(white_space_is_one_blank_and_none_beside_chinese),
        TEST(what_draws_nothing_is_left_out),
        TEST(marks_separate_unless_they_stand_tight),
        TEST(any_bytes_are_taken),
        TEST(case_folding_is_unicodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
