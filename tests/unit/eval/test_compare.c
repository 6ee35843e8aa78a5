/* SPDX-License-Identifier: Apache-2.0
 * Comparing two evaluations item by item: counts, several answers to an item, measures beside right
 * and wrong, items that do not belong together, and how items are named.
 * Under test: eval/compare.h. */
#include "tests/unit/test.h"

#include "eval/compare.h"
#include "eval/report.h"
#include "eval/results.h"

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

static json_t *parse(const char *text) {
    json_t *value = NULL;
    assert_ok(json_parse(text, strlen(text), "test", &value));
    return value;
}

/* Of several answers an item's result is their mean; another score than the task's own is compared
 * by its own member of the items. */
static void answers_and_measures_are_paired(void **state) {
    (void)state;
    json_t *a = parse("{\"tasks\": [{\"task\": \"t\", \"metric\": \"pass@1\", \"scores\": {},"
                      " \"items\": [{\"item\": 0, \"sample\": 0, \"correct\": true, \"f\": 0.5},"
                      " {\"item\": 0, \"sample\": 1, \"correct\": false, \"f\": 0.5},"
                      " {\"item\": 1, \"sample\": 0, \"correct\": true, \"f\": 0.25},"
                      " {\"item\": 1, \"sample\": 1, \"correct\": true, \"f\": 0.25}]}]}");
    json_t *b = parse("{\"tasks\": [{\"task\": \"t\", \"metric\": \"pass@1\", \"scores\": {},"
                      " \"items\": [{\"item\": 0, \"sample\": 0, \"correct\": true, \"f\": 1.0},"
                      " {\"item\": 0, \"sample\": 1, \"correct\": true, \"f\": 1.0},"
                      " {\"item\": 1, \"sample\": 0, \"correct\": false, \"f\": 0.25},"
                      " {\"item\": 1, \"sample\": 1, \"correct\": false, \"f\": 0.25}]}]}");
    json_t *row = NULL;
    assert_ok(compare_score(a, b, &(struct comparing){"t", "", 0.95}, &row));
    assert_int_equal(json_integer_value(json_object_get(row, "n")), 2);
    assert_true(json_number_value(json_object_get(row, "a")) == 0.75);
    assert_true(json_number_value(json_object_get(row, "difference")) == -0.25);
    assert_int_equal(json_integer_value(json_object_get(row, "wins")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "losses")), 1);
    json_decref(row);
    assert_ok(compare_score(a, b, &(struct comparing){"t", "f", 0.95}, &row));
    assert_true(json_number_value(json_object_get(row, "difference")) == 0.25);
    assert_int_equal(json_integer_value(json_object_get(row, "wins")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "ties")), 1);
    json_decref(row);
    struct interval i;
    assert_fails(results_interval(report_find(a, "t"), "majority", 0.95, &i), ERR_UNSUPPORTED,
                 "no 'majority' of each item");
    json_decref(a);
    json_decref(b);
}

#define CASE(request, prompt, exact)                                                               \
    "{\"request\": \"" request "\", \"prompt\": \"" prompt "\", \"exact\": " exact "}"
#define CASES "{\"tasks\": [{\"task\": \"requests\", \"metric\": \"exact_match\", \"items\": ["

/* Two months' cases: those that both ask are paired whatever their order, the others counted. */
static void cases_of_two_months_are_paired_where_both_ask(void **state) {
    (void)state;
    json_t *a = parse(CASES CASE("1", "p", "true") "," CASE("1", "q", "true") "," CASE(
        "2", "p", "false") "], \"scores\": {\"exact_match\": 0.6}}]}");
    json_t *b = parse(CASES CASE("3", "p", "true") "," CASE("1", "q", "false") "," CASE(
        "1", "p", "true") "," CASE("1", "p", "true") "], \"scores\": {\"exact_match\": 0.7}}]}");
    json_t *other = parse(CASES CASE("9", "x", "true") "], \"scores\": {\"exact_match\": 1.0}}]}");
    json_t *out = NULL;
    struct str text = {0};
    assert_ok(compare_reports(a, b, &out));
    assert_ok(compare_text(out, &text));
    assert_non_null(
        strstr(str_text(&text), "requests exact_match: 1.0000 against 0.5000, -0.5000"));
    assert_non_null(strstr(str_text(&text), "0 won, 1 lost, 1 the same of 2; p = 1: no more than "
                                            "chance would do; 1 only in the first, 2 only in the "
                                            "second\n"));
    json_decref(out);
    str_clear(&text);
    assert_ok(compare_reports(a, other, &out));
    assert_ok(compare_text(out, &text));
    assert_string_equal(str_text(&text), "requests: nothing to compare: no case is in both\n");
    json_decref(out);
    str_release(&text);
    json_decref(a);
    json_decref(b);
    json_decref(other);
}

/* The same case several times: the n-th time is the n-th time of the other month, in whatever order
 * the cases stand, and what is over is counted on its side. */
static void a_case_that_stands_twice_is_paired_twice(void **state) {
    (void)state;
    json_t *a = parse(CASES CASE("1", "p", "true") "," CASE("1", "q", "true") "," CASE(
        "1", "p", "false") "], \"scores\": {\"exact_match\": 0.6}}]}");
    json_t *b = parse(CASES CASE("1", "q", "false") "," CASE("1", "p", "true") "," CASE(
        "1", "p", "true") "," CASE("1", "p", "false") "], \"scores\": {\"exact_match\": 0.5}}]}");
    json_t *row = NULL;
    assert_ok(compare_score(a, b, &(struct comparing){"requests", "", 0.95}, &row));
    assert_int_equal(json_int_of(row, "n"), 3);
    assert_int_equal(json_int_of(row, "wins"), 1);
    assert_int_equal(json_int_of(row, "losses"), 1);
    assert_null(json_object_get(row, "only_a"));
    assert_int_equal(json_int_of(row, "only_b"), 1);
    json_decref(row);
    assert_ok(compare_score(b, a, &(struct comparing){"requests", "", 0.95}, &row));
    assert_int_equal(json_int_of(row, "n"), 3);
    assert_int_equal(json_int_of(row, "only_a"), 1);
    json_decref(row);
    json_decref(a);
    json_decref(b);
}

static void names_are_short_and_sealed_ones_hashes(void **state) {
    (void)state;
    json_t *items =
        parse("[3, \"HumanEval/7\", \"a\\u001b[31m line\\nof text that is much too long\","
              " \"sha256:0123456789abcdef0123456789abcdef\", 4, 5]");
    struct str text = {0};
    assert_ok(compare_add_names(items, 4, &text));
    assert_string_equal(str_text(&text),
                        "3, \"HumanEval/7\", \"a\xEF\xBF\xBD[31m line of text that is mu\", "
                        "sha256:0123456789ab and 2 more");
    str_release(&text);
    json_decref(items);
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
        cmocka_unit_test(items_are_paired),
        cmocka_unit_test(answers_and_measures_are_paired),
        cmocka_unit_test(cases_of_two_months_are_paired_where_both_ask),
        cmocka_unit_test(a_case_that_stands_twice_is_paired_twice),
        cmocka_unit_test(names_are_short_and_sealed_ones_hashes),
        cmocka_unit_test(other_items_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
