/* SPDX-License-Identifier: Apache-2.0
 * Comparing two evaluations: McNemar's exact test against values worked out by hand, the bootstrap
 * against what it must be near, and items that do not belong together.
 * Under test: eval/compare.h. */
#include "tests/unit/test.h"

#include "eval/compare.h"
#include <math.h>

static void exact_p_values(void **state) {
    (void)state;
    static const struct {
        int64_t wins, losses;
        double p;
    } rows[] = {
        {0, 0, 1.0},
        {1, 0, 1.0},
        {3, 3, 1.0},
        {5, 0, 0.0625},                     /* 2 / 2^5 */
        {0, 10, 0.001953125},               /* 2 / 2^10 */
        {8, 2, 0.109375},                   /* 2 (1 + 10 + 45) / 2^10 */
        {600, 400, 2.7284641560660184e-10}, /* a sum of integers, divided once */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double p = mcnemar_exact(rows[i].wins, rows[i].losses);
        if (fabs(p - rows[i].p) > 1e-9 * rows[i].p)
            fail_msg("%lld against %lld: %.17g", (long long)rows[i].wins, (long long)rows[i].losses,
                     p);
    }
}

static void resampling_is_near_the_normal_interval(void **state) {
    (void)state;
    int8_t d[1000] = {0};
    struct interval i, again;
    for (int k = 0; k < 60; k++) d[k] = 1;
    for (int k = 60; k < 100; k++) d[k] = -1;
    assert_ok(paired_bootstrap(d, 1000, &i));
    /* mean 0.02, deviation sqrt((0.1 - 0.02^2) / 1000) = 0.00998: 0.02 -+ 1.96 of them */
    assert_true(fabs(i.low - 0.00044) < 0.002 && fabs(i.high - 0.03956) < 0.002);
    assert_ok(paired_bootstrap(d, 1000, &again));
    assert_true(i.low == again.low && i.high == again.high);
    assert_ok(paired_bootstrap(d, 0, &i));
    assert_true(i.low == 0.0 && i.high == 0.0);
}

/* A report of one task whose items are right where the mark is '1'; '-' has no verdict. */
static json_t *report(const char *task, const char *marks, int first) {
    json_t *items = json_array(), *scores = json_pack("{s:f}", "accuracy", 0.5);
    for (int i = 0; marks[i] != '\0'; i++) {
        json_t *is = marks[i] == '-' ? json_null() : json_boolean(marks[i] == '1');
        assert_ok(json_push(items, json_pack("{s:i,s:o}", "item", first + i, "correct", is)));
    }
    return json_pack("{s:[{s:s,s:s,s:o,s:o}]}", "tasks", "task", task, "metric", "accuracy",
                     "scores", scores, "items", items);
}

static void items_are_paired(void **state) {
    (void)state;
    json_t *a = report("t", "110010", 0), *b = report("t", "011110", 0), *out = NULL;
    struct str text = {0};
    assert_ok(compare_reports(a, b, &out));
    const json_t *row = json_array_get(json_object_get(out, "tasks"), 0);
    assert_int_equal(json_integer_value(json_object_get(row, "wins")), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "losses")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "ties")), 3);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "lost"), 0)), 0);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "won"), 1)), 3);
    assert_ok(compare_text(out, &text));
    assert_non_null(strstr(str_text(&text), "0.5000 against 0.6667, +0.1667"));
    assert_non_null(strstr(str_text(&text), "2 won, 1 lost, 3 the same of 6; p = 1: no more"));
    str_release(&text);
    json_decref(out);
    json_decref(a);
    json_decref(b);
}

static void other_items_are_refused(void **state) {
    (void)state;
    json_t *a = report("t", "111", 0), *fewer = report("t", "11", 0),
           *shifted = report("t", "111", 1), *other = report("u", "111", 0),
           *unjudged = report("t", "1-1", 0), *out = NULL;
    assert_fails(compare_reports(a, fewer, &out), ERR_MISMATCH,
                 "task 't': 3 items against 2: item 2 is in one only");
    assert_fails(compare_reports(a, shifted, &out), ERR_MISMATCH, "from number 1 on: item 0");
    assert_fails(compare_reports(a, other, &out), ERR_MISMATCH, "no task in common");
    assert_ok(compare_reports(a, unjudged, &out)); /* programs that were not run: scores alone */
    const json_t *row = json_array_get(json_object_get(out, "tasks"), 0);
    assert_null(json_object_get(row, "p_value"));
    assert_true(json_number_value(json_object_get(row, "a")) == 0.5);
    json_decref(out);
    json_t *all[] = {a, fewer, shifted, other, unjudged};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) json_decref(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_p_values),
        cmocka_unit_test(resampling_is_near_the_normal_interval),
        cmocka_unit_test(items_are_paired),
        cmocka_unit_test(other_items_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
