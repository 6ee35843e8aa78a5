/* SPDX-License-Identifier: Apache-2.0
 * Reports in Markdown: what a stranger wrote stays text, suites have their line with pairs and
 * interval, every number of the model-index is one of the report, and YAML reads it.
 * Read next: eval/markdown.h; cards are in tests/unit/release/test_card.c. */
#include "tests/unit/test.h"

#include "eval/markdown.h"
#include "eval/rows.h"

static json_t *report(int64_t first_right, double other) {
    struct str s = {0};
    json_t *value = NULL;
    int64_t right = first_right + 1;
    assert_ok(str_printf(
        &s,
        "{\"cotrain_eval\": 1, \"subject\": {\"model\": \"aa\", \"adapter\": null},"
        " \"settings\": {}, \"tasks\": [{\"task\": \"gsm8k_cn\", \"metric\": \"accuracy\","
        " \"scores\": {\"accuracy\": %.17g, \"final_number\": %.17g}, \"n\": 2, \"correct\": %lld,"
        " \"n_errors\": 0, \"interval\": [0.1, 0.9], \"items\": ["
        "{\"item\": 0, \"gold\": \"2\", \"correct\": %s},"
        "{\"item\": 1, \"gold\": \"3\", \"correct\": true}]}]}",
        (double)right / 2, other, (long long)right, first_right ? "true" : "false"));
    assert_ok(json_parse(str_text(&s), s.len, "test", &value));
    str_release(&s);
    return value;
}

static void texts_are_no_markup(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain 文字, 1.5 (x) - y!", "plain 文字, 1.5 (x) - y!"},
        {"a|b\nc\td", "a\\|b c d"},
        {"<script>`x`</script>", "\\<script\\>\\`x\\`\\</script\\>"},
        {"[evil](http://x) **b** _i_ ~s~", "\\[evil\\](http://x) \\*\\*b\\*\\* \\_i\\_ \\~s\\~"},
        {"&lt; # $x$ \\", "\\&lt; \\# \\$x\\$ \\\\"},
        {"\x1b[31m\xE2\x80\xAE", "\\<U+001B\\>\\[31m\\<U+202E\\>"},
        {"\xFF", "\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str out = {0};
        assert_ok(markdown_text(&out, rows[i].text));
        assert_string_equal(str_text(&out), rows[i].want);
        str_release(&out);
    }
}

static void suites_have_their_lines(void **state) {
    (void)state;
    json_t *before = report(0, 0.25), *after = report(1, 0.75);
    struct str out = {0};
    assert_ok(report_table(before, after, &out));
    assert_string_equal(
        str_text(&out),
        "| task | score | items | before | after | 95 % interval after | won | lost | p |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|\n"
        "| `gsm8k_cn` | `accuracy` | 2 | 0.5000 | 1.0000 | 0.100–0.900 | 1 | 0 | 1 |\n"
        "| `gsm8k_cn` | `final_number` | 2 | 0.2500 | 0.7500 | – | – | – | – |\n");
    str_clear(&out);
    assert_ok(report_table(NULL, after, &out));
    assert_non_null(strstr(str_text(&out), "| `accuracy` | 2 | – | 1.0000 | 0.100–0.900 | – |"));
    str_clear(&out);
    assert_ok(report_model_index("M \"x\"", before, after, &out));
    assert_string_equal(str_text(&out), "model-index:\n"
                                        "- name: \"M \\\"x\\\"\"\n"
                                        "  results:\n"
                                        "  - task:\n"
                                        "      type: text-generation\n"
                                        "      name: \"gsm8k_cn\"\n"
                                        "    dataset:\n"
                                        "      type: \"gsm8k_cn\"\n"
                                        "      name: \"gsm8k_cn\"\n"
                                        "    metrics:\n"
                                        "    - type: accuracy\n"
                                        "      name: \"accuracy, before\"\n"
                                        "      value: 0.500000\n"
                                        "    - type: accuracy\n"
                                        "      name: \"accuracy, after\"\n"
                                        "      value: 1.000000\n"
                                        "    - type: final_number\n"
                                        "      name: \"final_number, before\"\n"
                                        "      value: 0.250000\n"
                                        "    - type: final_number\n"
                                        "      name: \"final_number, after\"\n"
                                        "      value: 0.750000\n");
    str_release(&out);
    json_decref(before);
    json_decref(after);
}

/* Another limit is another set of items: shares of the two are not held against each other. */
static void other_items_are_refused(void **state) {
    (void)state;
    json_t *before = report(0, 0.25), *after = report(1, 0.75);
    json_t *part = json_array_get(json_object_get(before, "tasks"), 0);
    struct report_rows rows;
    json_array_remove(json_object_get(part, "items"), 0);
    assert_ok(report_rows(before, after, &rows));
    assert_false(rows.rows[0].is_paired);
    report_rows_release(&rows);
    json_object_set_new(part, "n", json_integer(1));
    assert_fails(report_rows(before, after, &rows), ERR_MISMATCH, "1 cases before and 2 after");
    report_rows_release(&rows);
    json_decref(before);
    json_decref(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_no_markup),
        cmocka_unit_test(suites_have_their_lines),
        cmocka_unit_test(other_items_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
