/* SPDX-License-Identifier: Apache-2.0
 * Drafts of replies: what each kind says, what is left out when it is not given, what is refused,
 * that strangers' texts stay one code span, and that a marker is found where it counts.
 * Under test: issues/reply/reply.h. Their rendering is tested by test_reply_render.c. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "tests/unit/issues/drafts.h"

static struct str out;

static int clear(void **state) {
    (void)state;
    str_release(&out);
    return 0;
}

static const char *draft(const struct reply *r) {
    str_clear(&out);
    assert_ok(reply_draft(r, &out));
    return str_text(&out);
}

static void drafted(const struct reply *r, const char *wanted) {
    assert_string_equal(draft(r), wanted);
}

static void has(const struct reply *r, const char *part) {
    if (!strstr(draft(r), part)) fail_msg("no '%s' in\n%s", part, str_text(&out));
}

static void a_request_that_lacks_something_is_asked_for_it(void **state) {
    (void)state;
    static const char *const missing[] = {"output", "examples"};
    struct reply r = full_reply(REPLY_needs_information, "zh", "芯片代码的生成");
    r.missing = missing;
    r.n_missing = 2;
    r.reason = "日期有几种写法？";
    drafted(
        &r,
        "@dev-001 您好，\n\n感谢您提交需求。\n\n> 场景：`芯片代码的生成`\n\n"
        "为了评审并准备数据，还需要您补充。\n\n"
        "- 输出：希望模型给出什么内容，是什么格式\n"
        "- 示例输入：一两组例子，每组是一段真实形式的输入和您期望的输出（请勿含个人信息）\n\n"
        "> 想进一步了解：`日期有几种写法？`\n\n"
        "请复制下面的内容，填写后在这里回复（每一项都写上，便于直接采用）：\n\n"
        "```text\n场景需求：芯片代码的生成\n输入：\n输出：\n示例输入：\n示例输出：\n```\n\n"
        "填写形式举例：\n\n"
        "```text\n场景需求：客服：从用户留言中整理退货单\n输入：一条用户留言，中文\n"
        "输出：JSON，含订单号、商品、原因三个字段\n示例输入：订单 A1024 的杯子到货时碎了，要退\n"
        "示例输出：{\"订单号\": \"A1024\", \"商品\": \"杯子\", \"原因\": \"破损\"}\n```\n\n"
        "收到补充后，需求将参加 2024 年 3 月训练计划的评审；如果暂时无法提供，也请告诉我们。\n\n"
        "<!-- cotrain:reply IEIT-Yuan/Yuan-2.0#22@1898012345 needs_information 2024-03 -->\n");
}

static void english_is_answered_in_english(void **state) {
    (void)state;
    struct reply r = full_reply(REPLY_accepted, "en", "chip code");
    drafted(&r,
            "Hello @dev-001,\n\n> Scenario: `chip code`\n\n"
            "Your request was accepted for the training plan of March 2024, at rank 2 of 7.\n\n> "
            "Reason: `chip code`\n\n"
            "Some cases are held out of the training. When the model is released, their results "
            "before and after training will be posted here, whether they are good or not.\n\n"
            "<!-- cotrain:reply IEIT-Yuan/Yuan-2.0#22@1898012345 accepted 2024-03 -->\n");
    r.language = "";
    has(&r, "Hello @dev-001,");
    r.language = NULL;
    has(&r, "Hello @dev-001,");
}

static void each_kind_says_what_it_was_given(void **state) {
    (void)state;
    static const struct {
        enum reply_kind kind;
        const char *zh[4], *en[4];
    } wanted[] = {
        {REPLY_received,
         {"需求已收到", "参加 2024 年 3 月训练计划的评审"},
         {"It has been received", "training plan of March 2024"}},
        {REPLY_accepted,
         {"排序第 2 位（共 7 项）。", "> 说明：`T`"},
         {"at rank 2 of 7.", "> Reason: `T`"}},
        {REPLY_carried_over,
         {"2024 年 3 月训练计划没有排上", "已转入 2024 年 4 月继续评审", "> 原因：`T`"},
         {"training plan of March 2024", "review for April 2024", "> Reason: `T`"}},
        {REPLY_rejected,
         {"没有列入 2024 年 3 月训练计划", "> 原因：`T`"},
         {"not added to the training plan of March 2024", "> Reason: `T`"}},
        {REPLY_merged,
         {"与 `IEIT-Yuan/Yuan-2.0#22@1800000002` 内容相近", "<https://github.com/IEIT-Yuan/"},
         {"close to `IEIT-Yuan/Yuan-2.0#22@1800000002`", "reported there: <https://github.com/"}},
        {REPLY_released,
         {"模型 `T` 已发布", "<https://huggingface.co/IEITYuan/Yuan2-2B-Mars-hf>",
          "24 个案例：训练前得分 12.5%，训练后得分 41.7%（+29.2 个百分点）", "> 说明：`T`"},
         {"model `T`, trained under the plan of March 2024", "On the 24 cases",
          "scored 12.5% before", "41.7% after it (+29.2 percentage points)"}},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct reply zh = full_reply(wanted[i].kind, "zh", "T"),
                     en = full_reply(wanted[i].kind, "en", "T");
        for (int k = 0; k < 4; k++) {
            if (wanted[i].zh[k]) has(&zh, wanted[i].zh[k]);
            if (wanted[i].en[k]) has(&en, wanted[i].en[k]);
        }
        has(&zh, "\n> 场景：`T`\n");
        has(&en, "\n> Scenario: `T`\n");
    }
}

/* Every line of every kind can be said, and none shows a name of a field. */
static void no_template_is_left_unfilled(void **state) {
    (void)state;
    for (int kind = 0; kind < REPLY_COUNT; kind++) {
        assert_true(*reply_rows[kind].help);
        for (int language = 0; language < 2; language++) {
            struct reply r = full_reply((enum reply_kind)kind, language ? "en" : "zh", "T");
            const char *text = draft(&r);
            assert_null(strstr(text, "{hello"));
            assert_null(strstr(text, "\n\n\n"));
            assert_true(text[0] != '\n');
            const char *brace = strchr(text, '{'); /* of the example alone */
            assert_true(!brace || brace[1] == '"');
        }
    }
}

