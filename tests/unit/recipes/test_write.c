/* SPDX-License-Identifier: Apache-2.0
 * The YAML writer: what it writes is read back as the same texts, is quoted where a YAML 1.1 reader
 * would take it for something else, and a resolved recipe reads back as itself.
 * Under test: recipes/write.h. */
#include "tests/unit/test.h"

#include "recipes/write.h"
#include "tests/unit/recipes/schema.h"

static void written_as(const char *text, const char *wanted) {
    struct str out = {0};
    assert_ok(recipe_write_text(text, &out));
    assert_string_equal(str_text(&out), wanted);
    str_release(&out);
}

static void texts_that_would_be_retyped_are_quoted(void **state) {
    (void)state;
    static const char *const quoted[] = {
        "no",   "No",   "YES",  "on",  "off", "y",  "N",          "true", "null",  "~",  "",
        "0123", "1e5",  "12",   "1.5", "-1",  "+1", "2024-04-06", ".inf", "=",     "<<", "#a",
        "a b",  "1:30", "0x1F", "a:",  "- a", "*a", "a #b",       "[a]",  "1_000", "汉",
    };
    for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\"%s\"", quoted[i]);
        written_as(quoted[i], wanted);
    }
    written_as("adamw", "adamw");
    written_as("Yuan2-2B-hf", "Yuan2-2B-hf");
    written_as("a/b.jsonl", "a/b.jsonl");
    written_as("a\"b\\c\r\n\t", "\"a\\\"b\\\\c\\u000d\\n\\t\"");
}

/* Writes {t: text} and {l: [{t: text}]} and reads the texts back. */
static void round_trip(const char *text) {
    json_t *value = json_pack("{s:s, s:[{s:s}], s:[s]}", "t", text, "l", "t", text, "f", text);
    assert_non_null(value);
    struct str out = {0};
    assert_ok(recipe_write(value, NULL, &out));
    struct arena arena = {0};
    struct recipe_faults faults = {0};
    struct recipe_node *top;
    assert_ok(yaml_read(out.data, out.len, "x", &arena, &faults, &top));
    if (faults.n > 0) fail_msg("not YAML: %s\n%s", faults.items[0].text, out.data);
    const char *plain = node_find(top, "t")->text, *item = node_find(top, "l")->first->first->text;
    const char *flow = node_find(top, "f")->first->text;
    if (strcmp(plain, text) || strcmp(item, text) || strcmp(flow, text))
        fail_msg("'%s' came back as '%s', '%s' and '%s' from\n%s", text, plain, item, flow,
                 out.data);
    arena_release(&arena);
    str_release(&out);
    json_decref(value);
}

static void texts_come_back_unchanged(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a\nb",
        "a\nb\n",
        "a\nb\n\n",
        "\na\n",
        " a\nb\n",
        "a \nb\n",
        "a\n  b\n\n  c\n",
        "a\r\nb\r\n",
        "a\tb",
        "a\n\tb\n",
        "# a\nb",
        "a\x7f",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf",
        "🤝 汉字",
        "module x;\n  // 注释\nendmodule\n",
        "- a\n- b\n",
        "---\na\n",
        "\n",
        "\n\n",
        " ",
        "a\n \nb",
        "\"a\" 'b' \\",
        "%a\nb",
        "null",
        "a\n\tb\n\n\t\tc",
        "\ta\nb",
        "a\t\nb",
        "a\nb\t",
        "a\xe2\x80\xae\nb",
        "👨\xe2\x80\x8d👩 ❤\xef\xb8\x8f\nb",
        "\xf3\xa0\x81\x81",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) round_trip(texts[i]);
}

/* A value under the key `v` as it is written. */
static void value_written_as(json_t *value, const char *wanted) {
    json_t *map = json_pack("{s:o}", "v", value);
    struct str out = {0};
    assert_non_null(map);
    assert_ok(recipe_write(map, NULL, &out));
    assert_string_equal(str_text(&out), wanted);
    str_release(&out);
    json_decref(map);
}

static void lists_and_nothing_are_readable(void **state) {
    (void)state;
    value_written_as(json_null(), "v: null\n");
    value_written_as(json_pack("[n,{},[]]"), "v: [null, {}, []]\n");
    value_written_as(json_pack("[[i,i],[i]]", 1, 2, 3), "v:\n  - [1, 2]\n  - [3]\n");
    value_written_as(json_pack("[[{s:i,s:i},[{s:i}]]]", "a", 1, "b", 2, "c", 3),
                     "v:\n  - - a: 1\n      b: 2\n    - - c: 3\n");
    value_written_as(json_pack("[s,s]", "a\nb", "c"), "v:\n  - |-\n    a\n    b\n  - c\n");
    value_written_as(json_pack("[{s:s}]", "k", "a\n  b\n"), "v:\n  - k: |\n      a\n        b\n");
    value_written_as(json_pack("[s,s]", "这个模型要能从注释生成代码，并且保留原有的能力",
                               "第二条同样长的说明，两条加起来超过一行"),
                     "v:\n  - \"这个模型要能从注释生成代码，并且保留原有的能力\"\n"
                     "  - \"第二条同样长的说明，两条加起来超过一行\"\n");
    struct str out = {0};
    json_t *empty = json_object();
    assert_ok(recipe_write(empty, NULL, &out));
    assert_string_equal(str_text(&out), "{}\n");
    str_release(&out);
    json_decref(empty);
}

