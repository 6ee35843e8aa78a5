/* SPDX-License-Identifier: Apache-2.0
 * Readings of single posts, by what they must hold: fields, parts, spans, who is no requester, the
 * shipped form and block, and texts that are long, deep or ill-formed. How well real prose is
 * read is measured by tests/shell/test_issues_parse.sh.
 * Under test: issues/read/reading.h. */
#include "tests/unit/test.h"

#include "issues/read/reading.h"

static struct arena arena;
static struct reading_list list;
static const char *maintainer = "lead";
static struct reading_context context = {
    .maintainers = {&maintainer, 1}, .repository = "a/b", .issue = 1};

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

/* A comment of the collecting issue, or with `issue` above 1 an issue's own body. */
static struct post post_of(int64_t issue, const char *title, const char *body) {
    return (struct post){.id = issue > 1 ? "a/b#2" : "a/b#1@7",
                         .repository = "a/b",
                         .issue = issue,
                         .comment = issue > 1 ? 0 : 7,
                         .title = title,
                         .login = "dev",
                         .association = "NONE",
                         .created_at = "2024-01-18T02:00:00Z",
                         .created_s = 1705543200,
                         .body = body};
}

static const struct reading *read_post(const struct post *post) {
    assert_ok(post_read(post, &context, &arena, &list));
    assert_true(list.n >= 1 && list.items[0].reason && *list.items[0].reason);
    return &list.items[0];
}
static const struct reading *read_comment(const char *body) {
    struct post post = post_of(1, "requests", body);
    return read_post(&post);
}
static const struct reading *read_issue(const char *title, const char *body) {
    struct post post = post_of(2, title, body);
    return read_post(&post);
}

static void expect_text(const struct piece *piece, const char *wanted) {
    if ((piece->text == NULL) != (wanted == NULL) || (wanted && strcmp(piece->text, wanted) != 0))
        fail_msg("'%s', wanted '%s'", piece->text ? piece->text : "(null)",
                 wanted ? wanted : "(null)");
}
static void expect_list(const struct piece_list *pieces, const char *const *wanted, int64_t n) {
    if (pieces->n != n) fail_msg("%d pieces, wanted %d", (int)pieces->n, (int)n);
    for (int64_t i = 0; i < n; i++) expect_text(&pieces->items[i], wanted[i]);
}
#define EXPECT_LIST(pieces, ...)                                                                   \
    do {                                                                                           \
        static const char *const wanted_[] = {__VA_ARGS__};                                        \
        expect_list(pieces, wanted_, sizeof wanted_ / sizeof wanted_[0]);                          \
    } while (0)
static void expect_kind(const struct reading *r, enum post_kind kind) {
    if (r->kind != kind)
        fail_msg("%s (%s), wanted %s", kind_rows[r->kind].name, r->reason, kind_rows[kind].name);
    assert_int_equal(r->is_request, kind == KIND_training_request);
}

static void labelled_lines_become_fields(void **state) {
    (void)state;
    const struct reading *r =
        read_comment("场景需求：电梯故障报修\r\n能力需求：\r\n1. 听懂口语\r\n"
                     "2. 判断紧急程度，不得漏报困人\r\n输入：报修电话的转写\r\n"
                     "输出：工单\r\n例：\r\n输入：三号梯卡住了\r\n输出：困人，紧急\r\n"
                     "注：方言多\r\n谢谢！");
    expect_kind(r, KIND_training_request);
    assert_string_equal(r->form, "labelled");
    assert_string_equal(r->language, "zh");
    expect_text(&r->scenario, "电梯故障报修");
    EXPECT_LIST(&r->capability, "听懂口语", "判断紧急程度");
    EXPECT_LIST(&r->constraints, "不得漏报困人");
    expect_text(&r->input, "报修电话的转写");
    expect_text(&r->output, "工单");
    expect_text(&r->remark, "方言多");
    assert_int_equal(r->n_examples, 1);
    expect_text(&r->examples[0].prompt, "三号梯卡住了");
    expect_text(&r->examples[0].response, "困人，紧急");
    assert_int_equal(r->n_missing, 0);
}