static void what_is_not_given_is_left_out(void **state) {
    (void)state;
    struct reply r = {.kind = REPLY_released,
                      .language = "zh",
                      .id = "a/b#1",
                      .month = "2024-12",
                      .release_name = "Yuan2-2B-2024-12"};
    drafted(&r, "您好，\n\n按照 2024 年 12 月训练计划训练的模型 `Yuan2-2B-2024-12` "
                "已发布，其中包含您的需求。\n\n"
                "使用中有不符合预期的地方，欢迎继续反馈。\n\n"
                "<!-- cotrain:reply a/b#1 released 2024-12 -->\n");
    r = (struct reply){.kind = REPLY_accepted,
                       .language = "zh",
                       .id = "a/b#1",
                       .month = "2024-12",
                       .rank = 1,
                       .scenario = " \xE2\x80\x8B\n"};
    has(&r, "排序第 1 位。");
    assert_null(strstr(str_text(&out), "场景"));
}

static void refused(struct reply r, err code, const char *message) {
    str_clear(&out);
    assert_fails(reply_draft(&r, &out), code, message);
}

static void what_is_needed_is_asked_for(void **state) {
    (void)state;
    for (int kind = 0; kind < REPLY_COUNT; kind++) {
        struct reply r = {.kind = (enum reply_kind)kind, .id = "a/b#1", .month = "2024-03"};
        const char *last = strrchr(reply_rows[kind].needs, ',');
        last = last ? last + 1 : reply_rows[kind].needs;
        str_clear(&out);
        if (strcmp(last, "month") == 0)
            assert_ok(reply_draft(&r, &out));
        else
            refused(r, ERR_MISSING, last);
        r.month = NULL;
        refused(r, ERR_MISSING, "needs the month");
        r.month = "2024-03";
        r.id = NULL;
        refused(r, ERR_MISSING, "needs the id");
    }
    struct reply r = full_reply(REPLY_rejected, "zh", "T");
    r.reason = "\xE2\x80\x8B";
    refused(r, ERR_MISSING, "'rejected' needs 'reason'");
}

