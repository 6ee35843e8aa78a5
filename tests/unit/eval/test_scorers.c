/* SPDX-License-Identifier: Apache-2.0
 * The scorers' rules one by one, on records made by hand: what each rule takes, what it does not,
 * and where the official programs end with an error.
 * Under test: eval/scorers/, eval/score.h. */
#include "tests/unit/test.h"

#include "eval/suite.h"

struct row {
    const char *text;
    bool correct;
    const char *error;
};

static struct suite_items items;
static struct arena arena;

static void add(const char *question, const char *gold) {
    struct suite_item *item = NULL;
    assert_ok(suite_items_add(&items, &item));
    item->question = question;
    item->gold = gold;
    item->prompt = question;
}

static void check(const struct scorer *scorer, const struct row *rows, size_t n) {
    struct scoring s;
    assert_ok(scoring_open(&s, scorer, &items, &arena));
    for (size_t i = 0; i < n; i++) {
        const struct scored_answer a = {.text = text_span(rows[i].text)};
        struct verdict v = {0};
        assert_ok(scorer->score(&s, &a, &v));
        if (v.correct != rows[i].correct ||
            strcmp(v.error ? v.error : "", rows[i].error ? rows[i].error : "") != 0)
            fail_msg("%s: correct %d, error %s, extracted %s", rows[i].text, v.correct,
                     v.error ? v.error : "none", v.extracted ? v.extracted : "none");
    }
    scoring_close(&s);
}
#define CHECK(scorer, rows) check(scorer, rows, sizeof(rows) / sizeof(rows)[0])

static int clear(void **state) {
    (void)state;
    suite_items_release(&items);
    arena_release(&arena);
    return 0;
}

static void numbers_of_the_last_line(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"一共几个？[SEP]先算。<n>所以是1,450个", true, NULL},
        {"一共几个？[SEP]1450", true, NULL},
        {"一共几个？[SEP]x=1450.00元", true, NULL},
        {"一共几个？[SEP]是 1 4 5 0", true, NULL}, /* spaces are gone */
        {"一共几个？[SEP]是１４５０", true, NULL}, /* digits of full width */
        {"一共几个？[SEP]是\\frac{2900}{2}", true, NULL},
        {"一共几个？[SEP]是\\boxed{1450}", true, NULL},
        {"一共几个？[SEP]是1450、2、3", true, NULL}, /* one of the last three */
        {"一共几个？[SEP]是11450", false, NULL},
        {"一共几个？[SEP]是1450、2、3、4", false, NULL},
        {"一共几个？[SEP]是1450x", false, NULL},
        {"一共几个？[SEP]是1450。<n>完毕", true, NULL}, /* the last line has no digit */
        {"一共几个？[SEP]1450<n>甲<n>乙<n>丙", false, NULL},
        {"一共几个？[SEP]和=1450<n>其他", true, NULL},
        {"一共几个？[SEP]是2900/2", true, NULL},
        {"一共几个？[SEP]是7/0", false, "ZeroDivisionError"},
        {"一共几个？[SEP]是29.5/2.5", false, "ValueError"},
        {"一共几个？[SEP]没有数<n><n>", false, NULL},
        {"请解答。<n>一共几个？[SEP]是1,450", true, NULL},
        {"请解答。<n>一共几个？[SEP]是1450.0", false, "KeyError"},
        {"别的问题[SEP]1450", false, "UnboundLocalError"},
        {"一共几个？", false, "IndexError"},
        {"", false, "skipped"},
        {"一共几个？[SEP]\x01\x7f 1450", true, NULL},
    };
    add("一共几个？", "1,450");
    CHECK(&scorer_gsm8k, rows);
}

