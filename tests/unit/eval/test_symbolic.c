/* SPDX-License-Identifier: Apache-2.0
 * Short mathematical answers that say the
 * same, and such that only look alike.
 * Under test: eval/scorers/symbolic.h. */
#include "tests/unit/test.h"

#include "eval/scorers/symbolic.h"
#include "eval/text.h"
#include <math.h>

static void values_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value; /* NAN: no number */
    } rows[] = {
        {"-63", -63.0},
        {"2^{3}-1", 7.0},
        {"2\\sqrt{3}", 3.4641016151377544},
        {"\\frac12", 0.5},
        {"\\frac{2\\sqrt{5}}{5}", 0.8944271909999159},
        {"-\\frac{3\\pi}{4}", -2.356194490192345},
        {"(1+2)(3-1)", 6.0},
        {"\\sqrt[3]{27}", 3.0},
        {"1/4/2", 0.125},
        {"e^{2}", 7.38905609893065},
        {"2^-1", 0.5},
        {"", NAN},
        {"1/0", NAN},
        {"1.2.3", NAN},
        {"x+1", NAN},
        {"(1", NAN},
        {"1)", NAN},
        {"\\frac{1}", NAN},
        {"((((((((((((((((((((((((((((((((((((((((((1", NAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = 0.0;
        bool is = symbolic_value(rows[i].text, &value);
        if (is == (bool)isnan(rows[i].value) || (is && fabs(value - rows[i].value) > 1e-12))
            fail_msg("'%s' is %s %.17g", rows[i].text, is ? "the number" : "no number", value);
    }
}

static void answers_are_compared(void **state) {
    (void)state;
    static const struct {
        const char *expected, *got;
        bool same;
    } rows[] = {
        {"\\frac {1}{2}", "0.5", true},
        {"0.14", "\\frac{7}{50}", true},
        {"90^{\\circ }", "90°", true},
        {"y=\\pm \\sqrt {3}x", "y = ±√{3}x", true},
        {"(0,1)", "（0，1）", true},
        {"[0,2]", "(0,2]", false},
        {"\\left [\\frac {1}{3},\\frac {3}{2}\\right]", "[1/3, 1.5]", true},
        {"x=-\\frac {3}{2}", "-1.5", true},
        {"-1.5", "x=-\\dfrac{3}{2}", true},
        {"2x+y+1=0", "2x+y+1=0", true},
        {"2x+y+1=0", "2x+y+2=0", false},
        {"1-5\\mathrm {i}", "1-5i", true},
        {"A", "A", true},
        {"A", "B", false},
        {"1", "", false},
        {"3", "3.0000001", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool same = false;
        assert_ok(symbolic_equal(text_span(rows[i].expected), text_span(rows[i].got), &same));
        if (same != rows[i].same)
            fail_msg("'%s' and '%s' are %s", rows[i].expected, rows[i].got,
                     same ? "the same" : "different");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(answers_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
