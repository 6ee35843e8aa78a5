/* SPDX-License-Identifier: Apache-2.0
 * Programs of a model against their tests: what passes, what does not, and such that try to look as
 * if they had. Skipped where nothing here can hold a program.
 * Under test: eval/scorers/humaneval.c. */
#include "tests/unit/test.h"

#include "base/sandbox.h"
#include "eval/judge.h"
#include "eval/suite.h"

static void programs_are_judged_by_their_tests(void **state) {
    (void)state;
    static const struct {
        const char *body, *outcome;
    } rows[] = {
        {"    return x * x", "passed"},
        {"    return x + x", "AssertionError"},
        {"    return x *", "SyntaxError: invalid syntax"},
        {"    import os; os._exit(0)", "ended before its tests did"},
        {"    raise SystemExit(0)", "ended before its tests did"},
        {"    import os; os.kill(os.getpid(), 9)", "signal 9"},
        {"    import sys; sys.stderr.buffer.write(b'\\xff\\x00'); sys.exit(1)", "\xEF\xBF\xBD"},
        {"    return open('/etc/shadow').read()", "PermissionError"},
        {"    return [0] * (1 << 40)", "MemoryError"},
    };
    struct suite_items items = {0};
    struct suite_item *item = NULL;
    struct scoring s;
    struct arena arena = {0};
    assert_ok(suite_items_add(&items, &item));
    item->tests = "def check(f):\n    assert f(2) == 4\n    assert f(3) == 9\n";
    item->entry_point = "square";
    assert_ok(scoring_open(&s, &scorer_humaneval, &items, &arena));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str response = {0};
        struct verdict v = {0};
        assert_ok(str_printf(&response, "```python\ndef square(x):\n%s\n```<eod>", rows[i].body));
        const struct scored_answer a = {.item = item, .text = text_of(&response)};
        assert_ok(scorer_humaneval.score(&s, &a, &v));
        if (v.correct != (i == 0) || v.unjudged)
            fail_msg("%s: correct %d, %s", rows[i].body, v.correct, v.extracted);
        /* how reading a file or taking memory is refused is the sandbox's affair */
        if (i < 7 && strstr(v.extracted, rows[i].outcome) == NULL)
            fail_msg("%s: %s instead of %s", rows[i].body, v.extracted, rows[i].outcome);
        str_release(&response);
    }
    scoring_close(&s);
    arena_release(&arena);
    suite_items_release(&items);
}

static json_t *tests_of(const char *text) {
    json_t *tests = NULL;
    assert_ok(judge_tests(text_span(text), "square", &tests));
    return tests;
}

static void asserts_that_call_are_tests(void **state) {
    (void)state;
    json_t *tests = tests_of("Here they are:\n```python\n  assert square(2) == 4\n"
                             "assert square(2) == 4\nassert squared(2) == 4\nassert True\n"
                             "print(square(2))\nassert len([square(3)]) == 1\n```");
    assert_int_equal(json_array_size(tests), 2);
    assert_string_equal(json_string_value(json_array_get(tests, 0)), "assert square(2) == 4");
    json_decref(tests);
    struct str many = {0};
    for (int i = 0; i < 40; i++) assert_ok(str_printf(&many, "assert square(%d) >= 0\n", i));
    tests = tests_of(str_text(&many));
    assert_int_equal(json_array_size(tests), JUDGE_MAX_TESTS);
    json_decref(tests);
    str_release(&many);
}

/* Each test is caught by itself; what was passed before a program hangs counts. */
static void generated_tests_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *program;
        int64_t passed;
        const char *outputs;
    } rows[] = {
        {"def square(x):\n    return x * x", 3, "1 4\n1 9\n1 9\n0 SyntaxError\n"},
        {"def square(x):\n    return x + x", 1, "1 4\n0 6\n0 6\n0 SyntaxError\n"},
        {"def square(x):\n    raise SystemExit(0)", 0,
         "0 SystemExit\n0 SystemExit\n0 SystemExit\n0 SyntaxError\n"},
        {"def square(x):\n    if x == 3:\n        import os; os._exit(0)\n    return 4", 1,
         "1 4\n"},
        {"def square(x): return (", 0, ""},
    };
    const struct scorer none = {.metric = ""};
    struct scoring s = {.scorer = &none};
    struct arena arena = {0};
    json_t *tests = tests_of("assert square(2) == 4\nassert square(3) == 9\n"
                             "assert square(len(\"a\\\"b\")) == 9\nassert square(");
    s.arena = &arena;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged j;
        assert_ok(judge_run(&s, rows[i].program, tests, &j));
        if (j.passed != rows[i].passed || strcmp(j.outputs, rows[i].outputs) != 0)
            fail_msg("%s: %lld, %s", rows[i].program, (long long)j.passed, j.outputs);
    }
    json_decref(tests);
    arena_release(&arena);
}

static void completions_go_on_behind_the_prompt(void **state) {
    (void)state;
    static const struct {
        const char *response;
        bool correct;
    } rows[] = {
        {" def square(x):\n    return x * x\n\ndef more(:<eod>", true}, /* cut before "def" */
        {"def square(x):\n    return x * x", true},                     /* no end */
        {"def square(x):\n    return x", false},
        {"    return x * x", false}, /* not behind the prompt */
    };
    struct suite_items items = {0};
    struct suite_item *item = NULL;
    struct scoring s;
    struct arena arena = {0};
    assert_ok(suite_items_add(&items, &item));
    item->prompt = "def square(x):\n";
    item->tests = "def check(f):\n    assert f(3) == 9\n";
    item->entry_point = "square";
    assert_ok(scoring_open(&s, &scorer_completion, &items, &arena));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct scored_answer a = {.item = item, .text = text_span(rows[i].response)};
        struct verdict v = {0};
        assert_ok(scorer_completion.score(&s, &a, &v));
        if (v.correct != rows[i].correct) fail_msg("%s: %s", rows[i].response, v.extracted);
    }
    scoring_close(&s);
    arena_release(&arena);
    suite_items_release(&items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_judged_by_their_tests),
        cmocka_unit_test(asserts_that_call_are_tests),
        cmocka_unit_test(generated_tests_are_counted),
        cmocka_unit_test(completions_go_on_behind_the_prompt),
    };
    struct str how = {0};
    err held = sandbox_describe(&how);
    str_release(&how);
    if (held != ERR_OK) {
        printf("skipped: %s\n", err_message());
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
