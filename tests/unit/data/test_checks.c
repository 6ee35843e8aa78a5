/* SPDX-License-Identifier: Apache-2.0
 * Checks of generated rows: what each lets pass, what it rejects and in which words, what a recipe
 * may not say of it.
 * Under test: data/synth/checks/. Read next: tests/unit/data/test_schema.c. */
#include "tests/unit/folder_test.h"

#include "base/sandbox.h"
#include "data/synth/checks/check.h"

#define LIST(...)                                                                                  \
    {                                                                                              \
        .items = (const char *[]){__VA_ARGS__},                                                    \
        .n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                                \
    }

static struct request request = {.id = "o/r#1@2"};

static struct check_list open_checks(const struct check_spec *specs, int64_t n) {
    struct check_list list = {0};
    struct check_fallback fallback = {0};
    request.checks = (struct check_spec *)specs;
    request.n_checks = n;
    assert_ok(checks_open(&request, &fallback, &list));
    return list;
}

/* `wanted` "": it passes. */
static void assert_row(const struct check_list *list, const char *prompt, const char *response,
                       const char *wanted) {
    const struct check *found;
    struct str why = {0};
    const struct check_row row = {.request = &request, .prompt = prompt, .response = response};
    assert_ok(checks_test(list, &row, &found, &why));
    assert_int_equal(found != NULL, why.len > 0);
    if (wanted[0] ? !strstr(str_text(&why), wanted) : why.len > 0)
        fail_msg("'%s', '%s': '%s' instead of '%s'", prompt, response, str_text(&why), wanted);
    str_release(&why);
}