static void what_is_not_said_is_missing(void **state) {
    (void)state;
    const struct reading *r =
        read_comment("Scenario: night shift handover in a hospital\nInput: notes");
    expect_kind(r, KIND_training_request);
    expect_text(&r->input, "notes");
    expect_text(&r->output, NULL);
    assert_int_equal(r->n_missing, 2);
    assert_string_equal(r->missing[0], "output");
    assert_string_equal(r->missing[1], "examples");
    assert_int_equal(r->capability.n, 1); /* for want of another, from the scenario */
}

static void spans_are_places_of_the_body(void **state) {
    (void)state;
    /* 0-2 "场ZWSP景", 3 ":", 4-5 "A😀", 6-7 CR LF, 8.. */
    const struct reading *r = read_comment("场\u200b景：甲😀\r\n输入：乙\r\n输出：丙");
    expect_text(&r->scenario, "甲😀");
    assert_int_equal(r->scenario.begin, 4);
    assert_int_equal(r->scenario.end, 6);
    assert_int_equal(r->input.begin, 11);
    assert_int_equal(r->output.begin, 17);
    assert_int_equal(r->capability.items[0].n_stretches, 2); /* from 乙 to 丙 */
    assert_int_equal(r->capability.items[0].begin, 11);
    assert_int_equal(r->capability.items[0].end, 18);
}

static void several_scenarios_are_several_requests(void **state) {
    (void)state;
    const struct reading *r =
        read_comment("1.场景需求：周报\n输入：记录，输出：周报\n2.场景需求：翻译\n"
                     "输入：英文\n输出：中文\n3. 场景需求：摘要");
    assert_int_equal(list.n, 3);
    assert_string_equal(r[0].id, "a/b#1@7");
    assert_string_equal(r[1].id, "a/b#1@7.2");
    assert_string_equal(r[2].id, "a/b#1@7.3");
    expect_text(&r[0].output, "周报");
    expect_text(&r[1].input, "英文");
    assert_int_equal(r[2].n_missing, 3);
    /* A list below one scenario is one request; so are two labels that mean the same. */
    read_comment("场景需求：工厂\n1. 会诊断\n2. 会答疑");
    assert_int_equal(list.n, 1);
    EXPECT_LIST(&list.items[0].capability, "会诊断", "会答疑");
    r = read_comment("应用场景：工厂\n场景说明：夜班\n能力：答疑");
    assert_int_equal(list.n, 1);
    expect_text(&r->scenario, "工厂，夜班");
    read_comment(
        "| 场景 | 输入 | 输出 |\n|--|--|--|\n| 周报 | 记录 | 周报 |\n| 翻译 | 英文 | 中文 |");
    assert_int_equal(list.n, 2);
    expect_text(&list.items[1].scenario, "翻译");
}

static void examples_come_in_many_shapes(void **state) {
    (void)state;
    const struct reading *r = read_comment(
        "场景：标题\n示例：\n```json\n[{\"prompt\": \"a\\n\\\"b\\\"\", \"response\": \"c\"},\n "
        "{broken},\n"
        " {\"instruction\": \"d\", \"input\": \"e\", \"output\": \"f\"},\n"
        " {\"messages\": [{\"role\": \"user\", \"content\": \"g\"}, {\"role\": \"assistant\", "
        "\"content\": \"h\"}]}]\n```");
    assert_int_equal(r->n_examples, 3);
    expect_text(&r->examples[0].prompt, "a\n\"b\"");
    expect_text(&r->examples[1].prompt, "d\ne");
    expect_text(&r->examples[2].response, "h");
    r = read_comment("场景：标题\n例：\n- 你好 -> Hello\n- 再见 => Bye");
    assert_int_equal(r->n_examples, 2);
    expect_text(&r->examples[1].response, "Bye");
    r = read_comment("Scenario: x ray reports\nQ: a\nA: b\nQ: c\nA: d");
    assert_int_equal(r->n_examples, 2);
    r = read_comment("场景：标题\n| 输入 | 输出 |\n|--|--|\n| a | b |\n| c |  |");
    assert_int_equal(r->n_examples, 1);
    r = read_comment("场景：标题\n输入1：a\n输出1：b\n输入2：c\n输出2：d");
    assert_int_equal(r->n_examples, 2);
    expect_text(&r->input, NULL);
    r = read_comment("场景：标题\n示例：\n```json\n```");
    assert_int_equal(r->n_examples, 0);
    r = read_comment("场景：标题\n示例：见附件里的三条记录");
    assert_int_equal(r->n_examples, 1);
    expect_text(&r->examples[0].response, NULL);
}

