/* SPDX-License-Identifier: Apache-2.0
 * Learning rates: every schedule warms up alike, goes from the largest to the smallest rate, and
 * never leaves that range; the cosine at points worked out by hand.
 * Read next: trainer/schedule/schedule.h. */
#include "tests/unit/test.h"

#include "trainer/schedule/schedule.h"

#include <math.h>

static void test_every_schedule(void **state) {
    (void)state;
    for (int i = 0; i < n_schedule_kinds; i++) {
        const struct schedule s = {schedule_kinds[i], 2e-3, 2e-4, 4, 20};
        for (int64_t done = 0; done <= 4; done++)
            assert_true(schedule_rate(&s, done) == 2e-3 * (double)done / 4);
        double before = schedule_rate(&s, 4);
        for (int64_t done = 5; done < 30; done++) {
            double rate = schedule_rate(&s, done);
            assert_true(rate <= before && rate >= 2e-4);
            before = rate;
        }
        assert_true(schedule_rate(&s, 20) == schedule_rate(&s, 29));
        const struct schedule_kind *found;
        assert_ok(schedule_find(schedule_kinds[i]->name, &found));
        assert_ptr_equal(found, schedule_kinds[i]);
    }
}

static void test_without_warmup(void **state) {
    (void)state;
    for (int i = 0; i < n_schedule_kinds; i++) {
        const struct schedule s = {schedule_kinds[i], 1e-3, 0, 0, 10};
        assert_true(schedule_rate(&s, 0) == 1e-3);
    }
}

static void test_shapes(void **state) {
    (void)state;
    const struct schedule_kind *kind;
    assert_ok(schedule_find("cosine", &kind));
    struct schedule s = {kind, 1, 0.2, 0, 8};
    assert_true(fabs(schedule_rate(&s, 4) - 0.6) < 1e-15); /* halfway: the mean */
    assert_true(fabs(schedule_rate(&s, 2) - (0.2 + 0.4 * (1 + sqrt(0.5)))) < 1e-15);
    assert_true(schedule_rate(&s, 8) == 0.2);
    assert_ok(schedule_find("linear", &s.kind));
    assert_true(fabs(schedule_rate(&s, 2) - 0.8) < 1e-15);
    assert_true(fabs(schedule_rate(&s, 8) - 0.2) < 1e-15);
    assert_ok(schedule_find("constant", &s.kind));
    assert_true(schedule_rate(&s, 7) == 1);
    assert_fails(schedule_find("cosin", &kind), ERR_UNSUPPORTED, "'cosin'");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_schedule),
                                       cmocka_unit_test(test_without_warmup),
                                       cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
