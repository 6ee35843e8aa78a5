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
        "r: >= -0.1 at",    "r: >= -0.1 95%", "r: >= 1 at 95",    "r: >= 1 at 100%",
        "r: >= 1 at 49%",   "r: not >= 1",    "r: not",           "r: >= -1% at 95% x",
        "r: >= -0.1at 95%", "r: at 95%",      "r: >= 1 % at 95%", "r: >= -5%%",
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        assert_fails(gate_parse(items[i], &g), ERR_PARSE, items[i]);
        assert_non_null(strstr(err_hint(), ">= +0.05"));
    }
}

static void confidence_and_percent_are_read(void **state) {
    (void)state;
    struct gate g;
    assert_ok(gate_parse("r: >= -2%", &g));
    assert_true(g.change && g.relative && g.bound == -0.02 && g.confidence == 0.0);
    assert_ok(gate_parse("r: >= -0.01 at 95%", &g));
    assert_true(g.change && !g.relative && !g.unless && g.confidence == 0.95);
    assert_ok(gate_parse("r.f: not  <  -0.5% at 99.9%", &g));
    assert_true(g.unless && g.relative && g.compare == GATE_BELOW && g.bound == -0.005);
    assert_true(g.confidence > 0.9989 && g.confidence < 0.9991);
    assert_ok(gate_parse("r: > +0 at 90%", &g));
    assert_true(g.change && g.bound == 0.0 && g.confidence == 0.9);
    assert_ok(gate_parse("r: >= 0.8 at 95%", &g));
    assert_true(!g.change);
}

static err check_all(const struct opt_list *gates, const json_t *before, const json_t *after,
                     struct str *lines) {
    json_t *outcomes = NULL;
    TRY(gates_hold(gates, before, after, &outcomes));
    assert_ok(gates_text(outcomes, lines));
    err result = gates_verdict(outcomes);
    json_decref(outcomes);
    return result;
}

static err check(const char *item, const json_t *before, const json_t *after) {
    struct opt_list gates = {.items = &item, .n = 1};
    struct str lines = {0};
    err result = check_all(&gates, before, after, &lines);
    str_release(&lines);
    return result;
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
                 "change +0.0500 from 0.5500 to 0.6000, wanted >= +0.10: missed by 0.0500");
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
    err result = check_all(&gates, before, after, &lines);
    assert_int_equal(result, ERR_GATE);
    assert_non_null(strstr(err_message(), "requests: 0.6000"));
    assert_non_null(strstr(err_message(), "validation: 1.5000, wanted < 1"));
    assert_non_null(strstr(str_text(&lines), "wanted <= 3: holds"));
    str_release(&lines);
    json_decref(before);
    json_decref(after);
}

/* A suite of n items: those below `right` are right. */
static json_t *suite(int n, int from, int right) {
    json_t *items = json_array();
    for (int i = 0; i < n; i++)
        assert_ok(json_push(items, json_pack("{s:i,s:b,s:f}", "item", i, "correct",
                                             i >= from && i < from + right, "f", 0.5)));
    return json_pack("{s:[{s:s,s:s,s:{s:f,s:f,s:f},s:o}]}", "tasks", "task", "t", "metric",
                     "accuracy", "scores", "accuracy", (double)right / n, "f", 0.5, "loss", 2.0,
                     "items", items);
}

/* The same change, small and large, against each form: what shows that a gate holds, what does not
 * show that it is broken, and what is neither. */
