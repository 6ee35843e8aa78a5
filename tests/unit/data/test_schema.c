/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema against the test suite of its authors (Debian: json-schema-test-suite, draft 7): each
 * keyword's file, every case whose schema is read; what is refused must be refused for a keyword
 * that is not handled. Then what draft 2020-12 has beside it, reasons, and faulty schemas.
 * Under test: data/synth/schema.h. */
#include "tests/unit/test.h"

#include "data/synth/schema.h"

#define SUITE "/usr/share/json-schema-test-suite/tests/draft7/"

static json_t *value_of(const char *text) {
    json_t *value;
    assert_ok(json_parse(text, strlen(text), "test", &value));
    return value;
}

/* Cases that are other in draft 2020-12, where a $ref has siblings. */
static bool is_other(const char *description) {
    return strstr(description, "ref overrides any sibling") != NULL;
}

static struct counts { int64_t n_schemas, n_refused, n_tests; } counts;

static void run_case(const char *file, const json_t *item) {
    struct schema *schema;
    size_t i;
    const json_t *test;
    counts.n_schemas++;
    err e = schema_new(json_object_get(item, "schema"), &schema);
    if (e != ERR_OK) {
        /* a keyword that is not handled, a reference out of the file, draft 7's lists of items */
        if (e != ERR_UNSUPPORTED && !strstr(err_message(), "/items': a schema"))
            fail_msg("%s, %s: %s", file, json_text_of(item, "description"), err_message());
        counts.n_refused++;
        return;
    }
    json_array_foreach(json_object_get(item, "tests"), i, test) {
        struct str why = {0};
        assert_ok(schema_test(schema, json_object_get(test, "data"), &why));
        if ((why.len == 0) != json_is_true(json_object_get(test, "valid")))
            fail_msg("%s, %s, %s: %s", file, json_text_of(item, "description"),
                     json_text_of(test, "description"), str_text(&why));
        counts.n_tests++;
        str_release(&why);
    }
    schema_free(schema);
}

static void the_authors_cases(void **state) {
    (void)state;
    struct name_list files = {0};
    if (!dir_exists(SUITE)) {
        print_message("skipped: no json-schema-test-suite here\n");
        skip();
    }
    assert_ok(dir_list(SUITE, &files));
    for (size_t i = 0; i < files.n; i++) {
        char path[512];
        json_t *cases;
        size_t k;
        const json_t *item;
        if (!str_ends(files.names[i], ".json") || strcmp(files.names[i], "refRemote.json") == 0)
            continue;
        snprintf(path, sizeof path, SUITE "%s", files.names[i]);
        assert_ok(json_parse_file(path, &cases));
        json_array_foreach(cases, k, item) if (!is_other(json_text_of(item, "description")))
            run_case(files.names[i], item);
        json_decref(cases);
    }
    name_list_release(&files);
    print_message("%lld schemas, %lld of them refused, %lld tests\n", (long long)counts.n_schemas,
                  (long long)counts.n_refused, (long long)counts.n_tests);
    assert_true(counts.n_tests >= 340 && counts.n_refused <= 20);
}

static void assert_test(const char *schema_text, const char *text, const char *wanted) {
    struct schema *schema;
    struct str why = {0};
    json_t *of = value_of(schema_text), *value = value_of(text);
    assert_ok(schema_new(of, &schema));
    assert_ok(schema_test(schema, value, &why));
    if (!strstr(str_text(&why), wanted) || (!wanted[0] && why.len > 0))
        fail_msg("%s with %s: '%s' instead of '%s'", schema_text, text, str_text(&why), wanted);
    str_release(&why);
    schema_free(schema);
    json_decref(of);
    json_decref(value);
}

