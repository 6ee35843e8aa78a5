/* SPDX-License-Identifier: Apache-2.0
 * The page of an evaluation: texts are cut so that all of them fit and no character is split,
 * sealed items show hashes, an item's kind is what became of it, and answers that were kept are
 * shown whole.
 * Read next: eval/page.h; tests/shell/test_report_html.sh looks at it in a browser. */
#include "tests/unit/test.h"

#include "eval/page.h"

static json_t *parsed(const char *text) {
    json_t *value = NULL;
    assert_ok(json_parse(text, strlen(text), "test", &value));
    return value;
}

static json_t *report_of(bool first, bool second, const char *asked) {
    json_t *items = json_pack("[{s:s, s:s, s:s, s:s, s:b, s:f}, {s:s, s:s, s:s, s:s, s:b, s:f}]",
                              "request", "r", "prompt", asked, "expected", "<e>", "got",
                              first ? "<e>" : "no", "exact", (int)first, "rouge_l", 0.5, "request",
                              "r", "prompt_sha256", "feed", "expected_sha256", "beef", "got_sha256",
                              "cafe", "exact", (int)second, "rouge_l", 0.5);
    int right = first + second;
    assert_non_null(items);
    json_t *report = json_pack(
        "{s:i, s:{s:s, s:n}, s:{}, s:[{s:s, s:s, s:{s:f, s:f}, s:i, s:i, s:[f,f], s:[], s:o}]}",
        "cotrain_eval", 1, "subject", "model", "aa", "adapter", "settings", "tasks", "task",
        "requests", "metric", "exact_match", "scores", "exact_match", right / 2.0, "rouge_l", 0.5,
        "n", 2, "correct", right, "interval", 0.1, 0.9, "requests", "items", items);
    assert_non_null(report);
    return report;
}

static void items_say_what_became_of_them(void **state) {
    (void)state;
    json_t *before = report_of(true, false, "asked"), *after = report_of(false, true, "asked");
    struct str out = {0};
    assert_ok(eval_page_write(&(struct eval_page){.before = before, .after = after}, &out));
    const char *lost = strstr(str_text(&out), "<details class=\"item lost\">");
    const char *won = strstr(str_text(&out), "<details class=\"item won\">");
    assert_true(lost != NULL && won != NULL && lost < won);
    assert_non_null(strstr(lost, "&lt;e&gt;"));
    assert_non_null(strstr(won, "<dt>asked (SHA-256)</dt><dd class=\"text\">feed</dd>"));
    assert_non_null(strstr(won, "<dt>expected (SHA-256)</dt><dd class=\"text\">beef</dd>"));
    assert_null(strstr(str_text(&out), "<e>"));
    str_clear(&out);
    assert_ok(eval_page_write(&(struct eval_page){.after = after}, &out));
    assert_non_null(strstr(str_text(&out), "<details class=\"item wrong\">"));
    assert_non_null(strstr(str_text(&out), "<details class=\"item right\">"));
    assert_null(strstr(str_text(&out), "<dt>before</dt>"));
    str_release(&out);
    json_decref(before);
    json_decref(after);
}