static void code_and_quotations_hold_no_labels(void **state) {
    (void)state;
    const struct reading *r =
        read_comment("> 场景：旧\n\n场景：新\n输入：\n```\n输出：不是\n```\n输出：是");
    expect_text(&r->scenario, "新");
    expect_text(&r->input, "```\n输出：不是\n```");
    expect_text(&r->output, "是");
    expect_kind(read_comment("> 场景：旧\n> 输入：旧"), KIND_empty);
    expect_kind(read_issue("配置", "```yaml\nscenario: a\ninput: b\noutput: c\n```\n这样写对吗？"),
                KIND_question);
}

static void the_programme_asks_for_nothing(void **state) {
    (void)state;
    const char *sample = "场景需求：写周报\n输入：记录，输出：周报";
    struct post post = post_of(1, "requests", sample);
    post.comment = 0;
    post.id = "a/b#1";
    expect_kind(read_post(&post), KIND_announcement); /* the collecting issue's own body */
    post = post_of(1, "requests", sample);
    post.login = "LEAD"; /* of the list; logins know no case */
    expect_kind(read_post(&post), KIND_maintainer_answer);
    static const char *const roles[] = {"MEMBER", "OWNER", "COLLABORATOR"};
    for (int i = 0; i < 3; i++) {
        post = post_of(1, "requests", sample);
        post.association = roles[i];
        assert_false(read_post(&post)->is_request);
    }
    post = post_of(1, "requests", sample);
    post.bot = true;
    assert_false(read_post(&post)->is_request);
    post = post_of(2, "requests", sample);
    post.pull_request = true;
    expect_kind(read_post(&post), KIND_pull_request);
    post = post_of(1, "requests", sample);
    post.association = "CONTRIBUTOR";
    post.login = NULL; /* the account is gone: still a request */
    expect_kind(read_post(&post), KIND_training_request);
}

static void an_answer_to_a_question_is_no_new_request(void **state) {
    (void)state;
    struct post post = post_of(1, "requests", "输入：病历，输出：诊断");
    expect_kind(read_post(&post), KIND_training_request);
    post.before.login = "lead";
    post.before.body = "@dev 输入和输出是什么？";
    expect_kind(read_post(&post), KIND_clarification);
    post.body = "场景：门诊\n输入：病历，输出：诊断"; /* whole again */
    expect_kind(read_post(&post), KIND_training_request);
}

static void titles_count_where_the_body_points_to_them(void **state) {
    (void)state;
    const struct reading *r = read_issue("希望能训练一个面向航海的模型", "如题");
    expect_kind(r, KIND_training_request);
    expect_text(&r->scenario, "面向航海");
    assert_true(r->scenario.of_title);
    expect_kind(read_issue("运行时报错 KeyError", ""), KIND_bug_report);
    expect_kind(read_issue("多轮对话支持吗？", "rt"), KIND_question);
    expect_kind(read_issue("", ""), KIND_empty);
}

/* ---- the shipped form and block ---- */

static struct str file_text(const char *name) {
    struct str path = {0}, text = {0};
    assert_ok(str_printf(&path, "%s/issues/form/%s", SOURCE_DIR, name));
    assert_ok(file_read(path.data, 1 << 16, &text));
    str_release(&path);
    return text;
}

/* What GitHub makes of a filled form: "### LABEL", the answer, with empty lines between. */
static void submit_form(const char *const *answers, struct str *out) {
    struct str form = file_text("cotrain-request.yml");
    int n = 0;
    for (const char *at = form.data; (at = strstr(at, "      label: ")) != NULL; n++) {
        at += strlen("      label: ");
        const char *end = strchr(at, '\n');
        assert_ok(str_printf(out, "### %.*s\n\n%s\n\n", (int)(end - at), at, answers[n]));
    }
    assert_int_equal(n, 10);
    str_release(&form);
}