static void ids_months_addresses_and_numbers_are_checked(void **state) {
    (void)state;
    static const char *const bad_ids[] = {
        "",        "a",       "a/b",       "a/b#",      "a/b#x",
        "a/b#1@",  "a/b#1@x", "a/b#1 -->", "a/b#1@2\n", "/b#1",
        "a/#1",    "a b/c#1", "a/b#1@2@3", "a/b/c#1",   "a/b#12345678901234567890",
        "a/<b>#1", "汉/b#1"};
    for (size_t i = 0; i < sizeof bad_ids / sizeof bad_ids[0]; i++) {
        struct reply r = full_reply(REPLY_received, "zh", "T");
        r.id = bad_ids[i];
        refused(r, ERR_PARSE, "is no id of a request");
        r = full_reply(REPLY_merged, "zh", "T");
        r.merged_with = bad_ids[i];
        refused(r, ERR_PARSE, "merged_with: '");
    }
    static const char *const bad_months[] = {"",        "2024-13",     "2024-00",
                                             "2024-3",  "24-03",       "2024-033",
                                             "2024/03", "2024-03 -->", "２０２４-03"};
    for (size_t i = 0; i < sizeof bad_months / sizeof bad_months[0]; i++) {
        struct reply r = full_reply(REPLY_carried_over, "zh", "T");
        r.month = bad_months[i];
        refused(r, ERR_PARSE, "is not a month, as 2024-03");
        r.month = "2024-03";
        r.to_month = bad_months[i];
        refused(r, ERR_PARSE, "to_month: '");
    }
    static const char *const bad_urls[] = {"http://a.b",    "javascript:alert(1)", "https://a b",
                                           "https://a>b",   "https://a\"b",        "https://u@h/x",
                                           "https://a/(b)", "https://a/\n",        "//a",
                                           "https://a/<b>", "https://a/`b`",       "https://汉.cn"};
    for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++) {
        struct reply r = full_reply(REPLY_released, "zh", "T");
        r.release_url = bad_urls[i];
        refused(r, ERR_PARSE, "release_url: '");
        r = full_reply(REPLY_merged, "en", "T");
        r.merged_url = bad_urls[i];
        refused(r, ERR_PARSE, "merged_url: '");
    }
    struct reply r = full_reply(REPLY_released, "zh", "T");
    r.after = 1.01;
    refused(r, ERR_RANGE, "a score of 1.01 is not from 0 to 1");
    r.after = 0.0 / 0.0;
    refused(r, ERR_RANGE, "is not from 0 to 1");
    r = full_reply(REPLY_accepted, "zh", "T");
    r.rank = 8;
    refused(r, ERR_RANGE, "rank 8 of 7");
}

static void scores_agree_with_their_difference(void **state) {
    (void)state;
    struct reply r = full_reply(REPLY_released, "en", "T");
    r.before = 0.3335;
    r.after = 0.1664;
    has(&r, "scored 33.4% before training and 16.6% after it (-16.8 percentage points)");
    r.after = r.before;
    has(&r, "(±0.0 percentage points)");
    r.before = 0;
    r.after = 1;
    has(&r, "scored 0.0% before training and 100.0% after it (+100.0 percentage points)");
}

