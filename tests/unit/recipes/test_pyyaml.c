/* SPDX-License-Identifier: Apache-2.0
 * The YAML writer against two readers: PyYAML, a YAML 1.1 reader that retypes whatever it can, and
 * our own. Every text that one of them might take for something else stands as a value, as a key,
 * in lists of lists and in objects; more texts are made of their pieces. Skipped without PyYAML.
 * Under test: recipes/write.h, recipes/yaml.h. */
#include "tests/unit/test.h"

#include "base/json.h"
#include "base/philox.h"
#include "recipes/write.h"
#include "recipes/yaml.h"
#include "tests/unit/spawn.h"

static const char *const texts[] = {
    /* words that YAML 1.1 retypes */
    "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off",
    "OFF", "true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~", "<<",
    "=", "",
    /* numbers, octal, sexagesimal, infinite; dates and times */
    "0", "-0", "+1", "1_000", "0_1", "_1", "0x1F", "0b101", "0123", "0o17", "09", "1:30",
    "190:20:30", "12:30:45.5", "1.5", "1.", ".5", "1e5", "1.0e+5", "1E5", "1.5_0", "685_230.15",
    ".inf", "-.Inf", "+.INF", ".nan", ".NaN", "2024-04-06", "2024-4-6", "2024-04-06T01:02:03Z",
    "2001-12-14 21:59:43.10 -5", "2024-04", "12345678901234567890",
    /* blanks and line ends */
    " ", "  ", "\t", "\n", "\n\n", " a", "a ", "\ta", "a\t", "a\tb", "a\r", "a\r\nb", "a\rb", "\r",
    "a\nb", "a\nb\n", "a\nb\n\n", "a\n\nb", "\na", "a\n b", "a\n  \nb", "  a\nb", "a\n\tb\n",
    "\n \n", "   \n   \n", "a \nb", "a\nb ", "a\n\n\n\nb\n", "a\n# b\n", "#a\nb", "- a\n- b\n",
    "a: b\nc: d\n", "---\na\n", "...\n", "a\n---\nb", "|\n  a\n", ">-\na", "%YAML 1.1\na",
    "a\n...\nb\n",
    /* marks */
    "#", "# a", "a #b", "a#b", "a # b", ":", "a:", ": a", "a: b", "a:b", "-", "- a", "-a", "--",
    "---", "...", "?", "? a", "!", "!!int 1", "&a", "*a", "[", "]", "[a]", "{", "}", "{a: b}", ",",
    "a,b", "%", "%a", "@a", "`a`", "|", ">", "'", "''", "\"", "\"\"", "'a'", "\"a\"", "it's", "\\",
    "\\n", "a\\", "a\"b", "a\\\"b", "$a", "^", "a=b", "=a", "<a>", "<<: a",
    "!<tag:yaml.org,2002:str> a",
    /* characters */
    "汉字", "汉：字", "“引号”", "🤝", "👨\xe2\x80\x8d👩", "❤\xef\xb8\x8f", "\xc2\x85",
    "a\xc2\x85"
    "b",
    "\xe2\x80\xa8",
    "a\xe2\x80\xa9"
    "b",
    "\xef\xbb\xbf",
    "\xef\xbb\xbf"
    "a",
    "a\xef\xbb\xbf",
    "\xe2\x80\xae"
    "abc\xe2\x80\xac",
    "a\xe2\x80\x8b"
    "b",
    "\xe2\x81\xa6x\xe2\x81\xa9", "\xc2\xad", "\xf3\xa0\x81\x81", "\xc2\xa0", "a\xc2\xa0", "\x01",
    "\x1b[1m", "\x7f", "\xc2\x80", "\xc2\x9f", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xef\xbf\xbd",
    "\xee\x80\x80", "\xf0\x9f\xbf\xbf", "\xf4\x8f\xbf\xbf", "a\xe2\x80\xae\nb\n", "é", "e\xcc\x81"};
enum { N_TEXTS = sizeof texts / sizeof texts[0], N_MADE = 300, LONG = 5000 };

static void put(json_t *object, const char *key, json_t *value) {
    assert_ok(json_put(object, key, value));
}

/* A value that holds the text in every place a request can have one. */
static json_t *around(const char *text) {
    json_t *value = json_pack("{s:s, s:[s,s], s:[{s:s,s:s},{s:{s:s}}], s:[[s,[s,n]],[],{}], s:n}",
                              "t", text, "flow", text, "b", "items", "a", text, "b", text, "c", "d",
                              text, "lists", text, text, "none");
    json_t *inner = json_object();
    put(inner, text, json_string(text));
    assert_non_null(value);
    put(value, text[0] ? text : "(empty)", json_string("key"));
    put(value, "keys", json_pack("[{s:s}]", text, text));
    put(value, "inner", inner);
    return value;
}

