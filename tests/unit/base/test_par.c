/* SPDX-License-Identifier: Apache-2.0
 * Threads: every item once, whatever the thread count and grain; nested calls run in place.
 * Each item counts how often it was met.
 * Under test: base/par.h. */
#include "tests/unit/test.h"

#include "base/par.h"

enum { COUNT = 1000 };

static void mark(void *ctx, int64_t begin, int64_t end, int thread) {
    int *seen = ctx;
    assert_in_range(thread, 0, par_threads() - 1);
    for (int64_t i = begin; i < end; i++) seen[i]++;
}

static void every_item_once(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads++)
        for (int64_t grain = 1; grain < 2 * COUNT; grain *= 7) {
            int seen[COUNT] = {0};
            par_set_threads(threads);
            assert_int_equal(par_threads(), threads);
            par_for(COUNT, grain, mark, seen);
            par_for(0, grain, mark, seen);
            for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
        }
}

static void outer(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    for (int64_t i = begin; i < end; i++) par_for(10, 1, mark, (int *)ctx + 10 * i);
}

static void nested_calls_run_in_place(void **state) {
    (void)state;
    int seen[COUNT] = {0};
    par_set_threads(3);
    par_for(COUNT / 10, 1, outer, seen);
    for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),
        cmocka_unit_test(nested_calls_run_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