static void only_what_can_be_a_login_is_mentioned(void **state) {
    (void)state;
    static const char *const good[] = {"a", "dev-001", "A1-b2-C3", "octo_acme",
                                       "a23456789012345678901234567890123456789"};
    static const char *const bad[] = {
        "",        "-a",    "a-",  "a--b",     "a b",  "a/b",
        "@a",      "a\n@b", "a.b", "app[bot]", "汉字", "a_",
        "_a",      "a_b_c", "a`b", "a]",       "a<b",  "a234567890123456789012345678901234567890",
        "org/team"};
    struct reply r = full_reply(REPLY_received, "en", "T");
    char wanted[80];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        r.login = good[i];
        snprintf(wanted, sizeof wanted, "Hello @%s,\n", good[i]);
        has(&r, wanted);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r.login = bad[i];
        has(&r, "Hello,\n");
        char *at = strchr(str_text(&out), '@');
        assert_true(at && strncmp(at, "@1898012345 received", 20) == 0); /* of the marker alone */
    }
}

static void quoted_as(const char *text, int64_t max, const char *wanted) {
    str_clear(&out);
    assert_ok(reply_quote(text, max, &out));
    assert_string_equal(str_text(&out), wanted);
}

static void quotes_are_one_code_span(void **state) {
    (void)state;
    quoted_as("a b", 10, "`a b`");
    quoted_as("  a \r\n\n b\t", 10, "`a b`");
    quoted_as("", 10, "");
    quoted_as(NULL, 10, "");
    quoted_as(" \n\xE2\x80\x8B", 10, "");
    quoted_as("a`b", 10, "``a`b``");
    quoted_as("`a`", 10, "`` `a` ``");
    quoted_as("a``b```", 10, "```` a``b``` ````");
    quoted_as("abc", 3, "`abc`");
    quoted_as("abcd", 3, "`abc…`");
    quoted_as("ab  ", 2, "`ab`");
    quoted_as("ab cd", 3, "`ab…`");
    quoted_as("汉字汉字", 2, "`汉字…`");
    quoted_as("a\xE2\x80\xAE"
              "b\xEF\xBB\xBF"
              "c\xF3\xA0\x81\x81",
              10, "`abc`");
    quoted_as("a\xFF"
              "b",
              10,
              "`a\xEF\xBF\xBD"
              "b`");
    quoted_as("a\x1b[0m", 10, "`a [0m`");
    quoted_as("a\xE2\x80\xA8"
              "b\xC2\x85"
              "c",
              10, "`a b c`");
}

/* Whatever the texts are: no line of the draft begins with them, the lines are those of a draft
 * with harmless texts, and the marker that is found is its own. */
static void strangers_add_no_lines(void **state) {
    (void)state;
    for (int kind = 0; kind < REPLY_COUNT; kind++) {
        struct reply plain = full_reply((enum reply_kind)kind, "zh", "T");
        int64_t n_lines = 0;
        for (const char *p = draft(&plain); *p; p++) n_lines += *p == '\n';
        for (int i = 0; i < N_HOSTILE; i++) {
            struct reply r = full_reply((enum reply_kind)kind, "zh", hostile[i]);
            struct reply_marker marker;
            const char *text = draft(&r);
            int64_t n = 0;
            for (const char *p = text; *p; p++) n += *p == '\n';
            assert_int_equal(n, n_lines);
            assert_true(utf8_invalid_at(text, out.len) < 0);
            for (size_t k = 0, step; k < out.len; k += step) {
                uint32_t c;
                step = utf8_next(text + k, out.len - k, &c);
                assert_true(!utf8_invisible(c) && (c == '\n' || c >= 0x20) && c != 0x7F);
            }
            assert_true(reply_marker_find(text, &marker));
            assert_int_equal(marker.kind, kind);
            assert_string_equal(marker.id, r.id);
        }
    }
}