static void confidence_decides_by_the_interval(void **state) {
    (void)state;
    static const struct {
        int n, right_before, right_after;
        const char *gate;
        bool holds;
    } rows[] = {
        {100, 50, 50, "t: >= -0.04 at 95%", true},  /* no change of 100: -0.0370 to 0.0370 */
        {100, 50, 50, "t: >= -0.03 at 95%", false}, /* too few items to show that */
        {100, 50, 50, "t: >= -0.03 at 80%", true},
        {100, 50, 50, "t: > +0 at 95%", false}, /* better is not shown */
        {100, 50, 55, "t: > +0 at 95%", false}, /* 5 won, 0 lost: p = 0.0625 */
        {100, 50, 56, "t: > +0 at 95%", true},  /* p = 0.03125 */
        {100, 50, 55, "t: > +0 at 90%", true},
        {100, 50, 47, "t: not < -0 at 95%", true}, /* 3 lost of 100 may be chance */
        {100, 50, 44, "t: not < -0 at 95%", false},
        {100, 50, 44, "t: not < -0.05 at 95%", true}, /* worse, but perhaps by less */
        {100, 50, 0, "t: not < -0.05 at 95%", false},
        {100, 50, 88, "t: >= 0.8 at 95%", true}, /* Wilson: 0.802 to 0.930 */
        {100, 50, 87, "t: >= 0.8 at 95%", false},
        {100, 50, 87, "t: >= 0.8", true},
        {100, 50, 49, "t: >= -2%", true}, /* of 0.5: -0.01 */
        {100, 50, 48, "t: >= -2%", false},
        {100, 50, 56, "t: > +1% at 95%", false},
        {100, 50, 70, "t: > +1% at 95%", true},
        {100, 50, 50, "t: <= +0.04 at 95%", true},
        {100, 50, 50, "t.f: >= 0.5 at 95%", true}, /* measured, all the same */
        {100, 50, 50, "t.f: > +0 at 95%", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *before = suite(rows[i].n, 0, rows[i].right_before);
        json_t *after = suite(rows[i].n, 0, rows[i].right_after);
        err result = check(rows[i].gate, before, after);
        if (result != (rows[i].holds ? ERR_OK : ERR_GATE))
            fail_msg("%s, %d to %d of %d: %s", rows[i].gate, rows[i].right_before,
                     rows[i].right_after, rows[i].n, err_message());
        json_decref(before);
        json_decref(after);
    }
}

static void a_missed_gate_tells_pairs_and_items(void **state) {
    (void)state;
    json_t *before = suite(40, 0, 20), *after = suite(40, 18, 4);
    const char *item = "t: >= -0.02 at 95%";
    struct opt_list gates = {.items = &item, .n = 1};
    struct str lines = {0};
    json_t *outcomes = NULL;
    assert_fails(check_all(&gates, before, after, &lines), ERR_GATE,
                 "gate t: change -0.4000 from 0.5000 to 0.1000 (-0.5");
    assert_non_null(strstr(err_message(), "(2 won, 18 lost, 20 the same of 40; p = 0.000402)"));
    assert_non_null(strstr(str_text(&lines), "wanted >= -0.02 at 95%: missed by 0."));
    assert_non_null(
        strstr(str_text(&lines), "  lost: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 6 more\n"));
    assert_ok(gates_hold(&gates, before, after, &outcomes));
    const json_t *one = json_array_get(outcomes, 0);
    const json_t *lost = json_object_get(json_object_get(one, "paired"), "lost");
    assert_int_equal(json_array_size(lost), 18);
    assert_true(json_is_false(json_object_get(one, "holds")));
    assert_true(json_number_value(json_object_get(one, "bound")) == -0.02);
    json_decref(outcomes);
    str_release(&lines);
    assert_fails(check("t.loss: <= 1 at 95%", before, after), ERR_UNSUPPORTED,
                 "no 'loss' of each item");
    assert_fails(check("t.loss: <= 1", before, after), ERR_GATE, "missed by 1.0000");
    json_t *none = suite(40, 0, 0);
    assert_fails(check("t: >= -2%", none, after), ERR_RANGE, "the score before is 0");
    json_t *below = report(0.5, 10, -0.5); /* -2 per cent of it would be a rise of 0.01 */
    assert_fails(check("validation: >= -2%", below, below), ERR_RANGE, "the score before is -0.5");
    json_decref(below);
    json_decref(none);
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

/* A case that one evaluation asked once more than the other: no gate passes over it. */
static void a_copy_without_a_partner_is_told(void **state) {
    (void)state;
    json_t *twice = json_pack("{s:[{s:s, s:s, s:{s:f}, s:[{s:s,s:s,s:b}, {s:s,s:s,s:b}]}]}",
                              "tasks", "task", "requests", "metric", "exact_match", "scores",
                              "exact_match", 1.0, "items", "request", "r", "prompt", "p", "exact",
                              1, "request", "r", "prompt", "p", "exact", 1);
    json_t *once = json_deep_copy(twice);
    json_t *items = json_object_get(json_array_get(json_object_get(once, "tasks"), 0), "items");
    assert_int_equal(json_array_remove(items, 0), 0);
    assert_fails(check("requests: >= +0", once, twice), ERR_MISMATCH,
                 "not those after: 0 only before, 1 only after");
    assert_ok(check("requests: >= +0", twice, twice));
    json_decref(once);
    json_decref(twice);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_read),
        cmocka_unit_test(malformed_conditions_are_quoted),
        cmocka_unit_test(confidence_and_percent_are_read),
        cmocka_unit_test(confidence_decides_by_the_interval),
        cmocka_unit_test(a_missed_gate_tells_pairs_and_items),
        cmocka_unit_test(gates_say_by_how_much),
        cmocka_unit_test(every_missed_gate_is_named),
        cmocka_unit_test(a_copy_without_a_partner_is_told),
        cmocka_unit_test(table_pairs_requests),
        cmocka_unit_test(foreign_reports_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
