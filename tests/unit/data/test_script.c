/* SPDX-License-Identifier: Apache-2.0
 * What texts are written in: Chinese, English, code, other scripts and nothing that counts, mixed
 * and alone, and what is only like one of them: lists and sentences that hold the marks of code,
 * French that counts as English. */
#include "data/text/script.h"
#include "tests/unit/test.h"

static struct script_counts count(const char *text) {
    struct script_counts c = {{0}};
    script_count(text, strlen(text), &c);
    return c;
}
static void assert_main(const char *text, enum script want) {
    struct script_counts c = count(text);
    if (script_main(&c) != want)
        fail_msg("'%s' is %s, not %s", text, script_names[script_main(&c)], script_names[want]);
}

static void texts_have_a_main_script(void **state) {
    (void)state;
    assert_main("请写一个冒泡排序。", SCRIPT_CHINESE);
    assert_main("Please write a bubble sort (in C).", SCRIPT_ENGLISH);
    assert_main("请用 Python 写一个 bubble sort 的例子", SCRIPT_CHINESE);
    assert_main("Übung macht den Meister, déjà vu", SCRIPT_ENGLISH);
    assert_main("ｆｕｌｌ ｗｉｄｔｈ", SCRIPT_ENGLISH);
    assert_main("для проверки", SCRIPT_OTHER);
    assert_main("こんにちは", SCRIPT_OTHER);
    assert_main("42 + 3 = 45", SCRIPT_NONE);
    assert_main("", SCRIPT_NONE);
    assert_main("\xFF\xFE", SCRIPT_NONE);
}

static void code_is_known_by_its_lines(void **state) {
    (void)state;
    assert_main("int main(void) {\n    return 0;\n}\n", SCRIPT_CODE);
    assert_main("def add(a, b):\n    return a + b\nprint(add(1, 2))", SCRIPT_CODE);
    assert_main("reg [3:0] q;\nassign s = a + b;", SCRIPT_CODE);
    assert_main("```\nplain words in a fence\n```", SCRIPT_CODE);
    assert_main("{\"name\": \"x\", \"n\": [1, 2]}", SCRIPT_CODE);
    assert_main("He came; he saw; he won.", SCRIPT_ENGLISH);
    assert_main("First (and last) of all, we go home", SCRIPT_ENGLISH);
    assert_main("from here on it is easy", SCRIPT_ENGLISH);
    assert_main("步骤如下：\n1. 打开（文件）；\n2. 保存；", SCRIPT_CHINESE);
}

static void shares_weigh_characters(void **state) {
    (void)state;
    struct script_counts c = count("中文 abcde");
    assert_int_equal(c.n[SCRIPT_CHINESE], 2);
    assert_int_equal(c.n[SCRIPT_ENGLISH], 5);
    assert_int_equal(c.n[SCRIPT_NONE], 1);
    assert_true(script_share(&c, SCRIPT_CHINESE) == 0.5);
    assert_true(script_share(&c, SCRIPT_ENGLISH) == 0.5);
    assert_true(script_share(&c, SCRIPT_NONE) == 0);
    c = count("123");
    assert_true(script_share(&c, SCRIPT_NONE) == 1);
    assert_true(script_share(&c, SCRIPT_CODE) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_a_main_script),
        cmocka_unit_test(code_is_known_by_its_lines),
        cmocka_unit_test(shares_weigh_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
