/* SPDX-License-Identifier: Apache-2.0
 * Characters with their places, what Markdown says of lines, the language of patterns, and that
 * every row of the tables is written in it.
 * Under test: issues/read/text.h, issues/read/pattern.h, issues/read/label.h. */
#include "tests/unit/test.h"

#include "issues/read/condense.h"
#include "issues/read/cues.h"
#include "issues/read/label.h"

static struct arena arena;

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct text text_of(const char *utf8) {
    struct text t;
    assert_ok(text_read(utf8, false, &arena, &t));
    return t;
}

static struct range whole(const struct text *t) {
    return (struct range){0, t->n};
}

static void places_count_the_characters_of_the_body(void **state) {
    (void)state;
    /*  0:輸 1:ZWSP 2:入 3:： 4:CR 5:LF 6:BOM 7:Ａ 8:bad byte 9:😀 10:RLO 11:b */
    struct text t = text_of("輸\u200b入：\r\n\ufeffＡ\xff😀\u202e"
                            "b");
    static const int64_t at[] = {0, 2, 3, 5, 7, 8, 9, 11};
    static const char32_t fold[] = U"输入:\na\uFFFD😀b";
    assert_int_equal(t.n, 8);
    for (int64_t i = 0; i < t.n; i++) {
        assert_int_equal(t.at[i], at[i]);
        assert_int_equal(t.fold[i], fold[i]);
    }
    assert_int_equal(t.at[t.n], 12);
    struct piece piece;
    assert_ok(piece_of(&t, (struct range){0, 2}, &arena, &piece));
    assert_string_equal(piece.text, "輸入"); /* as written, without what nobody sees */
    assert_int_equal(piece.begin, 0);
    assert_int_equal(piece.end, 3);
    struct text empty = text_of("");
    assert_int_equal(empty.n, 0);
    assert_int_equal(empty.n_lines, 1);
}

static void a_text_over_the_maximum_is_cut(void **state) {
    (void)state;
    size_t n = TEXT_MAX_POINTS + 10;
    char *long_text = malloc(n + 1);
    assert_non_null(long_text);
    memset(long_text, 'x', n);
    long_text[n] = '\0';
    struct text t = text_of(long_text);
    assert_int_equal(t.n, TEXT_MAX_POINTS);
    assert_true(t.cut);
    free(long_text);
}

static void pieces_are_stretches_with_joints(void **state) {
    (void)state;
    struct text t = text_of("medical: doctors, patients");
    struct piece_draft d = {.text = &t, .arena = &arena};
    struct piece piece;
    piece_add(&d, (struct range){0, 7});
    piece_join(&d, " (");
    piece_add(&d, (struct range){18, 26});
    piece_join(&d, ")");
    assert_ok(piece_end(&d, &piece));
    assert_string_equal(piece.text, "medical (patients)");
    assert_int_equal(piece.n_stretches, 2);
    assert_int_equal(piece.stretches[1].begin, 18);
    assert_int_equal(piece.end, 26);
    struct piece_draft none = {.text = &t, .arena = &arena};
    assert_ok(piece_end(&none, &piece));
    assert_null(piece.text);
}

static void lines_are_what_markdown_says(void **state) {
    (void)state;
    struct text t =
        text_of("## Head\n##头\n#12 is fixed\n\n> quote\n- [ ] box\n```c\n# code\n> code\n``\n```\n"
                "| a | b |\n|---|:-:|\n| c | d |\n---\n<!-- gone\nstill -->\n[//]: # (x)\nwords");
    static const enum line_kind kinds[] = {
        LINE_HEADING, LINE_HEADING, LINE_WORDS,  LINE_BLANK,  LINE_QUOTE, LINE_BOX,    LINE_FENCE,
        LINE_CODE,    LINE_CODE,    LINE_CODE,   LINE_FENCE,  LINE_TABLE, LINE_BORDER, LINE_TABLE,
        LINE_RULE,    LINE_HIDDEN,  LINE_HIDDEN, LINE_HIDDEN, LINE_WORDS};
    assert_int_equal(t.n_lines, sizeof kinds / sizeof kinds[0]);
    for (int64_t i = 0; i < t.n_lines; i++) {
        if (t.lines[i].kind != kinds[i])
            fail_msg("line %d is of kind %d, not %d", (int)i, t.lines[i].kind, kinds[i]);
        assert_int_equal(text_line_at(&t, t.lines[i].at.begin), i);
    }
    t = text_of(
        "see ![a](http://x/error) and [report](http://y/failed) <b>bold</b> https://z/bug end");
    for (int64_t i = 0; i < t.n; i++) {
        bool said = t.said[i] != TEXT_STOP;
        if (!said) t.point[i] = '_';
    }
    struct piece piece;
    assert_ok(piece_of(&t, whole(&t), &arena, &piece));
    assert_null(strstr(piece.text, "error"));
    assert_null(strstr(piece.text, "failed"));
    assert_null(strstr(piece.text, "bug"));
    assert_non_null(strstr(piece.text, "report"));
    assert_non_null(strstr(piece.text, "bold"));
}

