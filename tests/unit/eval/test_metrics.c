/* SPDX-License-Identifier: Apache-2.0
 * Scores of one answer, and Wilson's interval, against values worked out by hand. The first
 * subsequence pair is the usual textbook one: its longest common subsequence has length 4.
 * What they are used for: tests/unit/eval/test_gates.c and the chain's shell tests. */
#include "tests/unit/test.h"

#include "eval/metrics.h"
#include "eval/text.h"
#include <math.h>

static bool exact(const char *expected, const char *got) {
    return metric_exact_match(text_span(expected), text_span(got));
}

static err rouge_l(const char *expected, const char *got, double *out) {
    return metric_rouge_l(text_span(expected), text_span(got), out);
}

static void exact_match_trims_both_ends(void **state) {
    (void)state;
    assert_true(exact("42", "42"));
    assert_true(exact("42", " \t42\n"));
    assert_true(exact("北京", "　北京 "));    /* ideographic space */
    assert_true(exact("a", "\xC2\xA0"         /* no-break space */
                           "a\xE2\x80\x83")); /* em space */
    assert_true(exact("", "  "));
    assert_false(exact("a b", "ab"));
    assert_false(exact("42", "42."));
    assert_false(exact("a", "A"));
    assert_false(exact("a", "a\xE2\x80\x8B")); /* a zero-width space is no white space */
}

static void rouge_counts_characters(void **state) {
    (void)state;
    static const struct {
        const char *expected, *got;
        int common, total;
    } rows[] = {
        {"ABCBDAB", "BDCABA", 4, 13},
        {"你好世界", "你好，世界", 4, 9},
        {"abc", "abc", 3, 6},
        {"abc", "xyz", 0, 6},
        {"abc", "", 0, 3},
        {" abc ", "abc\n", 3, 6},
        {"aaaa", "aa", 2, 6},
        {"一二三", "三二一", 1, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double f1 = -1.0, swapped = -1.0;
        assert_ok(rouge_l(rows[i].expected, rows[i].got, &f1));
        assert_ok(rouge_l(rows[i].got, rows[i].expected, &swapped));
        assert_true(f1 == 2.0 * rows[i].common / rows[i].total);
        assert_true(f1 == swapped);
    }
    double empty = 0.0;
    assert_ok(rouge_l("", " ", &empty));
    assert_true(empty == 1.0);
    assert_fails(rouge_l("a", "\xFF", &empty), ERR_PARSE, "");
}

static void rouge_has_a_limit(void **state) {
    (void)state;
    size_t n = 65537;
    char *text = malloc(n + 1);
    double f1 = 0.0;
    assert_non_null(text);
    memset(text, 'a', n);
    text[n] = '\0';
    assert_ok(rouge_l("a", text, &f1)); /* a model that never stops */
    assert_true(f1 == 2.0 / 65538);
    assert_fails(rouge_l(text, text, &f1), ERR_LIMIT, "65537 characters against 65537");
    free(text);
}

static void near(double value, double wanted) {
    if (fabs(value - wanted) > 5e-7) fail_msg("%.9f instead of %.9f", value, wanted);
}

static void wilson_has_known_values(void **state) {
    (void)state;
    double z2 = 1.959963984540054 * 1.959963984540054;
    struct interval i = wilson_interval(8, 10);
    near(i.low, 0.4901625);
    near(i.high, 0.9433178);
    i = wilson_interval(0, 10); /* at the ends it is n / (n + z2) and its complement */
    assert_true(i.low == 0.0);
    near(i.high, z2 / (10 + z2));
    i = wilson_interval(50, 50);
    near(i.low, 50 / (50 + z2));
    assert_true(i.high == 1.0);
    i = wilson_interval(0, 0);
    assert_true(i.low == 0.0 && i.high == 1.0);
    struct interval few = wilson_interval(5, 10), many = wilson_interval(50, 100);
    assert_true(many.high - many.low < few.high - few.low);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_match_trims_both_ends),
        cmocka_unit_test(rouge_counts_characters),
        cmocka_unit_test(rouge_has_a_limit),
        cmocka_unit_test(wilson_has_known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