static int64_t count(const char *text, const char *what) {
    int64_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

/* A case that stands twice has become twice what it became; what the other list lacks is told. */
static void items_that_stand_twice_are_paired_twice(void **state) {
    (void)state;
    json_t *was = parsed("{\"task\": \"requests\", \"items\": ["
                         "{\"request\": \"r\", \"prompt\": \"p\", \"exact\": true},"
                         "{\"request\": \"r\", \"prompt\": \"p\", \"exact\": false}]}");
    json_t *is = parsed("{\"task\": \"requests\", \"items\": ["
                        "{\"request\": \"r\", \"prompt\": \"p\", \"exact\": true},"
                        "{\"request\": \"r\", \"prompt\": \"q\", \"exact\": true},"
                        "{\"request\": \"r\", \"prompt\": \"p\", \"exact\": false},"
                        "{\"request\": \"r\", \"prompt\": \"p\", \"exact\": false}]}");
    struct str out = {0};
    assert_ok(
        eval_page_items(&(struct eval_page_items){.was = was, .is = is, .text_bytes = 256}, &out));
    assert_int_equal(count(str_text(&out), "<details class=\"item right\">"), 2);
    assert_int_equal(count(str_text(&out), "<details class=\"item wrong\">"), 2);
    assert_null(strstr(str_text(&out), "class=\"item won\""));
    assert_null(strstr(str_text(&out), "class=\"item lost\""));
    assert_non_null(strstr(str_text(&out), "Items without a partner: 2 after, 0 before."));
    str_clear(&out);
    assert_ok(
        eval_page_items(&(struct eval_page_items){.was = is, .is = was, .text_bytes = 256}, &out));
    assert_non_null(strstr(str_text(&out), "Items without a partner: 0 after, 2 before."));
    str_clear(&out);
    assert_ok(
        eval_page_items(&(struct eval_page_items){.was = is, .is = is, .text_bytes = 256}, &out));
    assert_null(strstr(str_text(&out), "without a partner"));
    str_clear(&out);
    assert_ok(eval_page_items(&(struct eval_page_items){.is = is, .text_bytes = 256}, &out));
    assert_null(strstr(str_text(&out), "without a partner"));
    str_release(&out);
    json_decref(was);
    json_decref(is);
}

static void texts_fit_together(void **state) {
    (void)state;
    enum { N = 3000 };
    struct str long_text = {0}, out = {0};
    int64_t n_cut = 0;
    for (int i = 0; i < N; i++) assert_ok(str_add(&long_text, "中"));
    json_t *after = report_of(true, true, str_text(&long_text));
    const struct eval_page page = {.after = after};
    assert_int_equal(eval_page_text_bytes(&page, 1 << 20, &n_cut), 65536);
    assert_int_equal(n_cut, 0);
    assert_int_equal(eval_page_text_bytes(&page, 5000, &n_cut), 4096);
    assert_int_equal(n_cut, 1);
    assert_int_equal(eval_page_text_bytes(&page, 0, &n_cut), 256);
    const struct eval_page_items items = {
        .is = json_array_get(json_object_get(after, "tasks"), 0), .text_bytes = 256, .most = 1};
    assert_ok(eval_page_items(&items, &out));
    /* 85 characters are 255 bytes, and the next one would be the 258th */
    assert_non_null(strstr(str_text(&out), "\xE4\xB8\xAD<span class=\"soft\">… and 2915 more"));
    assert_non_null(strstr(str_text(&out), "1 of 2 items; the reports have all of them"));
    str_release(&out);
    str_release(&long_text);
    json_decref(after);
}

static void kept_answers_are_shown(void **state) {
    (void)state;
    json_t *after =
        parsed("{\"cotrain_eval\": 1, \"subject\": {\"model\": \"aa\"}, \"settings\": {},"
               " \"tasks\": [{\"task\": \"mine\", \"metric\": \"accuracy\","
               " \"scores\": {\"accuracy\": 1.0}, \"n\": 1, \"correct\": 1,"
               " \"interval\": [0.2, 1.0], \"items\": [{\"item\": 4, \"gold\": \"B\","
               " \"extracted\": \"B\", \"correct\": true}]}]}");
    json_t *answers = parsed("{\"mine\": [{\"item\": 4, \"prompt\": \"which?\","
                             " \"answer\": \"it is B\"}], \"other\": []}");
    struct str out = {0};
    assert_ok(eval_page_write(&(struct eval_page){.after = after, .answers_after = answers}, &out));
    assert_non_null(strstr(str_text(&out), "<dt>asked</dt><dd class=\"text\">which?</dd>"));
    assert_non_null(strstr(str_text(&out), "<dt>answer</dt><dd class=\"text\">it is B</dd>"));
    assert_non_null(strstr(str_text(&out), "extracted: B</p>"));
    str_release(&out);
    json_decref(answers);
    json_decref(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_say_what_became_of_them),
        cmocka_unit_test(items_that_stand_twice_are_paired_twice),
        cmocka_unit_test(texts_fit_together),
        cmocka_unit_test(kept_answers_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
