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
    assert_string_equal(json_text_of(v, "s"), "x");
    assert_string_equal(json_text_of(v, "n"), "");
    assert_string_equal(json_text_of(v, "absent"), "");
    assert_string_equal(json_text_of(NULL, "s"), "");
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

/* The values as one text, "3: [1]|{}|7" for three of them. */
static void parsed_as(const char *text, size_t n, const char *wanted) {
    json_t *values;
    struct str is = {0};
    assert_ok(json_parse_all(text, n, "'x'", &values));
    assert_ok(str_printf(&is, "%zu:", json_array_size(values)));
    for (size_t i = 0; i < json_array_size(values); i++) {
        assert_ok(str_add(&is, i > 0 ? "|" : " "));
        assert_ok(json_text(json_array_get(values, i), 0, &is));
    }
    assert_string_equal(is.data, wanted);
    str_release(&is);
    json_decref(values);
}
#define PARSED_AS(text, wanted) parsed_as(text, sizeof(text) - 1, wanted)

static void values_one_after_the_other(void **state) {
    (void)state;
    PARSED_AS("", "0:");
    PARSED_AS(" \r\n\t", "0:");
    PARSED_AS("[1]", "1: [1]");
    PARSED_AS("[1][2]", "2: [1]|[2]");
    PARSED_AS("{\"a\": 1}\n{\"b\": 2}\r\n", "2: {\"a\":1}|{\"b\":2}");
    PARSED_AS(" null true\n7 \"x\"{}[]", "6: null|true|7|\"x\"|{}|[]");
    PARSED_AS("9223372036854775807", "1: 9223372036854775807");
}

#define U_FFFD "\xEF\xBF\xBD"
/* A stranger's bytes are mended, and what is well-formed stays as it is. */
static void strangers_bytes_are_mended(void **state) {
    (void)state;
    PARSED_AS("\"a\xFFz\"", "1: \"a" U_FFFD "z\"");
    PARSED_AS("\"\xED\xA0\x80\"", "1: \"" U_FFFD U_FFFD U_FFFD "\"");
    PARSED_AS("\"\xE6\xBA\"", "1: \"" U_FFFD U_FFFD "\"");
    PARSED_AS("\"a\0z\"", "1: \"a" U_FFFD "z\"");
    PARSED_AS("\"a\\u0000z\"", "1: \"a" U_FFFD "z\"");
    PARSED_AS("\"\\ud83d\"", "1: \"" U_FFFD "\"");
    PARSED_AS("\"\\udd1d\"", "1: \"" U_FFFD "\"");
    PARSED_AS("\"\\ud83d\\u0041\"", "1: \"" U_FFFD "A\"");
    PARSED_AS("\"\\ud83d\\ud83e\\udd1d\"", "1: \"" U_FFFD "\xF0\x9F\xA4\x9D\"");
    PARSED_AS("\"\\uD83E\\uDD1D\"", "1: \"\xF0\x9F\xA4\x9D\"");
    PARSED_AS("\"\\\\u0000\\\\ud83d\"", "1: \"\\\\u0000\\\\ud83d\"");
    PARSED_AS("{\"a\\u0000\": \"\\n\\/\\\"\"}", "1: {\"a" U_FFFD "\":\"\\n/\\\"\"}");
    PARSED_AS("\"\xE6\xBA\x90\xE2\x80\x8B\"", "1: \"\xE6\xBA\x90\xE2\x80\x8B\"");
}

static void faults_among_several_values(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"[1] [2", "'x': byte 6: not valid JSON"},
        {"[1]]", "'x': byte 4: not valid JSON"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"\"\\u12\"", "not valid JSON"},
        {"\"\\", "not valid JSON"},
        {"\xFF", "not valid JSON"},
        {"[99999999999999999999]", "too big integer"},
        {"nul", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *values;
        assert_fails(json_parse_all(bad[i].text, strlen(bad[i].text), "'x'", &values), ERR_PARSE,
                     bad[i].part);
        assert_null(values);
    }
    struct str deep = {0};
    for (int i = 0; i < 5000; i++) assert_ok(str_add(&deep, "["));
    json_t *values;
    assert_fails(json_parse_all(deep.data, deep.len, "'x'", &values), ERR_PARSE, "depth");
    str_release(&deep);
}

/* Whichever allocation fails, it is told, and not blamed on the text. The tokens have every length
 * around those at which the reader makes more room for one. */
static void short_of_memory(void **state) {
    (void)state;
    struct str text = {0};
    for (int n = 1; n < 70; n++)
        assert_ok(str_printf(&text, "{\"%0*d\": [\"%0*d\", 1%0*d.5, %.*s, true, {}]}", n, 0, n, 0,
                             n, 0, n % 18 + 2, "-123456789123456789"));
    assert_ok(str_printf(&text, "[\"a\xFF\", null] \"%0200d\" -2.5e%020d", 0, 1));
    json_t *values;
    int n = 1;
    for (;; n++) {
        fault_arm(FAULT_MEM, FAULT_FAIL, n);
        err code = json_parse_all(text.data, text.len, "'x'", &values);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
        assert_null(values);
    }
    assert_true(n > 1000);
    assert_int_equal(json_array_size(values), 72);
    json_decref(values);
    str_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_have_line_and_column),
        cmocka_unit_test(whole_numbers_of_any_length),
        cmocka_unit_test(text_is_exact_and_ordered),
        cmocka_unit_test(members_by_type),
        cmocka_unit_test(members_are_copied_whole),
        cmocka_unit_test(values_one_after_the_other),
        cmocka_unit_test(strangers_bytes_are_mended),
        cmocka_unit_test(faults_among_several_values),
        cmocka_unit_test(short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