static bool finds(const char32_t *pattern, const char *words) {
    struct text t = text_of(words);
    return pattern_find(pattern, t.said, whole(&t), NULL);
}

static void patterns_match(void **state) {
    (void)state;
    assert_true(finds(U"训练", "预训练模型"));
    assert_true(finds(U"支持(gguf|vllm)", "请支持 GGUF 格式")); /* a blank beside Chinese */
    assert_false(finds(U"train", "constrained training"));      /* whole words */
    assert_true(finds(U"train*", "constrained training"));
    assert_true(finds(U"fine tune", "please fine-tune it"));
    assert_false(finds(U"fine tune", "finetune"));
    assert_true(finds(U"(希望|建议)~训练", "希望你们下个月能训练"));
    assert_false(finds(U"(希望|建议)~训练", "希望如此。训练")); /* not over a sentence */
    assert_false(
        finds(U"希望~训练", "希望一二三四五六七八九十一二三四五六七训练")); /* 17 between */
    assert_true(finds(U"^(请)?训练$", "训练"));
    assert_false(finds(U"^训练$", "训练它"));
    assert_true(finds(U"在#(上|$)", "在医院"));
    assert_false(finds(U"在#上", "在上"));
    assert_true(finds(U"(a|b)?c", "xc") == false);
    assert_true(finds(U"\\?", "为什么？"));
    struct text t = text_of("我们是做跨境电商的，每天翻译");
    struct match m;
    assert_true(pattern_find(U"(我们)(是)?做#(的|,|$)", t.said, whole(&t), &m));
    assert_int_equal(m.n, 1);
    assert_int_equal(m.parts[0].begin, 4);
    assert_int_equal(m.parts[0].end, 8);
}

/* Names the row and says what is wrong with it, as issues/read/pattern.h has the language. */
static void expect_well_formed(const char *table, int row, const char32_t *p) {
    bool inside = false;
    int parts = 0;
    char32_t before = 0;
    for (; *p; before = *p++) {
        const char *wrong = NULL;
        if (*p == '\\')
            wrong = p[1] ? NULL : "ends in a backslash";
        else if (*p == '(')
            wrong = inside ? "has a choice inside a choice" : NULL;
        else if (*p == ')')
            wrong = !inside || before == '(' || before == '|' ? "has an empty choice" : NULL;
        else if (*p == '|')
            wrong = !inside || before == '(' || before == '|' ? "has an empty choice" : NULL;
        else if (*p == '?')
            wrong = before != ')' ? "has a ? behind no choice" : NULL;
        else if (*p == '~' || *p == '#' || *p == '^')
            wrong = inside ? "has a mark inside a choice" : NULL;
        else if (*p == '*')
            wrong = !point_latin(before) ? "has a * behind no word" : NULL;
        else if (*p >= 'A' && *p <= 'Z')
            wrong = "has a capital, which no folded text has";
        if (wrong) fail_msg("%s: row %d %s", table, row, wrong);
        inside = *p == '(' || (inside && *p != ')');
        parts += *p == '#';
        if (*p == '\\') p++;
    }
    if (inside || parts > PATTERN_MAX_PARTS) fail_msg("%s: row %d is cut off", table, row);
}

static void every_row_is_well_formed(void **state) {
    (void)state;
    for (int i = 0; i < n_cue_rows; i++) expect_well_formed("cues.def", i, cue_rows[i].pattern);
    for (int i = 0; i < n_phrase_rows; i++)
        expect_well_formed("phrases.def", i, phrase_rows[i].pattern);
    /* Folded: traditional characters in a pattern would match nothing. */
    assert_true(finds(U"场景", "場景"));
}