static void letters_of_an_answer(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"选哪个？[SEP]B", true, NULL},
        {"选哪个？[SEP]故选：B。", true, NULL},
        {"选哪个？[SEP]故选A，不对，故选B", true, NULL}, /* the last one counts */
        {"选哪个？[SEP]正确答案是（B）", true, NULL},
        {"选哪个？[SEP]A不对。<n>所以答案选B。", true, NULL},
        {"选哪个？[SEP]b", false, NULL},
        {"选哪个？[SEP]BA", false, NULL},
        {"选哪个？[SEP]A错误，B正确", true, NULL},
        {"选哪个？[SEP]（A）（B）", false, NULL},
        {"选哪个？[SEP]", false, NULL},
        {"不正确的是哪个？[SEP]A正确，C错误", true, NULL},
        {"都选哪些？[SEP]故选DCA", true, NULL}, /* sorted */
        {"都选哪些？[SEP]故选A、C和D", true, NULL},
        {"没有这个问题[SEP]B", false, "skipped"},
        {"选哪个？", false, "IndexError"},
    };
    add("选哪个？", "B");
    add("不正确的是哪个？", "C");
    add("都选哪些？", "ACD");
    CHECK(&scorer_mathqa, rows);
}

static void the_exact_sentence(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"问<sep>正确答案是A选项。<eod>", true, NULL},
        {"问<sep> 正确 答案是A选项。其余不对。", true, NULL},
        {"问<sep>正确答案是A选项", false, NULL},
        {"问<sep>正确答案是B选项。", false, NULL},
        {"问<sep>\n正确答案是A选项。", false, NULL},
        {"一二三四正确答案是A选项。", true, NULL}, /* no <sep>: from the fifth character on */
        {"", false, NULL},
    };
    CHECK(&scorer_truthfulqa, rows);
}

static void blanks_that_say_the_same(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"一空( )[SEP]\\boxed{\\frac12}", true, NULL},
        {"一空( )[SEP]经计算，答案是0.5。", true, NULL},
        {"一空( )[SEP]x<n>x=1/2", true, NULL},
        {"一空( )[SEP]答案是\\frac{1}{3}", false, NULL},
        {"一空( )[SEP]", false, NULL},
        {"两空( ),( )[SEP]答案：5；\\sqrt{4}", true, NULL},
        {"两空( ),( )[SEP]答案是5和2", true, NULL},
        {"两空( ),( )[SEP]答案是2;5", false, NULL},
        {"两空( ),( )[SEP]答案是5", false, NULL},
        {"无此题[SEP]5", false, "unknown question"},
    };
    add("一空( )", "\\frac {1}{2}");
    add("两空( ),( )", "5;2");
    CHECK(&scorer_cloze, rows);
}

static void an_equal_option_is_not_enough(void **state) {
    (void)state;
    static const struct {
        double sum[2];
        int n_tokens[2];
        bool correct, per_token;
    } rows[] = {
        {{-2.0, -3.0}, {1, 3}, true, false},
        {{-3.0, -2.0}, {3, 1}, false, true},
        {{-2.0, -2.0}, {2, 2}, false, false},
    };
    struct scoring s;
    assert_ok(scoring_open(&s, &scorer_choices, &items, &arena));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *line = json_pack("{s:[{s:f,s:i,s:i},{s:f,s:i,s:i}]}", "choices", "log_likelihood",
                                 rows[i].sum[0], "n_tokens", rows[i].n_tokens[0], "n_characters", 4,
                                 "log_likelihood", rows[i].sum[1], "n_tokens", rows[i].n_tokens[1],
                                 "n_characters", 4);
        const struct scored_answer a = {.json = line};
        struct verdict v = {0};
        assert_ok(scorer_choices.score(&s, &a, &v));
        assert_int_equal(v.correct, rows[i].correct);
        assert_int_equal(v.extra[0], rows[i].per_token);
        json_decref(line);
    }
    json_t *none = json_pack("{s:[]}", "choices");
    const struct scored_answer a = {.json = none};
    struct verdict v = {0};
    assert_fails(scorer_choices.score(&s, &a, &v), ERR_PARSE, "two options");
    json_decref(none);
    scoring_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(numbers_of_the_last_line, clear),
        cmocka_unit_test_teardown(letters_of_an_answer, clear),
        cmocka_unit_test_teardown(the_exact_sentence, clear),
        cmocka_unit_test_teardown(blanks_that_say_the_same, clear),
        cmocka_unit_test_teardown(an_equal_option_is_not_enough, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
