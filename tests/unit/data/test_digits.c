/* SPDX-License-Identifier: Apache-2.0
 * Numbers in one form: what is folded, and what only looks like a number and stays.
 * Numerals are Chinese; a wrong fold would make two different cases the same.
 * Under test: data/text/digits.h. */
#include "data/text/digits.h"
#include "tests/unit/test.h"

static void check(const char *text, const char *want) {
    struct str out = {0};
    assert_ok(digits_fold(text, strlen(text), &out));
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void numbers_become_digits(void **state) {
    (void)state;
    check("１２３个", "123个");
    check("共1,234,567元", "共1234567元");
    check("12,345", "12345");
    check("三百二十", "320");
    check("十五个", "15个");
    check("二十", "20");
    check("一万零五", "10005");
    check("两千三百万", "23000000");
    check("一亿两千万", "120000000");
    check("二〇二四年", "2024年");
    check("一二三四五", "12345");
}

static void what_is_surely_no_number_stays(void **state) {
    (void)state;
    static const char *const same[] = {"一个", "万一",  "千万别", "三三两两", "一一",
                                       "十",   "1,2,3", "1,23",   "1234,567", "二三十",
                                       "abc",  "",      "百万",   "十十"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) check(same[i], same[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_become_digits),
        cmocka_unit_test(what_is_surely_no_number_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
