/* SPDX-License-Identifier: Apache-2.0
 * Gates and reports: what a condition means, what is said when it is missed, and the before/after
 * table. Reports are written here as text, as `eval run` writes them, so that a change of their
 * outline shows here. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "eval/gates.h"
#include "eval/markdown.h"
#include "eval/report.h"

static json_t *report(double exact, int correct, double loss) {
    json_t *value = NULL;
    struct str s = {0};
    assert_ok(str_printf(
        &s,
        "{\"cotrain_eval\": 1, \"subject\": {\"model\": \"aa\", \"adapter\": null},"
        " \"settings\": {\"decoding\": \"greedy\", \"max_new_tokens\": 8, \"limit\": 0},"
        " \"tasks\": [{\"task\": \"requests\", \"metric\": \"exact_match\","
        " \"scores\": {\"exact_match\": %.17g, \"rouge_l\": 0.5}, \"n\": 20, \"correct\": %d,"
        " \"interval\": [0.1, 0.9], \"requests\": [{\"request\": \"o/r#1@2\","
        " \"scenario\": \"a|b\", \"n\": 20, \"correct\": %d, \"interval\": [0.1, 0.9],"
        " \"exact_match\": %.17g, \"rouge_l\": 0.5}], \"items\": []},"
        " {\"task\": \"validation\", \"metric\": \"loss\", \"scores\": {\"loss\": %.17g}}]}",
        exact, correct, correct, exact, loss));
    assert_ok(json_parse(s.data, s.len, "report", &value));
    str_release(&s);
    return value;
}

static void conditions_are_read(void **state) {
    (void)state;
    struct gate g;
    assert_ok(gate_parse("requests: >= +0.05", &g));
    assert_string_equal(g.task, "requests");
    assert_string_equal(g.score, "");
    assert_true(g.change && g.compare == GATE_AT_LEAST && g.bound == 0.05);
    assert_ok(gate_parse("requests.rouge_l: >0.8", &g));
    assert_string_equal(g.score, "rouge_l");
    assert_true(!g.change && g.compare == GATE_ABOVE && g.bound == 0.8);
    assert_ok(gate_parse("validation: <= -0.1", &g));
    assert_true(g.change && g.compare == GATE_AT_MOST && g.bound == -0.1);
    assert_ok(gate_parse("validation: < 2", &g));
    assert_true(!g.change && g.compare == GATE_BELOW && g.bound == 2.0);
}

static void malformed_conditions_are_quoted(void **state) {
    (void)state;
    struct gate g;
    static const char *const items[] = {
        "requests",         ": >= 1",         "requests: 0.5",    "requests: = 1",
        "requests: >=",     "requests: >= +", "requests: >= ++1", "requests: >= 5%",
        "requests: >= nan", ".x: > 1",        "requests.: > 1",   "requests: >= + 1",
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        assert_fails(gate_parse(items[i], &g), ERR_PARSE, items[i]);
        assert_non_null(strstr(err_hint(), ">= +0.05"));
    }
}

static err check(const char *item, const json_t *before, const json_t *after) {
    struct opt_list gates = {.items = &item, .n = 1};
    return gates_check(&gates, before, after, NULL);
}

static void gates_say_by_how_much(void **state) {
    (void)state;
    json_t *before = report(0.55, 11, 2.0), *after = report(0.6, 12, 1.5);
    assert_ok(check("requests: >= +0.05", before, after)); /* 0.6 - 0.55 rounds below 0.05 */
    assert_ok(check("requests: >= 0.6", before, after));
    assert_ok(check("validation: <= -0.5", before, after));
    assert_ok(check("requests.rouge_l: >= +0", before, after));
    assert_fails(check("requests: > +0.05", before, after), ERR_GATE, "requests");
    assert_fails(check("requests: >= +0.10", before, after), ERR_GATE,
                 "change +0.0500 from 0.5500 to 0.6000, wanted >= +0.1: missed by 0.0500");
    assert_int_equal(err_exit_code(ERR_GATE), 3);
    assert_fails(check("requests: >= 0.8", before, after), ERR_GATE, "missed by 0.2000");
    assert_fails(check("gsm8k_cn: >= 0.8", before, after), ERR_MISSING, "requests, validation");
    assert_fails(check("requests.bleu: >= 0.8", before, after), ERR_MISSING, "bleu");
    json_decref(before);
    json_decref(after);
}

static void every_missed_gate_is_named(void **state) {
    (void)state;
    const char *items[] = {"requests: >= 0.9", "validation: <= 3", "validation: < 1"};
    struct opt_list gates = {.items = items, .n = 3};
    struct str lines = {0};
    json_t *before = report(0.5, 10, 2.0), *after = report(0.6, 12, 1.5);
    err result = gates_check(&gates, before, after, &lines);
    assert_int_equal(result, ERR_GATE);
    assert_non_null(strstr(err_message(), "requests: 0.6000"));
    assert_non_null(strstr(err_message(), "validation: 1.5000, wanted < 1"));
    assert_non_null(strstr(str_text(&lines), "wanted <= 3: holds"));
    str_release(&lines);
    json_decref(before);
    json_decref(after);
}

static void table_pairs_requests(void **state) {
    (void)state;
    json_t *before = report(0.5, 10, 2.0), *after = report(0.6, 12, 1.5);
    struct str table = {0};
    assert_ok(report_table(before, after, &table));
    assert_non_null(strstr(table.data, "| a\\|b | 20 | 0.500 | 0.600 | 0.100–0.900 | – | – | – | "
                                       "0.500 | 0.500 |\n"));
    assert_non_null(strstr(table.data, "| `validation` | `loss` | – | 2.0000 | 1.5000 |"));
    json_t *other =
        json_object_get(json_array_get(json_object_get(before, "tasks"), 0), "requests");
    json_object_set_new(json_array_get(other, 0), "request", json_string("o/r#9@9"));
    assert_fails(report_table(before, after, &table), ERR_MISMATCH, "o/r#9@9");
    str_release(&table);
    json_decref(before);
    json_decref(after);
}

static void foreign_reports_are_refused(void **state) {
    (void)state;
    const char *dir = test_folder();
    char *path = path_join(dir, "report.json");
    json_t *value = NULL;
    assert_ok(file_write(path, "{\"cotrain_eval\": 2}", 19));
    assert_fails(report_read(path, &value), ERR_UNSUPPORTED, "version 2");
    assert_ok(file_write(path, "{}", 2));
    assert_fails(report_read(path, &value), ERR_PARSE, "report.json");
    json_t *good = report(0.5, 10, 2.0);
    assert_ok(json_write_file(path, good));
    assert_ok(report_read(path, &value));
    assert_true(json_equal(good, value));
    json_decref(value);
    json_decref(good);
    mem_free(path);
    test_folder_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_read),   cmocka_unit_test(malformed_conditions_are_quoted),
        cmocka_unit_test(gates_say_by_how_much), cmocka_unit_test(every_missed_gate_is_named),
        cmocka_unit_test(table_pairs_requests),  cmocka_unit_test(foreign_reports_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
