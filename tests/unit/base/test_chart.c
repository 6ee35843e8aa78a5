/* SPDX-License-Identifier: Apache-2.0
 * Lines, intervals and graphs: texts cannot become markup, long lines are thinned, every coordinate
 * is a number inside the picture, and the same numbers give the same bytes.
 * Read next: base/chart.h; bars and histograms are in test_html.c. */
#include "base/chart.h"
#include "tests/unit/test.h"
#include <math.h>
#include <stdlib.h>

static int64_t count(const char *text, const char *what) {
    int64_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
    return n;
}

static void no_bad_number(const struct str *svg) {
    assert_null(strstr(str_text(svg), "nan"));
    assert_null(strstr(str_text(svg), "inf"));
    assert_null(strstr(str_text(svg), "<script"));
}

/* Points of the polyline that begins at `at`, each held to the picture. */
static int64_t points_of(const char *at) {
    int64_t n = 0;
    const char *p = strstr(at, "points=\"");
    assert_non_null(p);
    for (p += 8; *p != '"'; n++) {
        char *end;
        double x = strtod(p, &end), y = strtod(end + 1, &end);
        assert_true(x >= 46 && x <= 390 && y >= 25.9 && y <= 196.1);
        p = *end == ' ' ? end + 1 : end;
    }
    return n;
}

static void long_lines_are_thinned(void **state) {
    (void)state;
    enum { N = 5000 };
    static double x[N], y[N], z[N];
    for (int i = 0; i < N; i++) {
        x[i] = i + 1;
        y[i] = 3.0 + sin(i / 50.0);
        z[i] = 3.0;
    }
    const struct chart_line lines[] = {{"<script>", y, true}, {"smooth", z, false}};
    const struct chart_lines chart = {.title = "a & b",
                                      .x_unit = "step",
                                      .y_unit = "<script>",
                                      .x = x,
                                      .n = N,
                                      .most = 2000,
                                      .lines = lines,
                                      .n_lines = 2};
    struct str out = {0}, again = {0};
    assert_ok(chart_lines(&out, &chart));
    assert_ok(chart_lines(&again, &chart));
    assert_string_equal(str_text(&out), str_text(&again));
    no_bad_number(&out);
    const char *raw = strstr(str_text(&out), "<polyline class=\"faint\"");
    assert_int_equal(points_of(raw), 2000);
    assert_int_equal(points_of(strstr(raw, "<polyline class=\"line0\"")), 2000);
    assert_int_equal(count(str_text(&out), "class=\"hit\""), 60);
    assert_non_null(strstr(str_text(&out), "step 5,000: 3 &lt;script&gt;"));
    str_release(&out);
    str_release(&again);
}

static void lines_of_any_numbers_have_axes(void **state) {
    (void)state;
    static const double sets[][3] = {{0, 0, 0},       {5, 5, 5},     {1e-7, 2e-7, 1e-7},
                                     {-3, 0, 2},      {-5, -4, -3},  {100, 101, 100.5},
                                     {1e9, 2e9, 3e9}, {0, 1e-300, 0}};
    static const double x[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        for (int n = 1; n <= 3; n++) {
            const struct chart_line line = {"y", sets[i], false};
            const struct chart_lines chart = {.title = "t",
                                              .x_unit = "step",
                                              .y_unit = "u",
                                              .x = x,
                                              .n = n,
                                              .most = 3,
                                              .lines = &line,
                                              .n_lines = 1};
            struct str out = {0};
            assert_ok(chart_lines(&out, &chart));
            no_bad_number(&out);
            assert_int_equal(points_of(str_text(&out)), n);
            assert_true(count(str_text(&out), "class=\"grid\"") >= 2);
            str_release(&out);
        }
    }
    const struct chart_lines none = {.title = "t"};
    struct str out = {0};
    assert_ok(chart_lines(&out, &none));
    assert_non_null(strstr(str_text(&out), "nothing to draw"));
    str_release(&out);
}

/* What lies left of the axis is 46 units wide: 100,000 would stick out of the picture. */
static void large_numbers_fit_beside_their_axis(void **state) {
    (void)state;
    static const struct {
        double largest;
        const char *want[3];
    } rows[] = {{3.0e4, {">10,000<", ">30,000<", NULL}},
                {9.0e4, {">50k<", ">100k<", NULL}}, /* where the axis ends decides */
                {4.0e5, {">200k<", ">400k<", NULL}},
                {3.0e6, {">1M<", ">3M<", NULL}}};
    static const double x[] = {1, 2};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double y[] = {0, rows[i].largest};
        const struct chart_line line = {"y", y, false};
        const struct chart_lines chart = {.title = "t",
                                          .x_unit = "step",
                                          .y_unit = "u",
                                          .x = x,
                                          .n = 2,
                                          .most = 3,
                                          .lines = &line,
                                          .n_lines = 1};
        struct str out = {0};
        assert_ok(chart_lines(&out, &chart));
        for (int k = 0; rows[i].want[k] != NULL; k++)
            if (strstr(str_text(&out), rows[i].want[k]) == NULL)
                fail_msg("%g: no tick %s", rows[i].largest, rows[i].want[k]);
        assert_null(strstr(str_text(&out), "00,000<"));
        str_release(&out);
    }
}

static void ranges_show_both_moments(void **state) {
    (void)state;
    const struct chart_range rows[] = {{"<script>", true, 0.125, 0, 0.5, 0.75, 0.5, 1.2},
                                       {"only after", false, 0, 0, 0, 1, 0.9, 1},
                                       {"third", false, 0, 0, 0, 0, 0, 0.1}};
    const struct chart_ranges chart = {
        .title = "t", .before = "before", .after = "after", .rows = rows, .n = 3, .most = 2};
    struct str out = {0};
    assert_ok(chart_ranges(&out, &chart));
    no_bad_number(&out);
    assert_non_null(strstr(str_text(&out), "12.5 \xE2\x86\x92 75.0 %"));
    assert_non_null(strstr(str_text(&out), "before: 12.5 % (0.0 to 50.0)"));
    assert_non_null(strstr(str_text(&out), "and 1 more"));
    assert_int_equal(count(str_text(&out), "class=\"span\""), 3);
    assert_int_equal(count(str_text(&out), "x2=\"384.0\""), 3); /* two ends at 1, one grid line */
    str_release(&out);
}

static void graphs_join_their_boxes(void **state) {
    (void)state;
    const struct chart_box boxes[] = {{0, 0, "requests", "6 <script>", "0123456789abcdef"},
                                      {2, 1, "base", "org/a", NULL},
                                      {1, 3, "merged", "weights", "ffff"}};
    const struct chart_arrow arrows[] = {{0, 1}, {1, 2}, {0, 2}};
    const struct chart_graph chart = {"t", NULL, boxes, 3, arrows, 3};
    struct str out = {0};
    assert_ok(chart_graph(&out, &chart));
    no_bad_number(&out);
    assert_int_equal(count(str_text(&out), "class=\"arrow\""), 3);
    assert_int_equal(count(str_text(&out), "class=\"box\""), 3);
    assert_non_null(strstr(str_text(&out), ">0123456789ab\xE2\x80\xA6<"));
    assert_non_null(strstr(str_text(&out), "requests: 6 &lt;script&gt;, 0123456789abcdef</title>"));
    str_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lines_are_thinned),
        cmocka_unit_test(lines_of_any_numbers_have_axes),
        cmocka_unit_test(large_numbers_fit_beside_their_axis),
        cmocka_unit_test(ranges_show_both_moments),
        cmocka_unit_test(graphs_join_their_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