static void long_texts_are_cut(void **state) {
    (void)state;
    enum { LONG = 200000 };
    char *text = mem_alloc(LONG + 1, 1);
    assert_non_null(text);
    for (int turn = 0; turn < 3; turn++) {
        memset(text, turn == 0 ? '`' : 'a', LONG);
        text[LONG] = '\0';
        if (turn == 2)
            for (int i = 0; i + 3 < LONG; i += 4) memcpy(text + i, "\xF0\x9F\xA4\x9D", 4);
        for (int kind = 0; kind < REPLY_COUNT; kind++) {
            struct reply r = full_reply((enum reply_kind)kind, "zh", text);
            struct reply_marker marker;
            (void)draft(&r);
            assert_true(utf8_count(out.data, out.len) <= REPLY_MAX_CHARS);
            assert_true(reply_marker_find(str_text(&out), &marker));
        }
    }
    mem_free(text);
}

static void marked(const char *body, const char *id, enum reply_kind kind, const char *month) {
    struct reply_marker marker;
    if (!reply_marker_find(body, &marker)) fail_msg("no marker in '%s'", body);
    assert_string_equal(marker.id, id);
    assert_string_equal(marker.month, month);
    assert_int_equal(marker.kind, kind);
}

static void markers_are_found_on_lines_of_their_own(void **state) {
    (void)state;
    marked("<!-- cotrain:reply a/b#1 received 2024-03 -->", "a/b#1", REPLY_received, "2024-03");
    marked("x\r\n<!-- cotrain:reply a/b#1@2 merged 2024-12 -->  \r\ny", "a/b#1@2", REPLY_merged,
           "2024-12");
    marked("<!-- cotrain:reply a/b#1 received 2024-03 -->\n\n<!-- cotrain:reply a/b#1 accepted "
           "2024-03 -->\n",
           "a/b#1", REPLY_accepted, "2024-03");
    static const char *const none[] = {
        "",
        "cotrain:reply a/b#1 received 2024-03",
        "x <!-- cotrain:reply a/b#1 received 2024-03 -->",
        " <!-- cotrain:reply a/b#1 received 2024-03 -->",
        "> <!-- cotrain:reply a/b#1 received 2024-03 -->",
        "<!-- cotrain:reply a/b#1 received 2024-03 --> x",
        "<!-- cotrain:reply a/b#1 received 2024-13 -->",
        "<!-- cotrain:reply a/b#1 received 2024-03-->",
        "<!-- cotrain:reply a/b#1 received -->",
        "<!-- cotrain:reply a/b#1  received 2024-03 -->",
        "<!-- cotrain:reply a/b received 2024-03 -->",
        "<!-- cotrain:reply a/b#1 unknown 2024-03 -->",
        "<!-- cotrain:reply a/b#1 received 2024-03",
        "<!-- cotrain:reply ",
        "<!-- cotrain:reply a/b#1",
        "<!-- cotrain:reply a/b#1 received",
    };
    struct reply_marker marker;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (reply_marker_find(none[i], &marker)) fail_msg("a marker in '%s'", none[i]);
}

static void no_memory_is_said_and_nothing_leaks(void **state) {
    (void)state;
    struct reply r = full_reply(REPLY_needs_information, "zh", "芯片`代码");
    str_release(&out);
    int64_t live = mem_stats().live_blocks;
    for (int64_t nth = 1;; nth++) {
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        err code = reply_draft(&r, &out);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        str_release(&out);
        assert_int_equal(mem_stats().live_blocks, live);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, clear)
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_lacks_something_is_asked_for_it),
        TEST(english_is_answered_in_english),
        TEST(each_kind_says_what_it_was_given),
        TEST(no_template_is_left_unfilled),
        TEST(what_is_not_given_is_left_out),
        TEST(what_is_needed_is_asked_for),
        TEST(ids_months_addresses_and_numbers_are_checked),
        TEST(scores_agree_with_their_difference),
        TEST(only_what_can_be_a_login_is_mentioned),
        TEST(quotes_are_one_code_span),
        TEST(strangers_add_no_lines),
        TEST(long_texts_are_cut),
        TEST(markers_are_found_on_lines_of_their_own),
        TEST(no_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