static void what_2020_12_has(void **state) {
    (void)state;
#define PREFIX "{\"prefixItems\":[{\"type\":\"integer\"}],\"items\":{\"type\":\"string\"}}"
    assert_test(PREFIX, "[1,\"a\",\"b\"]", "");
    assert_test(PREFIX, "[1,2]", "at '/1': a value of type string is wanted");
    assert_test(PREFIX, "[\"a\"]", "at '/0': a value of type integer is wanted");
#define CONTAINS "{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":3}"
    assert_test(CONTAINS, "[1,0,1.0]", "");
    assert_test(CONTAINS, "[1,0]", "1 items are as 'contains' wants");
    assert_test(CONTAINS, "[1,1,1,1]", "4 items are as 'contains' wants");
    assert_test("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
                "'b' is missing beside 'a'");
    assert_test("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", "");
    assert_test("{\"dependentSchemas\":{\"a\":{\"minProperties\":2}}}", "{\"a\":1}", "1 members");
    assert_test("{\"$defs\":{\"n\":{\"minimum\":3}},\"$ref\":\"#/$defs/n\",\"maximum\":5}", "6",
                "against maximum 5");
    assert_test("{\"$defs\":{\"n\":{\"minimum\":3}},\"$ref\":\"#/$defs/n\",\"maximum\":5}", "2",
                "against minimum 3");
}

static void reasons_name_the_place(void **state) {
    (void)state;
    assert_test("{\"properties\":{\"a\":{\"items\":{\"enum\":[1,\"x\"]}}}}", "{\"a\":[1,2]}",
                "at '/a/1': the value is none of [1,\"x\"]");
    assert_test("{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"a\":1,\"b\":2}",
                "at '/': 'b' is not allowed");
    assert_test("{\"pattern\":\"^a\"}", "\"ba\"", "does not match the pattern ^a");
    assert_test("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                "finds no end");
    assert_test("{\"$ref\":\"#\"}", "1", "nested too deeply");
    assert_test("{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2",
                "2 of the schemas of 'oneOf'");
    assert_test("{\"multipleOf\":0.01}", "19.99", "");
    assert_test("{\"multipleOf\":0.01}", "19.999", "is no multiple of");
    assert_test("{\"maxLength\":2}", "\"\xE4\xB8\xAD\xE6\x96\x87\"", "");
}

static void faulty_schemas(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        err code;
        const char *why;
    } cases[] = {
        {"{\"propertys\":{}}", ERR_UNSUPPORTED, "at '/': the keyword 'propertys'"},
        {"{\"properties\":{\"a\":{\"format\":\"date\"}}}", ERR_UNSUPPORTED,
         "at '/properties/a': the keyword 'format'"},
        {"{\"type\":\"text\"}", ERR_PARSE, "at '/type': array, boolean"},
        {"{\"minLength\":-1}", ERR_PARSE, "at '/minLength': a whole number"},
        {"{\"required\":\"a\"}", ERR_PARSE, "at '/required': a list of texts"},
        {"{\"allOf\":[]}", ERR_PARSE, "at '/allOf': a list of schemas"},
        {"{\"items\":[{}]}", ERR_PARSE, "at '/items': a schema"},
        {"{\"pattern\":\"(\"}", ERR_PARSE, "regular expression '('"},
        {"{\"$ref\":\"#/$defs/a\"}", ERR_MISSING, "leads nowhere"},
        {"{\"$ref\":\"other.json\"}", ERR_UNSUPPORTED, "leaves the file"},
        {"{\"$ref\":\"#here\"}", ERR_UNSUPPORTED, "is no path from the top"},
        {"{\"multipleOf\":0}", ERR_PARSE, "a number over 0"},
        {"5", ERR_PARSE, "a schema: an object, true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct schema *schema;
        json_t *value = value_of(cases[i].schema);
        assert_fails(schema_new(value, &schema), cases[i].code, cases[i].why);
        json_decref(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_authors_cases),
        cmocka_unit_test(what_2020_12_has),
        cmocka_unit_test(reasons_name_the_place),
        cmocka_unit_test(faulty_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