static void hidden_characters_are_seen(void **state) {
    (void)state;
    written_as("a\xe2\x80\xae"
               "b",
               "\"a\\u202eb\"");
    written_as("\xe2\x80\x8b", "\"\\u200b\"");
    written_as("\xf3\xa0\x81\x81", "\"\\U000e0041\"");
    written_as("❤\xef\xb8\x8f", "\"❤\xef\xb8\x8f\"");
}

static void what_would_not_be_read_back_is_refused(void **state) {
    (void)state;
    struct str out = {0};
    json_t *nul = json_pack("{s:s%}", "v", "a\n\0b", (size_t)4), *list = json_object();
    assert_fails(recipe_write(nul, NULL, &out), ERR_UNSUPPORTED, "a NUL character");
    assert_ok(json_put(list, "l", json_pack("[s%]", "a\0b", (size_t)3)));
    assert_fails(recipe_write(list, NULL, &out), ERR_UNSUPPORTED, "a NUL character");
    assert_fails(recipe_write_text("a\xff\nb", &out), ERR_UNSUPPORTED, "not UTF-8");
    char key[1200];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    json_t *map = json_pack("{s:i}", key, 1);
    assert_fails(recipe_write(map, NULL, &out), ERR_LIMIT, "a key of more than 1000 bytes");
    str_release(&out);
    json_decref(nul);
    json_decref(list);
    json_decref(map);
}

static void numbers_are_short_and_have_a_dot(void **state) {
    (void)state;
    json_t *value = json_pack("{s:f,s:f,s:f,s:f,s:i,s:b}", "a", 1e-4, "b", 1.0, "c", 1e-8, "d",
                              0.1 + 0.2, "e", 42, "f", 0);
    struct str out = {0};
    assert_ok(recipe_write(value, NULL, &out));
    assert_string_equal(out.data, "a: 0.0001\nb: 1.0\nc: 1.0e-08\nd: 0.30000000000000004\n"
                                  "e: 42\nf: false\n");
    str_release(&out);
    json_decref(value);
}

static const char *above(void *ctx, const char *path) {
    (void)ctx;
    return strcmp(path, "m.k") == 0 ? "one\ntwo" : NULL;
}
static const char *behind(void *ctx, const char *path) {
    (void)ctx;
    return strcmp(path, "l.0.k") == 0 ? "here" : NULL;
}

static void comments_stand_above_and_behind(void **state) {
    (void)state;
    json_t *value = json_pack("{s:{s:s},s:[{s:s}],s:{}}", "m", "k", "v", "l", "k", "w", "e");
    struct recipe_comments comments = {NULL, above, behind};
    struct str out = {0};
    assert_ok(recipe_write(value, &comments, &out));
    assert_string_equal(out.data, "m:\n  # one\n  # two\n  k: v\nl:\n  - k: w  # here\ne: {}\n");
    str_release(&out);
    json_decref(value);
}

/* The resolved text of a recipe file. */
static void resolve(const char *path, struct str *out) {
    struct recipe r;
    struct sample s = {0};
    assert_ok(recipe_read(&r, path, NULL, &sample_schema, &s));
    json_t *value;
    assert_ok(recipe_resolved(&r, &sample_schema, &s, &value));
    assert_ok(recipe_write(value, NULL, out));
    json_decref(value);
    recipe_release(&r);
}

static void a_resolved_recipe_resolves_to_itself(void **state) {
    (void)state;
    const char *dir = test_folder();
    char path[128];
    snprintf(path, sizeof(path), "%s/a.yaml", dir);
    const char text[] =
        "cotrain: 1\nname: 'no'\nbase: {path: .}\nwork: {lr: 3e-5, gates: {a: '> 1'}}\n"
        "jobs: [{id: '01', steps: [{text: \"a\\nb \"}]}]\n";
    assert_ok(file_write(path, text, strlen(text)));
    struct str first = {0}, second = {0};
    resolve(path, &first);
    assert_non_null(strstr(first.data, "rate: 3.0e-05"));
    assert_non_null(strstr(first.data, "seed: 42"));
    assert_ok(file_write(path, first.data, first.len));
    resolve(path, &second);
    assert_string_equal(first.data, second.data);
    str_release(&first);
    str_release(&second);
    test_folder_remove(dir);
}

static void the_schema_names_every_key(void **state) {
    (void)state;
    json_t *schema;
    assert_ok(schema_json(&sample_schema, &schema));
    json_t *top = json_object_get(schema, "properties");
    json_t *work = json_object_get(json_object_get(top, "work"), "properties");
    assert_non_null(json_object_get(top, "cotrain"));
    assert_non_null(json_object_get(json_object_get(work, "seed"), "maximum"));
    assert_true(json_is_true(json_object_get(json_object_get(work, "lr"), "deprecated")));
    json_t *job = json_object_get(json_object_get(top, "jobs"), "items");
    json_t *steps = json_object_get(json_object_get(job, "properties"), "steps");
    assert_string_equal(json_string_value(json_object_get(steps, "type")), "array");
    json_decref(schema);
    struct str text = {0};
    assert_ok(schema_text(&sample_schema, &text));
    assert_non_null(strstr(text.data, "\njobs[].steps[]\n  text:"));
    str_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_would_be_retyped_are_quoted),
        cmocka_unit_test(texts_come_back_unchanged),
        cmocka_unit_test(lists_and_nothing_are_readable),
        cmocka_unit_test(hidden_characters_are_seen),
        cmocka_unit_test(what_would_not_be_read_back_is_refused),
        cmocka_unit_test(numbers_are_short_and_have_a_dot),
        cmocka_unit_test(comments_stand_above_and_behind),
        cmocka_unit_test(a_resolved_recipe_resolves_to_itself),
        cmocka_unit_test(the_schema_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
