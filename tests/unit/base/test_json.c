/* SPDX-License-Identifier: Apache-2.0
 * JSON: what is refused and where, exact integers, deterministic text.
 * Texts are compared byte by byte, since hashes are made of them.
 * Under test: base/json.h. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/json.h"

static err parse(const char *text, json_t **out) {
    return json_parse(text, strlen(text), "'x.json'", out);
}

static void faults_have_line_and_column(void **state) {
    (void)state;
    json_t *v;
    assert_fails(parse("{\"a\": 1,\n \"a\": 2}", &v), ERR_PARSE, "'x.json': line 2");
    assert_fails(parse("[1] 2", &v), ERR_PARSE, "'x.json'");
    assert_fails(parse("", &v), ERR_PARSE, "'x.json'");
    assert_fails(parse("\"\xFF\"", &v), ERR_PARSE, "line 1, column 1");
    assert_fails(json_parse_file("/nonexistent.json", &v), ERR_IO, "/nonexistent.json");
}

static void whole_numbers_of_any_length(void **state) {
    (void)state;
    json_t *v;
    struct str s = {0};
    assert_ok(parse("{\"no \\\"limit 10000000000000000000000\": 1000000000000000019884624838656,"
                    " \"least\": -9223372036854775808, \"real\": 0.10000000000000000000001,"
                    " \"list\": [-100000000000000000000,7]}",
                    &v));
    assert_ok(json_text(v, 0, &s));
    assert_string_equal(s.data, "{\"no \\\"limit 10000000000000000000000\":1e30,"
                                "\"least\":-9223372036854775808,\"real\":0.10000000000000001,"
                                "\"list\":[-1e20,7]}");
    str_release(&s);
    json_decref(v);
    assert_fails(parse("9223372036854775808", &v), ERR_PARSE, "too big integer");
    assert_fails(parse("[10000000000000000000000, x]", &v), ERR_PARSE, "line 1");
}

static void text_is_exact_and_ordered(void **state) {
    (void)state;
    json_t *v;
    struct str s = {0};
    assert_ok(parse("{\"b\": 9007199254740993, \"a\": [0.1, \"\xE4\xBD\xA0\"]}", &v));
    assert_ok(json_text(v, 0, &s));
    assert_string_equal(s.data,
                        "{\"b\":9007199254740993,\"a\":[0.10000000000000001,\"\xE4\xBD\xA0\"]}");
    str_clear(&s);
    assert_ok(json_text(v, JSON_TEXT_PRETTY | JSON_TEXT_SORTED, &s));
    assert_int_equal(strncmp(s.data, "{\n  \"a\": [", 10), 0);
    assert_int_equal(s.data[s.len - 1], '\n');
    str_release(&s);
    json_decref(v);
}

static void members_by_type(void **state) {
    (void)state;
    json_t *v, *list;
    const char *text;
    int64_t n;
    double d;
    assert_ok(parse("{\"s\": \"x\", \"n\": 3, \"d\": 0.5, \"l\": []}", &v));
    assert_ok(json_need_string(v, "s", &text));
    assert_ok(json_need_int(v, "n", &n));
    assert_ok(json_need_number(v, "d", &d));
    assert_ok(json_need_array(v, "l", &list));
    assert_int_equal(n, 3);
    assert_fails(json_need_int(v, "d", &n), ERR_PARSE, "'d' is not a whole number");
    assert_fails(json_need_string(v, "absent", &text), ERR_PARSE, "'absent' is missing");
    assert_fails(json_need_object(v, "l", &list), ERR_PARSE, "'l' is not a map");
    assert_ok(json_put(v, "more", json_integer(1)));
    assert_fails(json_put(v, "more", NULL), ERR_MEMORY, "more");
    json_decref(v);
}

/* All members or none, whichever allocation fails. */
static void members_are_copied_whole(void **state) {
    (void)state;
    json_t *from, *copy;
    const char *text = "{\"a\": 1, \"b\": [2], \"c\": {\"d\": null}, \"e\": \"f\"}";
    int n = 1;
    assert_ok(json_parse(text, strlen(text), "text", &from));
    for (;; n++) {
        fault_arm(FAULT_MEM, FAULT_FAIL, n);
        err code = json_copy_members(from, &copy);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
        assert_null(copy);
    }
    assert_true(n > 4 && json_equal(from, copy));
    assert_ok(json_put(copy, "a", json_integer(7)));
    assert_int_equal(json_integer_value(json_object_get(from, "a")), 1);
    json_decref(copy);
    json_decref(from);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_have_line_and_column),
        cmocka_unit_test(whole_numbers_of_any_length),
        cmocka_unit_test(text_is_exact_and_ordered),
        cmocka_unit_test(members_by_type),
        cmocka_unit_test(members_are_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