static void the_shipped_form_is_read_back(void **state) {
    (void)state;
    static const char *const answers[] = {
        "码头调度",
        "- 排泊位\n- 解释原因",
        "船期表",
        "泊位计划",
        "```json\n{\"prompt\": \"两船同到\", \"response\": \"大船先靠\"}\n```",
        "不得占用消防泊位",
        "现在靠人工",
        "港口",
        "CC0-1.0",
        "- [X] 以上内容可以公开，不含个人信息和他人的保密内容 / This may be public"};
    struct str body = {0};
    submit_form(answers, &body);
    struct post post = post_of(2, "[co-training] 码头", body.data);
    const char *label = "co-training";
    post.labels = (struct opt_list){&label, 1};
    const struct reading *r = read_post(&post);
    expect_kind(r, KIND_training_request);
    assert_string_equal(r->form, "issue-form");
    expect_text(&r->scenario, "码头调度");
    EXPECT_LIST(&r->capability, "排泊位", "解释原因");
    expect_text(&r->input, "船期表");
    expect_text(&r->output, "泊位计划");
    EXPECT_LIST(&r->constraints, "不得占用消防泊位");
    expect_text(&r->remark, "现在靠人工");
    assert_int_equal(r->n_examples, 1);
    expect_text(&r->examples[0].response, "大船先靠");
    assert_int_equal(r->n_missing, 0);
    str_clear(&body);
    static const char *const nothing[] = {
        "_No response_", "_No response_", "_No response_", "_No response_", "```json\n\n```",
        "_No response_", "_No response_", "_No response_", "None",          "- [ ] x"};
    submit_form(nothing, &body);
    post.body = body.data;
    expect_kind(read_post(&post), KIND_template_noise);
    str_clear(&body);
    static const char *const ones[] = {"1", "1", "1", "1", "```json\n1\n```",
                                       "1", "1", "1", "1", "- [X] x"};
    submit_form(ones, &body);
    post.body = body.data;
    post.title = "1";
    expect_kind(read_post(&post), KIND_template_noise);
    str_release(&body);
}

/* Fills the block of code number `which`: `answers` behind its colons, in order. */
static void fill_block(int which, const char *const *answers, struct str *out) {
    struct str text = file_text("comment-block.md");
    const char *at = text.data;
    for (int i = 0; i < which; i++) at = strstr(strstr(at, "```markdown\n") + 12, "```\n") + 4;
    at = strstr(at, "```markdown\n") + 12;
    const char *end = strstr(at, "```\n");
    for (int n = 0; at < end; n++) {
        const char *line = strchr(at, '\n');
        assert_ok(str_printf(out, "%.*s%s\n", (int)(line - at), at, answers ? answers[n] : ""));
        at = line + 1;
    }
    str_release(&text);
}

static void the_shipped_block_is_read_back(void **state) {
    (void)state;
    static const char *const zh[] = {
        "码头调度", "\n- 排泊位\n- 解释原因", "船期表",    "泊位计划", "", "两船同到",
        "大船先靠", "不得占用消防泊位",       "现在靠人工"};
    static const char *const en[] = {" berth planning",
                                     "\n- assign berths\n- explain why",
                                     " the ships",
                                     " a plan",
                                     "",
                                     " two at once",
                                     " the larger one first",
                                     " never use the fire berth",
                                     " done by hand today"};
    for (int which = 0; which < 2; which++) {
        struct str body = {0};
        fill_block(which, which ? en : zh, &body);
        const struct reading *r = read_comment(body.data);
        expect_kind(r, KIND_training_request);
        expect_text(&r->scenario, which ? "berth planning" : "码头调度");
        assert_int_equal(r->capability.n, 2);
        expect_text(&r->capability.items[1], which ? "explain why" : "解释原因");
        expect_text(&r->input, which ? "the ships" : "船期表");
        expect_text(&r->output, which ? "a plan" : "泊位计划");
        assert_int_equal(r->n_examples, 1);
        expect_text(&r->examples[0].prompt, which ? "two at once" : "两船同到");
        assert_int_equal(r->constraints.n, 1);
        expect_text(&r->remark, which ? "done by hand today" : "现在靠人工");
        assert_int_equal(r->n_missing, 0);
        str_clear(&body);
        fill_block(which, NULL, &body);
        expect_kind(read_comment(body.data), KIND_template_noise);
        str_release(&body);
    }
}

