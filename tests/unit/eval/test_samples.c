/* SPDX-License-Identifier: Apache-2.0
 * Several answers to each item: pass@k against values by hand, and majorities with ties and answers
 * that cannot be counted.
 * Under test: eval/samples.h, pass_at_k of eval/metrics.h. */
#include "tests/unit/test.h"

#include "eval/metrics.h"
#include "eval/samples.h"
#include <math.h>

static void pass_at_k_counts_draws(void **state) {
    (void)state;
    static const struct {
        int64_t n, c, k;
        double value;
    } rows[] = {
        {1, 0, 1, 0.0}, {1, 1, 1, 1.0},     {4, 1, 1, 0.25},
        {4, 1, 2, 0.5}, /* 3 of 6 pairs have it */
        {5, 2, 3, 0.9}, /* 1 - 1 / 10 */
        {5, 3, 3, 1.0}, {200, 0, 100, 0.0}, {200, 1, 100, 0.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(fabs(pass_at_k(rows[i].n, rows[i].c, rows[i].k) - rows[i].value) < 1e-12);
}

static void majorities_are_counted(void **state) {
    (void)state;
    static const struct sample_verdict v[] = {
        {.item = 0, .vote = "7", .correct = false},
        {.item = 0, .vote = "5", .correct = true},
        {.item = 0, .vote = NULL, .correct = false},
        {.item = 0, .vote = "5", .correct = true},
        {.item = 1, .vote = "3", .correct = false},
        {.item = 1, .vote = "4", .correct = true},
        {.item = 1, .vote = "3", .correct = false},
        {.item = 1, .vote = "4", .correct = true}, /* a tie: the first */
        {.item = 2, .vote = NULL, .correct = false},
        {.item = 2, .vote = NULL, .correct = false},
        {.item = 2, .vote = NULL, .correct = false},
        {.item = 2, .vote = "9", .correct = true},
    };
    json_t *scores = json_object();
    int64_t n_items = 0;
    assert_ok(samples_put(v, 12, scores, &n_items));
    assert_int_equal(n_items, 3);
    assert_true(fabs(json_number_value(json_object_get(scores, "majority")) - 2.0 / 3.0) < 1e-12);
    assert_true(fabs(json_number_value(json_object_get(scores, "pass@1")) - 5.0 / 12.0) < 1e-12);
    assert_true(fabs(json_number_value(json_object_get(scores, "pass@4")) - 1.0) < 1e-12);
    assert_null(json_object_get(scores, "pass@8"));
    json_decref(scores);
}

/* Of three programs to each of four items the tests choose: the most passed; the outputs that most
 * share; the first; and the first where nothing was run. */
static void generated_tests_choose(void **state) {
    (void)state;
    static const struct sample_verdict v[] = {
        {0, NULL, false, true, {1, "a"}}, {0, NULL, true, true, {3, "b"}},
        {0, NULL, false, true, {1, "a"}}, {1, NULL, false, true, {2, "a"}},
        {1, NULL, true, true, {2, "b"}},  {1, NULL, true, true, {2, "b"}},
        {2, NULL, true, true, {2, "a"}},  {2, NULL, false, true, {2, "b"}},
        {2, NULL, false, true, {2, "c"}}, {3, NULL, false, true, {0, NULL}},
        {3, NULL, true, true, {0, NULL}}, {3, NULL, true, true, {0, NULL}},
    };
    json_t *scores = json_object();
    int64_t n_items = 0;
    assert_ok(samples_put(v, 12, scores, &n_items));
    assert_true(json_number_value(json_object_get(scores, "generated_tests")) == 0.75);
    assert_null(json_object_get(scores, "majority"));
    json_decref(scores);
}

static void one_answer_has_no_majority(void **state) {
    (void)state;
    static const struct sample_verdict v[] = {{.item = 0, .vote = "7", .correct = false},
                                              {.item = 1, .vote = "5", .correct = true}};
    static const struct sample_verdict uneven[] = {{.item = 0, .vote = "7", .correct = false},
                                                   {.item = 0, .vote = "5", .correct = true},
                                                   {.item = 1, .vote = "5", .correct = true}};
    json_t *scores = json_object();
    int64_t n_items = 0;
    assert_ok(samples_put(v, 2, scores, &n_items));
    assert_int_equal(json_object_size(scores), 0);
    assert_fails(samples_put(uneven, 3, scores, &n_items), ERR_MISMATCH, "item 1");
    json_decref(scores);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pass_at_k_counts_draws),
        cmocka_unit_test(majorities_are_counted),
        cmocka_unit_test(generated_tests_choose),
        cmocka_unit_test(one_answer_has_no_majority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