struct wanted {
    enum label_field field;
    int number;
    const char *value; /* trimmed */
};

static void expect_labels(const char *body, const struct wanted *wanted, int64_t n) {
    struct text t = text_of(body);
    struct label_list labels;
    assert_ok(labels_find(&t, &arena, &labels));
    if (labels.n != n) fail_msg("'%s': %d labels, not %d", body, (int)labels.n, (int)n);
    for (int64_t i = 0; i < n; i++) {
        struct piece piece;
        assert_ok(piece_of(&t, range_trim(&t, labels.items[i].value), &arena, &piece));
        if (labels.items[i].field != wanted[i].field ||
            labels.items[i].number != wanted[i].number ||
            strcmp(piece.text ? piece.text : "", wanted[i].value) != 0)
            fail_msg("'%s': label %d is of field %d, number %d, value '%s'", body, (int)i,
                     labels.items[i].field, labels.items[i].number, piece.text);
    }
}
#define LABELS(body, ...)                                                                          \
    do {                                                                                           \
        static const struct wanted wanted_[] = {__VA_ARGS__};                                      \
        expect_labels(body, wanted_, sizeof wanted_ / sizeof wanted_[0]);                          \
    } while (0)

static void labels_are_found_in_every_dress(void **state) {
    (void)state;
    static const char *const dresses[] = {
        "场景需求：A",     "场景需求: A",       "1.场景需求：A",     "一、场景需求：A",
        "(1) 场景需求：A", "（1）场景需求：A",  "① 场景需求：A",     "**1. 场景需求**：A",
        "**场景需求**：A", "**场景需求：** A",  "### 场景需求\nA",   "### 场景 / Scenario\n\nA",
        "- 场景需求：A",   "* **场景需求**: A", "【场景需求】A",     "【场景需求】：A",
        "場景需求：A",     "场 景 需 求 ： A",  "场\u200b景需求：A", "Ｓｃｅｎａｒｉｏ：A",
        "Scenario: A",     "SCENARIO : A",      "Use case: A",       "> 引用\n场景：A",
        "🚀场景：A",        "场景（必填）：A",   "应用场景描述：A",   "Scenario (required): A",
        "Scenario - A",    "**Scenario**\nA",   "场景：\nA",         "1)场景:A"};
    for (size_t i = 0; i < sizeof dresses / sizeof dresses[0]; i++) {
        static const struct wanted one[] = {{FIELD_scenario, 0, "A"}};
        expect_labels(dresses[i], one, 1);
    }
    LABELS("输入：用户问题，输出：正确的答案。", {FIELD_input, 0, "用户问题，"},
           {FIELD_output, 0, "正确的答案。"});
    LABELS("输入为：甲，输出为：乙", {FIELD_input, 0, "甲，"}, {FIELD_output, 0, "乙"});
    LABELS("输入为一段文本，输出为摘要", {FIELD_input, 0, "一段文本，"}, {FIELD_output, 0, "摘要"});
    LABELS("Input: a Output: b", {FIELD_input, 0, "a"}, {FIELD_output, 0, "b"});
    LABELS("例1\n输入：a\n输出：b", {FIELD_example, 1, ""}, {FIELD_input, 0, "a"},
           {FIELD_output, 0, "b"});
    LABELS("输入1：a", {FIELD_input, 1, "a"});
    LABELS("输入示例：a", {FIELD_input_example, 0, "a"});
    LABELS("| 项目 | 内容 |\n|--|--|\n| 场景 | A |", {FIELD_scenario, 0, "A"});
}

static void what_is_no_label(void **state) {
    (void)state;
    static const char *const none[] = {"```\n场景：A\n```", "> 场景：A",         "<!-- 场景：A -->",
                                       "场景需求很多",      "我想输入：法",      "\"input\": \"x\"",
                                       "输出为空",          "输入是什么？",      "这个场景 很好",
                                       "input_ids: 3",      "http://a.b/输入:x", "- [ ] 场景：A"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) expect_labels(none[i], NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_count_the_characters_of_the_body),
        cmocka_unit_test(a_text_over_the_maximum_is_cut),
        cmocka_unit_test(pieces_are_stretches_with_joints),
        cmocka_unit_test(lines_are_what_markdown_says),
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(every_row_is_well_formed),
        cmocka_unit_test(labels_are_found_in_every_dress),
        cmocka_unit_test(what_is_no_label),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, release);
}
