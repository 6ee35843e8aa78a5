/* SPDX-License-Identifier: Apache-2.0
 * The plan: the programme's rule decides, ties go to votes and then to the earlier post; capacity
 * carries over; what waits says why; and a plan reads back as it was written.
 * Under test: issues/plan.h. */
#include "issues/plan.h"
#include "tests/unit/issues/program.h"

static void expect_ranks(const struct month_plan *plan, const char *const *ids, int64_t n) {
    assert_int_equal(plan->requests.n, n);
    for (int64_t i = 0; i < n; i++) {
        assert_string_equal(plan->requests.items[i].id, ids[i]);
        assert_int_equal(plan->requests.items[i].rank, i + 1);
    }
}

static const char *waiting_reason_of(const struct month_plan *plan, const char *id) {
    for (int64_t i = 0; i < plan->waiting.n; i++)
        if (strcmp(plan->waiting.items[i].id, id) == 0) return plan->waiting.items[i].reason;
    fail_msg("'%s' does not wait", id);
    return NULL;
}

static void make(struct program *p, const char *month, struct arena *a, struct month_plan *out,
                 struct record_list *all) {
    assert_ok(records_read(p, NULL, all));
    assert_ok(plan_make(p, month, all, a, out));
}

static void write_plan(struct program *p, const struct month_plan *plan, struct arena *a) {
    struct str text = {0};
    const char *path;
    assert_ok(plan_text(plan, &text));
    assert_ok(plan_path(plan->month, a, &path));
    assert_ok(program_write(p, path, &text));
    str_release(&text);
}

static void the_rule_decides(void **state) {
    const char *dir = test_folder();
    (void)state;
    struct program p;
    struct arena a = {0};
    struct month_plan plan;
    struct record_list all;
    open_small_program(dir, 10, &p);
    struct record r = small_record("o/r#1@1", "2024-02", "2024-01-09T00:00:00Z", "accepted");
    keep(&p, r, &a);
    r = small_record("o/r#1@2", "2024-02", "2024-01-08T00:00:00Z", "accepted");
    keep(&p, r, &a);
    r = small_record("o/r#1@3", "2024-02", "2024-01-20T00:00:00Z", "accepted");
    r.votes = 5;
    keep(&p, r, &a);
    r = small_record("o/r#1@4", "2024-02", "2024-01-30T00:00:00Z", "accepted");
    r.problem_reports = 1;
    keep(&p, r, &a);
    make(&p, "2024-02", &a, &plan, &all);
    expect_ranks(&plan, (const char *const[]){"o/r#1@4", "o/r#1@3", "o/r#1@2", "o/r#1@1"}, 4);
    assert_string_equal(plan.requests.items[0].reason,
                        "1 problem report, 0 votes, posted 2024-01-30");
    assert_string_equal(plan.base_model, "nano");
    record_list_release(&all);
    program_close(&p);
    arena_release(&a);
    test_folder_remove(dir);
}

static void merged_requests_count_for_the_other(void **state) {
    const char *dir = test_folder();
    (void)state;
    struct program p;
    struct arena a = {0};
    struct month_plan plan;
    struct record_list all;
    open_small_program(dir, 10, &p);
    struct record r = small_record("o/r#1@1", "2024-02", "2024-01-01T00:00:00Z", "accepted");
    r.votes = 3;
    keep(&p, r, &a);
    r = small_record("o/r#1@2", "2024-02", "2024-01-02T00:00:00Z", "accepted");
    r.votes = 2;
    keep(&p, r, &a);
    r = small_record("o/r#1@3", "2024-02", "2024-01-03T00:00:00Z", "merged");
    r.review.items[0].into = "o/r#1@2";
    r.votes = 2;
    keep(&p, r, &a);
    make(&p, "2024-02", &a, &plan, &all);
    expect_ranks(&plan, (const char *const[]){"o/r#1@2", "o/r#1@1"}, 2);
    assert_int_equal(plan.requests.items[0].with.n, 1);
    assert_string_equal(plan.requests.items[0].with.items[0], "o/r#1@3");
    assert_string_equal(waiting_reason_of(&plan, "o/r#1@3"), "part of o/r#1@2");
    record_list_release(&all);
    program_close(&p);
    arena_release(&a);
    test_folder_remove(dir);
}

static void capacity_carries_over(void **state) {
    const char *dir = test_folder();
    (void)state;
    struct program p;
    struct arena a = {0};
    struct month_plan plan, again;
    struct record_list all;
    bool found;
    open_small_program(dir, 1, &p);
    keep(&p, small_record("o/r#1@1", "2024-02", "2024-01-01T00:00:00Z", "accepted"), &a);
    keep(&p, small_record("o/r#1@2", "2024-02", "2024-01-02T00:00:00Z", "accepted"), &a);
    keep(&p, small_record("o/r#1@3", "2024-02", "2024-01-03T00:00:00Z", "needs-info"), &a);
    keep(&p, small_record("o/r#1@4", "2024-03", "2024-02-03T00:00:00Z", NULL), &a);
    make(&p, "2024-02", &a, &plan, &all);
    expect_ranks(&plan, (const char *const[]){"o/r#1@1"}, 1);
    assert_non_null(strstr(waiting_reason_of(&plan, "o/r#1@2"), "the month is full"));
    assert_string_equal(waiting_reason_of(&plan, "o/r#1@3"), "lacks input, output");
    assert_int_equal(plan.waiting.n, 2); /* March's is no business of February's */
    write_plan(&p, &plan, &a);
    record_list_release(&all);

    assert_ok(plan_read(&p, "2024-02", &a, &again, &found));
    assert_true(found);
    expect_ranks(&again, (const char *const[]){"o/r#1@1"}, 1);

    make(&p, "2024-03", &a, &plan, &all);
    expect_ranks(&plan, (const char *const[]){"o/r#1@2"}, 1);
    assert_non_null(strstr(plan.requests.items[0].reason, "carried over from 2024-02"));
    assert_string_equal(waiting_reason_of(&plan, "o/r#1@4"), "nobody has decided yet");
    record_list_release(&all);

    /* The same month again is the same plan. */
    make(&p, "2024-02", &a, &plan, &all);
    expect_ranks(&plan, (const char *const[]){"o/r#1@1"}, 1);
    record_list_release(&all);
    program_close(&p);
    arena_release(&a);
    test_folder_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_decides),
        cmocka_unit_test(merged_requests_count_for_the_other),
        cmocka_unit_test(capacity_carries_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