/* Texts of up to six of the others. */
static void make_text(uint64_t number, struct str *out) {
    struct rng rng = {11, RNG_TEST, number};
    uint64_t n = 1 + rng_below(&rng, 0, 6);
    for (uint64_t i = 0; i < n; i++) {
        assert_ok(str_add(out, texts[rng_below(&rng, 2 * i + 1, N_TEXTS)]));
        if (rng_below(&rng, 2 * i + 2, 3) == 0) assert_ok(str_add(out, "\n"));
    }
}

/* Adds {"yaml": ..., "value": ...}, and holds our own reader to the value. */
static void add_case(json_t *cases, json_t *value) {
    struct str yaml = {0};
    struct arena arena = {0};
    struct recipe_faults faults = {0};
    struct recipe_node *top;
    json_t *tree;
    assert_ok(recipe_write(value, NULL, &yaml));
    assert_ok(yaml_read(yaml.data, yaml.len, "x", &arena, &faults, &top));
    if (faults.n > 0) fail_msg("not YAML: %s\n%s", faults.items[0].text, yaml.data);
    assert_ok(yaml_tree_json(top, &tree));
    if (!json_equal(tree, value)) fail_msg("read back differently:\n%s", yaml.data);
    json_decref(tree);
    arena_release(&arena);
    assert_ok(json_push(cases, json_pack("{s:s,s:o}", "yaml", str_text(&yaml), "value", value)));
    str_release(&yaml);
}

/* Values that are no texts: for PyYAML alone, since our reader keeps all values as texts. */
static void add_numbers(json_t *cases) {
    json_t *value = json_pack("{s:[i,i,f,f,f,f,f,b,b,n], s:{s:I,s:f,s:[[i],[f]]}}", "l", 0, -7, 0.5,
                              1e22, 1e-7, -0.0, 123456789.0, 1, 0, "m", "i", (json_int_t)INT64_MAX,
                              "r", 0.1 + 0.2, "n", 1, 2.0);
    struct str yaml = {0};
    assert_non_null(value);
    assert_ok(recipe_write(value, NULL, &yaml));
    assert_ok(json_push(cases, json_pack("{s:s,s:o}", "yaml", str_text(&yaml), "value", value)));
    str_release(&yaml);
}

static const char reader[] =
    "import json, sys, yaml\n"
    "cases = json.load(open(sys.argv[1], encoding='utf-8'))\n"
    "loaders = [yaml.SafeLoader] + [l for l in [getattr(yaml, 'CSafeLoader', None)] if l]\n"
    "show = lambda v: json.dumps(v, default=repr)\n"
    "wrong = 0\n"
    "for case in cases:\n"
    "    for loader in loaders:\n"
    "        try:\n"
    "            got = show(yaml.load(case['yaml'], Loader=loader))\n"
    "        except Exception as e:\n"
    "            got = repr(e)\n"
    "        if got != show(case['value']):\n"
    "            wrong += 1\n"
    "            print(loader.__name__, got, 'instead of', show(case['value']), 'from', "
    "case['yaml'])\n"
    "print(len(cases), 'cases,', len(loaders), 'loaders,', wrong, 'wrong')\n"
    "sys.exit(wrong > 0)\n";

static void both_readers_find_the_same_values(void **state) {
    (void)state;
    const char *dir = test_folder();
    char path[128], out[128];
    json_t *cases = json_array();
    for (int i = 0; i < N_TEXTS; i++) add_case(cases, around(texts[i]));
    for (uint64_t i = 0; i < N_MADE; i++) {
        struct str text = {0};
        make_text(i, &text);
        add_case(cases, around(str_text(&text)));
        str_release(&text);
    }
    struct str longest = {0};
    while (longest.len < LONG)
        assert_ok(str_add(&longest, "很长的一行 with: marks # and \"quotes\" "));
    add_case(cases, json_pack("{s:s,s:[s,s]}", "t", longest.data, "l", longest.data, "a"));
    str_release(&longest);
    add_numbers(cases);
    snprintf(path, sizeof path, "%s/cases.json", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    assert_ok(json_write_file(path, cases));
    json_decref(cases);
    int code = test_run((const char *const[]){"/usr/bin/python3", "-c", reader, path, NULL}, out);
    struct str said = {0};
    assert_ok(file_read(out, 1 << 24, &said));
    if (code != 0) fail_msg("PyYAML (%d): %.4000s", code, str_text(&said));
    print_message("%s", str_text(&said));
    str_release(&said);
    test_folder_remove(dir);
}

int main(void) {
    if (test_run((const char *const[]){"/usr/bin/python3", "-c", "import yaml", NULL},
                 "/dev/null")) {
        puts("skipped: /usr/bin/python3 has no yaml (python3-yaml)");
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_find_the_same_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
