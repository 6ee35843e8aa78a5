/* SPDX-License-Identifier: Apache-2.0
 * Errors: contexts in order, hints, exit codes, and texts longer than the buffer.
 * The message is all that a user sees of a failure, so its text is compared.
 * Under test: base/err.h. */
#include "tests/unit/test.h"

static void contexts_read_from_outside_in(void **state) {
    (void)state;
    err e = fail(ERR_PARSE, "line %d: unknown key '%s'", 12, "lr_warmpu");
    e = fail_hint(e, "did you mean '%s'?", "lr_warmup");
    e = fail_hint(e, "a later hint does not replace it");
    e = fail_in(e, "recipe '%s'", "a.yaml");
    assert_int_equal(e, ERR_PARSE);
    assert_string_equal(err_message(), "recipe 'a.yaml': line 12: unknown key 'lr_warmpu'");
    assert_string_equal(err_hint(), "did you mean 'lr_warmup'?");
    assert_int_equal(fail(ERR_IO, "x"), ERR_IO);
    assert_string_equal(err_hint(), "");
}

static void a_message_may_quote_itself(void **state) {
    (void)state;
    (void)fail(ERR_IO, "inner");
    (void)fail(ERR_IO, "outer of %s", err_message());
    assert_string_equal(err_message(), "outer of inner");
}

static void innermost_cause_survives_long_contexts(void **state) {
    (void)state;
    char path[1500];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    err e = fail(ERR_IO, "%s: the cause", path);
    e = fail_in(e, "'%s'", path);
    assert_int_equal(e, ERR_IO);
    assert_int_equal(strncmp(err_message(), "'ppp", 4), 0);
    assert_non_null(strstr(err_message(), "the cause"));
}

static void a_text_that_is_cut_says_so(void **state) {
    (void)state;
    char command[3000];
    memset(command, 'c', sizeof command - 1);
    command[sizeof command - 1] = '\0';
    err e = fail_hint(fail(ERR_IO, "x"), "run: %s", command);
    assert_int_equal(e, ERR_IO);
    assert_int_equal(strlen(err_hint()), ERR_TEXT_SIZE - 1);
    assert_string_equal(err_hint() + ERR_TEXT_SIZE - 1 - 4, "c...");
}

static void exit_codes_are_those_of_the_design(void **state) {
    (void)state;
    assert_int_equal(err_exit_code(ERR_OK), 0);
    assert_int_equal(err_exit_code(ERR_IO), 1);
    assert_int_equal(err_exit_code(ERR_USAGE), 2);
    assert_int_equal(err_exit_code(ERR_GATE), 3);
    assert_int_equal(err_exit_code(ERR_STOPPED), 75);
    assert_string_equal(err_name(ERR_NUMERIC), "NUMERIC");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_read_from_outside_in),
        cmocka_unit_test(a_message_may_quote_itself),
        cmocka_unit_test(innermost_cause_survives_long_contexts),
        cmocka_unit_test(a_text_that_is_cut_says_so),
        cmocka_unit_test(exit_codes_are_those_of_the_design),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
