/* SPDX-License-Identifier: Apache-2.0
 * Review: what a decision needs, what it changes, and what it refuses; records and their files,
 * and which edits by hand are taken.
 * Under test: issues/review.h, issues/record.h, issues/program.h. */
#include "issues/review.h"
#include "tests/unit/issues/program.h"

static struct decision decide(const char *what, const char *id) {
    return (struct decision){.id = id, .decision = what, .by = "me", .date = "2024-02-07"};
}

/* A program with three records, read. */
struct small {
    const char *dir;
    struct program p;
    struct arena a;
    struct record_list all;
};

static void small_open(struct small *s) {
    *s = (struct small){.dir = test_folder()};
    open_small_program(s->dir, 3, &s->p);
    struct record r = small_record("o/r#1@1", "2024-02", "2024-01-01T00:00:00Z", NULL);
    r.spans.items = (const char *[]){"scenario: 0-4"};
    r.spans.n = 1;
    keep(&s->p, r, &s->a);
    r = small_record("o/r#1@2", "2024-02", "2024-01-02T00:00:00Z", NULL);
    r.examples.n = 0;
    keep(&s->p, r, &s->a);
    r = small_record("o/r#1@3", "2024-02", "2024-01-03T00:00:00Z", NULL);
    r.remark = "write to lin@company.cn";
    keep(&s->p, r, &s->a);
    assert_ok(records_read(&s->p, NULL, &s->all));
    assert_int_equal(s->all.n, 3);
}

static void small_close(struct small *s) {
    record_list_release(&s->all);
    program_close(&s->p);
    arena_release(&s->a);
    test_folder_remove(s->dir);
}

static void records_come_back(void **state) {
    struct small s;
    (void)state;
    small_open(&s);
    struct record *r = &s.all.items[0];
    struct str text = {0}, again = {0};
    assert_string_equal(r->id, "o/r#1@1");
    assert_string_equal(r->text, "please\r\nsum");
    assert_string_equal(r->spans.items[0], "scenario: 0-4");
    assert_string_equal(r->examples.items[0].response, "2");
    assert_ok(record_yaml(r, &text));
    bool found;
    assert_ok(program_read(&s.p, r->path, &again, &found));
    assert_string_equal(str_text(&text), str_text(&again));
    assert_ok(record_find(&s.all, "1-2", &r));
    assert_string_equal(r->id, "o/r#1@2");
    assert_ok(record_find(&s.all, "3", &r));
    assert_string_equal(r->id, "o/r#1@3");
    assert_fails(record_find(&s.all, "o/r#1@4", &r), ERR_MISSING, "no request 'o/r#1@4'");
    str_release(&text);
    str_release(&again);
    small_close(&s);
}

static void accepting_needs_an_example(void **state) {
    struct small s;
    bool changed;
    (void)state;
    small_open(&s);
    struct decision d = decide("accept", "o/r#1@2");
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_GATE, "no example");
    d.examples = (struct record_examples){&(struct example){.prompt = "2+2=", .response = "4"}, 1};
    assert_ok(review_decide(&s.p, &d, &s.all, &changed));
    assert_true(changed);
    assert_int_equal(record_state(&s.all.items[1]), RECORD_ACCEPTED);
    assert_ok(review_decide(&s.p, &d, &s.all, &changed));
    assert_false(changed);
    assert_int_equal(s.all.items[1].review.n, 1);
    small_close(&s);
}

static void finds_stop_accepting(void **state) {
    struct small s;
    bool changed;
    (void)state;
    small_open(&s);
    struct decision d = decide("accept", "o/r#1@3");
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_GATE, "personal");
    assert_null(strstr(err_message(), "lin@company.cn")); /* masked in the error, too */
    d.allow = (struct opt_list){(const char *[]){"email"}, 1};
    assert_ok(review_decide(&s.p, &d, &s.all, &changed));
    small_close(&s);
}

static void decisions_are_checked(void **state) {
    struct small s;
    bool changed;
    (void)state;
    small_open(&s);
    struct decision d = decide("reject", "o/r#1@1");
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_MISSING, "needs a reason");
    d = decide("merge", "o/r#1@1");
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_USAGE, "'into'");
    d.into = "o/r#1@1";
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_RANGE, "into itself");
    d.into = "o/r#1@2";
    assert_ok(review_decide(&s.p, &d, &s.all, &changed));
    d = decide("merge", "o/r#1@3");
    d.into = "o/r#1@1";
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_RANGE, "is itself merged");
    d = decide("needs-info", "o/r#1@3");
    d.date = "2024-02-30";
    assert_fails(review_decide(&s.p, &d, &s.all, &changed), ERR_PARSE, "is no day");
    small_close(&s);
}

static void requests_that_say_the_same_are_shown(void **state) {
    struct small s;
    struct review_similar similar[REVIEW_SIMILAR_MAX];
    int64_t n;
    (void)state;
    small_open(&s);
    assert_ok(review_find_similar(&s.all.items[0], &s.all, similar, &n));
    assert_true(n >= 1);
    assert_string_equal(similar[0].record->id, "o/r#1@3"); /* the same scenario and example */
    assert_true(similar[0].similarity > 0.99);
    small_close(&s);
}

static void edits_by_hand_are_committed(void **state) {
    struct small s;
    int64_t n;
    bool changed;
    char before[GIT_ID_SIZE], after[GIT_ID_SIZE];
    int64_t time_s;
    (void)state;
    small_open(&s);
    struct decision d = decide("needs-info", "o/r#1@2");
    assert_ok(review_decide(&s.p, &d, &s.all, &changed));
    assert_ok(git_repo_head(s.p.repo, before, &time_s));
    assert_ok(review_take_edits(&s.p, &s.all, "me", "2024-02-08", &n));
    assert_int_equal(n, 0); /* files that no commit has yet are nobody's edits */
    struct record *r = &s.all.items[1];
    r->scenario = "sums of two numbers";
    assert_ok(record_write(&s.p, r));
    assert_ok(review_take_edits(&s.p, &s.all, "me", "2024-02-08", &n));
    assert_int_equal(n, 1);
    assert_ok(git_repo_head(s.p.repo, after, &time_s));
    assert_string_not_equal(before, after);
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(accepting_needs_an_example),
        cmocka_unit_test(finds_stop_accepting),
        cmocka_unit_test(decisions_are_checked),
        cmocka_unit_test(requests_that_say_the_same_are_shown),
        cmocka_unit_test(edits_by_hand_are_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