/* ---- any bytes ---- */

static void repeated(const char *piece, size_t n_bytes) {
    struct str body = {0};
    while (body.len < n_bytes) assert_ok(str_add(&body, piece));
    read_comment(body.data);
    read_issue(body.data, body.data);
    arena_release(&arena);
    str_release(&body);
}

static void long_and_deep_posts_are_read(void **state) {
    (void)state;
    static const char *const pieces[] = {"希望",
                                         "场景：",
                                         "> ",
                                         "- ",
                                         "* ",
                                         "*",
                                         "**",
                                         "`",
                                         "```\n",
                                         "(",
                                         "（",
                                         "[",
                                         "](",
                                         "![",
                                         "<",
                                         "<!--",
                                         "{",
                                         "{\"",
                                         "|",
                                         "| a |\n|--|\n",
                                         "#",
                                         "\n",
                                         "\r",
                                         "\r\n",
                                         " ",
                                         "1.",
                                         "一、",
                                         "，",
                                         "。",
                                         "希望模型能",
                                         "输入：",
                                         "输入为",
                                         "例：",
                                         "问：a\n答：b\n",
                                         "-> ",
                                         "=",
                                         "如何",
                                         "针对a的，",
                                         "\u200b",
                                         "\u202e",
                                         "\xf0\x9f",
                                         "\xff",
                                         "场景：a\n输入：b\n",
                                         "a",
                                         "汉",
                                         "_No response_\n",
                                         "### 场景\n\n"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) repeated(pieces[i], 6000);
    repeated("希望模型能：", 65536);
    repeated("| 场景 | a |\n|--|--|\n", 65536);
}

static void json_says_all_of_it(void **state) {
    (void)state;
    struct post post = post_of(1, "requests", "场景：甲\n能力：乙\n输入：丙\n输出：丁\n例：x -> y");
    struct zone *zone;
    json_t *json;
    assert_ok(zone_new("+08:00", &zone));
    assert_ok(reading_json(&post, read_post(&post), zone, &json));
    static const char *const keys[] = {
        "id",     "url",      "login",       "created_at", "plan_month", "collect_on", "is_request",
        "kind",   "form",     "language",    "reason",     "scenario",   "capability", "input",
        "output", "examples", "constraints", "remark",     "missing",    "spans"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!json_object_get(json, keys[i])) fail_msg("no key '%s'", keys[i]);
    assert_int_equal(json_object_size(json), sizeof keys / sizeof keys[0]);
    assert_string_equal(json_string_value(json_object_get(json, "plan_month")), "2024-02");
    assert_string_equal(json_string_value(json_object_get(json, "collect_on")), "2024-02-06");
    json_decref(json);
    zone_free(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labelled_lines_become_fields),
        cmocka_unit_test(what_is_not_said_is_missing),
        cmocka_unit_test(spans_are_places_of_the_body),
        cmocka_unit_test(several_scenarios_are_several_requests),
        cmocka_unit_test(examples_come_in_many_shapes),
        cmocka_unit_test(code_and_quotations_hold_no_labels),
        cmocka_unit_test(the_programme_asks_for_nothing),
        cmocka_unit_test(an_answer_to_a_question_is_no_new_request),
        cmocka_unit_test(titles_count_where_the_body_points_to_them),
        cmocka_unit_test(the_shipped_form_is_read_back),
        cmocka_unit_test(the_shipped_block_is_read_back),
        cmocka_unit_test(long_and_deep_posts_are_read),
        cmocka_unit_test(json_says_all_of_it),
    };
    return cmocka_run_group_tests_name("reading", tests, NULL, release);
}
