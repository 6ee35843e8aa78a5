/* SPDX-License-Identifier: Apache-2.0
 * Pages and charts: that no text can become markup or steer its reader, that tables keep their
 * shape, that charts have round ticks which reach their largest value, put every value into one
 * column, and are the same bytes for the same numbers. */
#include "base/chart.h"
#include "base/html.h"
#include "tests/unit/test.h"
#include <math.h>

static void assert_text(const char *text, size_t n, const char *want) {
    struct str out = {0};
    assert_ok(html_text(&out, text, n));
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void texts_are_no_markup(void **state) {
    (void)state;
    assert_text("a < b && c > \"d\" 'e'", 20,
                "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
    assert_text("中文 ok\n\tx", 12, "中文 ok\n\tx");
    assert_text("", 0, "");
    assert_text("a\0b\x1b[31m", 8, "a&lt;U+0000&gt;b&lt;U+001B&gt;[31m");
    assert_text("\xE2\x80\xAE"
                "evil",
                7, "&lt;U+202E&gt;evil");
    assert_text("\xC2\x85\xE2\x80\xA8", 5, "&lt;U+0085&gt;&lt;U+2028&gt;");
    assert_text("\xFF<\xE4\xBD", 4, "\xEF\xBF\xBD&lt;\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_text("\xEF\xBF\xBD", 3, "\xEF\xBF\xBD");
}

static void assert_label(const char *text, int units, const char *want) {
    struct str out = {0};
    assert_ok(html_label(&out, text, units));
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void labels_are_cut_to_what_they_show(void **state) {
    (void)state;
    assert_label("abcdef", 6, "abcdef");
    assert_label("abcdefg", 6, "abcde\xE2\x80\xA6");
    assert_label("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", 6, "\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97");
    assert_label("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", 5, "\xE4\xB8\xAD\xE6\x96\x87\xE2\x80\xA6");
    assert_label("<\xE2\x80\xAE", 13, "&lt;&lt;U+202E&gt;");
    assert_label("<\xE2\x80\xAE.", 13, "&lt;\xE2\x80\xA6");
}

static void tables_have_their_columns(void **state) {
    (void)state;
    static const char *const columns[] = {"name", "n"};
    static const struct html_table table = {.columns = columns, .numbers = "tn", .n_columns = 2};
    const char *const cells[] = {"<b>", NULL};
    struct str out = {0};
    assert_ok(html_table_begin(&out, &table));
    assert_ok(html_table_row(&out, &table, cells));
    assert_ok(html_table_end(&out));
    assert_string_equal(
        str_text(&out),
        "<div class=\"wide\"><table>\n<thead><tr><th>name</th><th class=\"n\">n</th>"
        "</tr></thead>\n<tbody>\n<tr><td>&lt;b&gt;</td><td class=\"n\"></td></tr>\n"
        "</tbody>\n</table></div>\n");
    str_release(&out);
}

static void ticks_are_round_and_reach_the_end(void **state) {
    (void)state;
    for (double largest = 1e-3; largest < 1e7; largest *= 1.37)
        for (int steps = 3; steps < 30; steps++) {
            double step = chart_step(largest, steps);
            double power = pow(10, floor(log10(step) + 1e-9)), first = step / power;
            bool round = fabs(first - 1) < 1e-6 || fabs(first - 2) < 1e-6 || fabs(first - 5) < 1e-6;
            if (!round || step * steps < largest * (1 - 1e-9) || step * steps > 10.1 * largest)
                fail_msg("%g in %d steps of %g", largest, steps, step);
        }
    assert_true(chart_step(0, 4) == 1);
}

static void numbers_are_grouped(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}, {0.25, "0.25"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        chart_number(rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* The sum of "...: N rows</title>" over the columns of a chart. */
static int64_t sum_columns(const char *svg) {
    int64_t sum = 0;
    for (const char *at = svg; (at = strstr(at, " rows</title></rect>")) != NULL; at++) {
        const char *digit = at;
        int64_t unit = 1;
        for (; digit[-1] == ',' || (digit[-1] >= '0' && digit[-1] <= '9'); digit--)
            if (digit[-1] != ',') {
                sum += unit * (digit[-1] - '0');
                unit *= 10;
            }
    }
    return sum;
}

static void every_value_is_in_one_column(void **state) {
    (void)state;
    double values[3000];
    for (int i = 0; i < 3000; i++) values[i] = i < 2995 ? floor(i / 7.0) : 50000 + i;
    struct chart_histogram chart = {.title = "t",
                                    .x_unit = "tokens",
                                    .y_unit = "rows",
                                    .values = values,
                                    .n = 3000,
                                    .suffix = ""};
    struct str first = {0}, second = {0};
    assert_ok(chart_histogram(&first, &chart));
    assert_ok(chart_histogram(&second, &chart));
    assert_string_equal(str_text(&first), str_text(&second));
    assert_int_equal(sum_columns(str_text(&first)), 3000);
    assert_non_null(strstr(str_text(&first), "the largest is 52,999"));
    assert_non_null(strstr(str_text(&first), "The last column holds 5 above"));
    for (int n = 1; n < 3000; n += 97) { /* whole numbers at the ends of columns */
        str_clear(&second);
        chart.n = n;
        assert_ok(chart_histogram(&second, &chart));
        assert_int_equal(sum_columns(str_text(&second)), n);
    }
    str_release(&first);
    str_release(&second);
}

static void shares_fill_an_axis_of_a_hundred(void **state) {
    (void)state;
    const double values[] = {0, 0, 4.999, 5, 50, 99.9, 100, 100};
    struct chart_histogram chart = {.title = "t",
                                    .x_unit = "u",
                                    .y_unit = "rows",
                                    .values = values,
                                    .n = 8,
                                    .full = 100,
                                    .suffix = " %"};
    struct str out = {0};
    assert_ok(chart_histogram(&out, &chart));
    assert_int_equal(sum_columns(str_text(&out)), 8);
    assert_non_null(strstr(str_text(&out), "0 to 5 %: 3 rows"));
    assert_non_null(strstr(str_text(&out), "95 to 100 %: 3 rows"));
    assert_null(strstr(str_text(&out), "The last column"));
    str_release(&out);
}

static void bars_name_and_gather(void **state) {
    (void)state;
    struct chart_bar bars[12];
    for (int i = 0; i < 12; i++) bars[i] = (struct chart_bar){"<b>", 12 - i, 0};
    struct chart_bars chart = {.title = "a & b", .unit = "rows", .bars = bars, .n = 12, .most = 10};
    struct str out = {0};
    assert_ok(chart_bars(&out, &chart));
    assert_null(strstr(str_text(&out), "<b>"));
    assert_non_null(strstr(str_text(&out), "3 others: 6</title>")); /* 3 + 2 + 1 */
    str_clear(&out);
    chart.n = 0;
    assert_ok(chart_bars(&out, &chart));
    assert_non_null(strstr(str_text(&out), "nothing to draw"));
    str_clear(&out);
    bars[0].value = 0; /* nothing but zeros has an axis all the same */
    chart.n = 1;
    assert_ok(chart_bars(&out, &chart));
    assert_null(strstr(str_text(&out), "nan"));
    assert_null(strstr(str_text(&out), "inf"));
    str_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_no_markup),
        cmocka_unit_test(labels_are_cut_to_what_they_show),
        cmocka_unit_test(tables_have_their_columns),
        cmocka_unit_test(ticks_are_round_and_reach_the_end),
        cmocka_unit_test(numbers_are_grouped),
        cmocka_unit_test(every_value_is_in_one_column),
        cmocka_unit_test(shares_fill_an_axis_of_a_hundred),
        cmocka_unit_test(bars_name_and_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