static void a_regular_expression(void **state) {
    (void)state;
    const struct check_spec specs[] = {
        {.type = "regex", .pattern = "^\\d+ \xE5\x85\x83$"},
        {.type = "regex", .of = "prompt", .pattern = "how much"},
    };
    struct check_list list = open_checks(specs, 2);
    assert_string_equal(checks_kind(&list), "machine");
    assert_row(&list, "how much?", "12 \xE5\x85\x83", "");
    assert_row(&list, "how much?", "12", "the response does not match the pattern");
    assert_row(&list, "how?", "12 \xE5\x85\x83", "the prompt does not match the pattern how much");
    checks_close(&list);
    const struct check_spec endless = {.type = "regex", .pattern = "^(a+)+$"};
    list = open_checks(&endless, 1);
    assert_row(&list, "p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "finds no end");
    checks_close(&list);
}

static void one_of_some_answers(void **state) {
    (void)state;
    const struct check_spec whole = {.type = "choice", .choices = LIST("yes", "no")};
    struct check_list list = open_checks(&whole, 1);
    assert_row(&list, "p", " yes\n", "");
    assert_row(&list, "p", "Yes", "'Yes' is none of the answers there are: yes, no");
    checks_close(&list);
    const struct check_spec parts = {
        .type = "choice", .pattern = "^a: (\\w+); b: (\\w+)$", .choices = LIST("x", "y")};
    list = open_checks(&parts, 1);
    assert_row(&list, "p", "a: x; b: y", "");
    assert_row(&list, "p", "a: x; b: z", "'z' is none");
    assert_row(&list, "p", "a: x", "another form");
    checks_close(&list);
}

static void citations_by_name(void **state) {
    (void)state;
    const struct check_spec spec = {
        .type = "citation",
        .pattern = "^(?<month>\\d+)/(?<day>\\d+) \\| (?<who>[^|]+) \\| (.+)$",
        .source = "(?J)^(?:(?<who>\\w+ \\w+) on (?<month>\\w+) (?<day>\\d+)|On (?<month>\\w+) "
                  "(?<day>\\d+): (?<who>\\w+ \\w+))",
        .map = LIST("March: 3", "May: 5"),
    };
    struct check_list list = open_checks(&spec, 1);
    assert_row(&list, "Ann Lee on May 7 in B12", "5/7 | Ann Lee | B12", "");
    assert_row(&list, "On March 7: Ann Lee, B12", "3/7 | Ann Lee | B12", "");
    assert_row(&list, "On March 7: Ann Lee, B12", "5/7 | Ann Lee | B12",
               "month is '5' in the response, but the prompt says '3'");
    assert_row(&list, "Ann Lee on May 17 in B12", "5/7 | Ann Lee | B12", "day is '7'");
    assert_row(&list, "Ann Lee on May 7 in B12", "5/7 | Ann | B12", "who is 'Ann'");
    assert_row(&list, "Ann Lee on May 7 in B12", "5/7 | Ann Lee | B13",
               "'B13' does not stand in the prompt");
    assert_row(&list, "Ann Lee, B12", "5/7 | Ann Lee | B12", "the prompt has another form");
    assert_row(&list, "Ann Lee on May 7", "May 7", "the response has another form");
    checks_close(&list);
}

static void citations_anywhere(void **state) {
    (void)state;
    const struct check_spec quoted = {.type = "citation"};
    struct check_list list = open_checks(&quoted, 1);
    assert_row(&list, "the cat sat", "It says \"cat sat\".", "");
    assert_row(&list, "the cat sat", "It says \"cat\" and \"dog\".", "'dog' does not stand");
    assert_row(&list, "the cat sat", "It says nothing.", "quotes nothing");
    assert_row(&list, "\xE7\x8C\xAB\xE5\x9D\x90\xE7\x9D\x80",
               "\xE2\x80\x9C\xE7\x8C\xAB\xE2\x80\x9D", "");
    checks_close(&list);
    const struct check_spec normal = {
        .type = "citation", .pattern = "<(.*?)>", .compare = "normal"};
    list = open_checks(&normal, 1);
    assert_row(&list, "The  CAT\nsat", "<the cat> and <cat sat>", "");
    assert_row(&list, "The  CAT\nsat", "<the cat> and <sat cat>", "'sat cat' does not stand");
    checks_close(&list);
    const struct check_spec exact = {.type = "citation", .pattern = "<(.*?)>"};
    list = open_checks(&exact, 1);
    assert_row(&list, "The  CAT\nsat", "<the cat>", "'the cat' does not stand");
    checks_close(&list);
}

static void arithmetic(void **state) {
    (void)state;
    static const struct {
        const char *response, *wanted;
    } cases[] = {
        {"3 + 4 = 7", ""},
        {"3+4=8", "'3+4=8' is wrong: the left side is 7, the right side 8"},
        {"\xE5\x85\xB1\xEF\xBC\x9A 12\xC3\x97"
         "3\xEF\xBC\x9D"
         "36\xE5\x85\x83",
         ""},
        {"\xE5\x85\xB1 12\xC3\x97"
         "3\xEF\xBC\x9D"
         "35\xE5\x85\x83",
         "the left side is 36"},
        {"36\xC3\xB7"
         "8=4.5",
         ""},
        {"10/3 = 3.33", "the left side is 10/3, the right side 333/100"},
        {"10/4 = 5/2 = 2.5", ""},
        {"1,234,567 + 1 = 1,234,568.", ""},
        {"20% * 50 = 10", ""},
        {"-3 - -4 = 1", ""},
        {"2^10 = 1024 and 2**3 = 8", ""},
        {"2 ^ -2 = 0.25", ""},
        {"(1 + 2) * (3 - 1) = 6", ""},
        {"2(3 + 4) = 14", ""},
        {"\xEF\xBC\x88"
         "1\xEF\xBC\x8B"
         "2\xEF\xBC\x89\xC3\x97"
         "2\xEF\xBC\x9D\xEF\xBC\x96",
         ""},
        {"0.1 + 0.2 = 0.3", ""},
        {"x = 5", "no equation between numbers"},
        {"x - 2 = 5", "no equation between numbers"},
        {"x2 = 5 + 1", "no equation between numbers"},
        {"a == 3, b >= 4 + 5, c != 1 + 1, 3 + 4 == 8", "no equation between numbers"},
        {"The answer is 7", "no equation between numbers"},
        {"7/2 = 3...1", "no equation between numbers"},
        {"7\xC3\xB7"
         "2=3\xE2\x80\xA6\xE2\x80\xA6"
         "1",
         "no equation between numbers"},
        {"first 1 + 1 = 2, then 2 + 2 = 5", "'2 + 2 = 5' is wrong"},
        {"3 + 4 = 7 - so it is", ""},
        {"1/0 = 0", "too large to be evaluated"},
        {"9^64 * 9^64 = 1", "too large to be evaluated"},
        {"170141183460469231731687303715884105727 + 0 = 170141183460469231731687303715884105727",
         ""},
        {"170141183460469231731687303715884105727 + 1 = 0", "too large"},
        {"((((1 = 1", "no equation between numbers"},
        {"=", "no equation between numbers"},
        {"1 + = 1", "no equation between numbers"},
    };
    const struct check_spec spec = {.type = "arithmetic"};
    struct check_list list = open_checks(&spec, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_row(&list, "p", cases[i].response, cases[i].wanted);
    struct str deep = {0};
    for (int i = 0; i < 100000; i++) assert_ok(str_add(&deep, "("));
    assert_ok(str_add(&deep, "1 = 1"));
    assert_row(&list, "p", str_text(&deep), "no equation between numbers");
    str_release(&deep);
    checks_close(&list);
}

static void json_by_a_schema(void **state) {
    (void)state;
    char path[128];
    const char *schema = "{\"type\":\"object\",\"required\":[\"n\"]}";
    snprintf(path, sizeof path, "%s/schema.json", folder);
    assert_ok(file_write(path, schema, strlen(schema)));
    const struct check_spec spec = {.type = "json_schema", .path = path};
    struct check_list list = open_checks(&spec, 1);
    assert_row(&list, "p", "{\"n\": 1}", "");
    assert_row(&list, "p", "{\"m\": 1}", "'n' is missing");
    assert_row(&list, "p", "{\"n\": 1", "line 1");
    assert_row(&list, "p", "{\"n\": 1, \"n\": 2}", "duplicate");
    assert_row(&list, "p", "Here it is: {\"n\": 1}", "line 1");
    checks_close(&list);
}

static void programs_that_are_run(void **state) {
    (void)state;
    static const struct {
        const char *response, *wanted;
    } cases[] = {
        {"def double(x):\n    return 2 * x\n", ""},
        {"Here:\n```python\ndef double(x):\n    return x + x\n```\nIt adds.", ""},
        {"def double(x):\n    return x * x\n", "fails its tests (exit status 1): "},
        {"def double(x)\n", "SyntaxError"},
        {"def double(x):\n    while True: pass\n", "its limit of time"},
        {"open('/etc/cotrain-was-here', 'w')", "fails its tests"},
        {"import socket\nsocket.create_connection(('192.0.2.1', 80))", "fails its tests"},
        {"", "NameError"},
    };
    const struct check_spec spec = {
        .type = "code", .tests = "assert double(3) == 6\n", .timeout_ms = 3000};
    struct str how = {0};
    err e = sandbox_describe(&how);
    str_release(&how);
    if (e == ERR_UNSUPPORTED) {
        print_message("skipped: %s\n", err_message());
        skip();
    }
    assert_ok(e);
    struct check_list list = open_checks(&spec, 1);
    assert_false(checks_need_tests(&list));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_row(&list, "p", cases[i].response, cases[i].wanted);
    checks_close(&list);
    /* tests that the teacher wrote, another program */
    const struct check_spec shell = {.type = "code", .command = LIST("sh", "-e", "program.sh")};
    const struct check *found;
    struct str why = {0};
    list = open_checks(&shell, 1);
    assert_true(checks_need_tests(&list));
    struct check_row row = {
        .request = &request, .prompt = "p", .response = "n=3", .tests = "test $n = 3"};
    assert_ok(checks_test(&list, &row, &found, &why));
    assert_string_equal(str_text(&why), "");
    row.response = "n=4";
    assert_ok(checks_test(&list, &row, &found, &why));
    assert_non_null(strstr(str_text(&why), "exit status 1"));
    row.tests = NULL;
    assert_ok(checks_test(&list, &row, &found, &why));
    assert_non_null(strstr(str_text(&why), "lacks the text \"tests\""));
    str_release(&why);
    checks_close(&list);
}

/* What the other checks ask and how they decide. */
static void a_vote(void **state) {
    (void)state;
    const struct check_spec spec = {.type = "vote", .votes = 4, .share = 0.5};
    struct check_list list = open_checks(&spec, 1);
    const struct check *vote = list.items[0].check;
    struct str text = {0};
    const struct check_row row = {.request = &request, .prompt = "2 + 2?", .response = "four"};
    const char *enough[] = {" Four\n", NULL, "five", "four"},
               *few[] = {"five", NULL, "six", "four"};
    assert_string_equal(checks_kind(&list), "vote");
    assert_int_equal(vote->n_questions(list.items[0].state), 4);
    assert_ok(vote->question(list.items[0].state, &row, &text));
    assert_non_null(strstr(text.data, "2 + 2?"));
    assert_null(strstr(text.data, "four"));
    str_clear(&text);
    assert_ok(vote->decide(list.items[0].state, &row, enough, &text));
    assert_string_equal(str_text(&text), "");
    assert_ok(vote->decide(list.items[0].state, &row, few, &text));
    assert_non_null(strstr(text.data, "3 of 4 answers were another one"));
    str_release(&text);
    checks_close(&list);
}

static void a_judge(void **state) {
    (void)state;
    static const struct {
        const char *answer, *wanted;
    } cases[] = {{"{\"score\": 7, \"reason\": \"good\"}", ""},
                 {"```json\n{\"score\": 10}\n```", ""},
                 {"It is fine. {\"score\": 8}", ""},
                 {"{\"score\": 6, \"reason\": \"too short\"}", "judged 6 of 10: too short"},
                 {"{\"score\": \"9\"}", "no score"},
                 {"{\"score\": 11}", "no score"},
                 {"9", "no score"},
                 {"great!", "no score"},
                 {NULL, "did not answer"}};
    const struct check_spec spec = {.type = "judge"};
    struct check_list list = open_checks(&spec, 1);
    const struct check *judge = list.items[0].check;
    struct str text = {0};
    const struct check_row row = {.request = &request, .prompt = "2 + 2?", .response = "four"};
    assert_string_equal(checks_kind(&list), "judge");
    assert_ok(judge->question(list.items[0].state, &row, &text));
    assert_non_null(strstr(text.data, "{\"prompt\":\"2 + 2?\",\"response\":\"four\"}"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        str_clear(&text);
        assert_ok(judge->decide(list.items[0].state, &row, &cases[i].answer, &text));
        if (cases[i].wanted[0] ? !strstr(str_text(&text), cases[i].wanted) : text.len > 0)
            fail_msg("%s: '%s'", cases[i].answer, str_text(&text));
    }
    str_release(&text);
    checks_close(&list);
}

static void a_request_without_checks(void **state) {
    (void)state;
    struct check_list list = {0};
    struct check_fallback fallback = {.votes = 3, .share = 0.5, .score = 6};
    request.n_checks = 0;
    assert_ok(checks_open(&request, &fallback, &list));
    assert_int_equal(list.n, 2);
    assert_string_equal(checks_kind(&list), "vote");
    assert_int_equal(list.items[0].check->n_questions(list.items[0].state), 3);
    checks_close(&list);
    fallback = (struct check_fallback){0};
    assert_ok(checks_open(&request, &fallback, &list));
    assert_string_equal(checks_kind(&list), "none");
    checks_close(&list);
}

static void what_a_recipe_may_not_say(void **state) {
    (void)state;
    const struct {
        struct check_spec spec;
        const char *why;
    } cases[] = {
        {{.type = "regex"}, "has no 'pattern'"},
        {{.type = "regex", .pattern = "("}, "regular expression '('"},
        {{.type = "regex", .pattern = "a", .votes = 3}, "the check 'regex' has no 'votes'"},
        {{.type = "arithmetic", .of = "prompt"}, "the check 'arithmetic' has no 'of'"},
        {{.type = "choice"}, "has no 'choices'"},
        {{.type = "json_schema"}, "has no 'path'"},
        {{.type = "citation", .source = "(?<a>b)"}, "there is no 'pattern'"},
        {{.type = "citation", .pattern = "(?<b>b)", .source = "(?<a>b)"},
         "no group name in common"},
        {{.type = "citation", .pattern = "(b)", .map = LIST("a: b")}, "'map'"},
        {{.type = "code", .command = LIST("sh", "a/b")}, "no '/'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_list list = {0};
        struct check_fallback fallback = {0};
        struct check_spec spec = cases[i].spec;
        spec.file = "a.yaml";
        spec.line = 7;
        request.checks = &spec;
        request.n_checks = 1;
        err e = checks_open(&request, &fallback, &list);
        assert_true(e != ERR_OK);
        if (!strstr(err_message(), cases[i].why) || !strstr(err_message(), "'a.yaml' line 7"))
            fail_msg("%s: %s", cases[i].why, err_message());
        checks_close(&list);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regular_expression),
        cmocka_unit_test(one_of_some_answers),
        cmocka_unit_test(citations_by_name),
        cmocka_unit_test(citations_anywhere),
        cmocka_unit_test(arithmetic),
        FOLDER_TEST(json_by_a_schema),
        cmocka_unit_test(programs_that_are_run),
        cmocka_unit_test(a_vote),
        cmocka_unit_test(a_judge),
        cmocka_unit_test(a_request_without_checks),
        cmocka_unit_test(what_a_recipe_may_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
