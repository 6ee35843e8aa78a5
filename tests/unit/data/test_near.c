/* SPDX-License-Identifier: Apache-2.0
 * Near-duplicates: exact similarity against a plain count, pairs of requests that say the same and
 * that do not, and the index against a comparison of every pair on generated texts.
 * Under test: data/text/near.h. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/str.h"
#include "data/text/near.h"
#include <math.h>

static double similarity(const char *a, const char *b) {
    double s, back;
    assert_ok(near_similarity(a, b, &s));
    assert_ok(near_similarity(b, a, &back));
    assert_true(s == back);
    return s;
}

static void made(struct near_text *t, const char *text) {
    assert_ok(near_text_init(t, text, strlen(text)));
}

static void counts_shingles_exactly(void **state) {
    (void)state;
    assert_true(similarity("", "") == 1);
    assert_true(similarity("", " ，。") == 1);
    assert_true(similarity("", "a") == 0);
    assert_true(similarity("abc", "ABC") == 1); /* shorter than a shingle: one of its own */
    assert_true(similarity("abc", "abcd") == 0);
    assert_true(similarity("abcdef", "abcdefg") == 2.0 / 3); /* abcde bcdef; and cdefg */
    assert_true(similarity("abcde", "vwxyz") == 0);
    assert_true(similarity("aaaaaaaa", "aaaaa") == 1); /* sets, not counts */
    assert_true(similarity("芯片代码", "芯片代码生成") == 3.0 / 5);
    assert_true(similarity("芯片代码生成", "芯片，代码 生成！") == 1);
    assert_true(similarity("字abc字", "字abc典") == 1.0 / 3); /* 字abc; abc字, abc典 */
    struct near_text t;
    made(&t, "用py写");
    assert_int_equal(t.n, 1); /* 用py写 weighs 5+2+2+5; py写 is too light: 9 */
    near_text_release(&t);
}

/* The same in other words: a person would call the second a repetition of the first. */
static const char *const same[][2] = {
    {"场景需求：芯片开发工作流程中，芯片代码的生成\n输入：代码注释\n输出：实现相关功能的代码",
     "场景需求: 芯片开发流程中的芯片代码生成。输入: 代码注释; 输出: 实现相应功能的代码。"},
    {"希望模型能根据病历生成出院小结，输入是病程记录，输出是一段出院小结",
     "希望模型可以根据病历自动生成出院小结，输入为病程记录，输出为一段出院小结。"},
    {"工业设备故障诊断：输入设备报警日志，输出可能的故障原因和处理建议",
     "工业设备的故障诊断，输入设备的报警日志，输出可能的故障原因以及处理建议"},
    {"把合同里的甲方、乙方、金额和签订日期提取成JSON",
     "从合同中提取甲方、乙方、金额、签订日期，输出 JSON"},
    {"根据用户的口语描述生成SQL查询语句，表结构会一起给出",
     "根据用户口语化的描述生成 SQL 查询语句，同时会给出表结构"},
    {"将英文技术文档翻译成中文，保留代码块和术语", "把英文技术文档翻译为中文，要保留代码块和术语"},
    {"Generate Verilog modules from comments: input is a comment, output is the module.",
     "generate verilog modules from code comments; the input is a comment and the output is the "
     "module"},
    {"Summarise customer complaints into three bullet points in Chinese",
     "Summarize customer complaints in three bullet points, in Chinese"},
    {"客服场景：根据用户留言判断是否需要退货，输出是或否，并给出理由",
     "客服场景，根据用户的留言判断要不要退货，输出“是”或“否”并给出理由"},
    {"教育场景：小学数学应用题讲解，输入一道题，输出分步骤的解题过程",
     "教育场景：小学数学应用题的讲解。输入：一道题目；输出：分步骤的解题过程"},
};
/* Of the same build, but about something else. */
static const char *const different[][2] = {
    {"场景需求：芯片开发工作流程中，芯片代码的生成\n输入：代码注释\n输出：实现相关功能的代码",
     "场景需求：医院病历质控，缺项的检查\n输入：一份病历\n输出：缺少的项目和修改的建议"},
    {"场景需求：电商客服，从用户留言中整理退货单\n输入：一条用户留言\n输出：JSON，含订单号和原因",
     "场景需求：法律咨询，从判决书中整理争议焦点\n输入：一份判决书\n输出：列表，每行一个争议焦点"},
    {"希望模型能根据病历生成出院小结，输入是病程记录，输出是一段出院小结",
     "希望模型能根据财报生成投资摘要，输入是季度财报，输出是一段投资摘要"},
    {"工业设备故障诊断：输入设备报警日志，输出可能的故障原因和处理建议",
     "农作物病害诊断：输入叶片症状描述，输出可能的病害名称和防治建议"},
    {"感谢源大模型团队！我希望增加这样的能力：把英文论文摘要翻译成中文。谢谢！",
     "感谢源大模型团队！我希望增加这样的能力：识别发票上的金额和税号。谢谢！"},
    {"Scenario: generate Verilog modules\nInput: a comment\nOutput: the module\nExamples: below",
     "Scenario: answer questions on tax law\nInput: a question\nOutput: an answer\nExamples: none"},
    {"把合同里的甲方、乙方、金额和签订日期提取成JSON",
     "把简历里的姓名、学校、专业和工作年限提取成JSON"},
    {"根据用户的口语描述生成SQL查询语句，表结构会一起给出",
     "根据用户的口语描述生成Excel公式，表头会一起给出"},
    {"教育场景：小学数学应用题讲解，输入一道题，输出分步骤的解题过程",
     "教育场景：初中英语作文批改，输入一篇作文，输出分条的修改意见"},
};
enum {
    N_SAME = sizeof same / sizeof same[0],
    N_DIFFERENT = sizeof different / sizeof different[0]
};

/* The guide numbers of data/text/near.h. */
static void paraphrases_are_nearer_than_requests_of_the_same_build(void **state) {
    (void)state;
    int found = 0;
    for (int i = 0; i < N_SAME; i++) {
        double s = similarity(same[i][0], same[i][1]);
        if (s < 0.37 || s > 0.82) fail_msg("%f for '%s'", s, same[i][0]);
        found += s >= 0.45;
    }
    assert_true(found >= N_SAME - 1);
    for (int i = 0; i < N_DIFFERENT; i++) {
        double s = similarity(different[i][0], different[i][1]);
        if (s > 0.43) fail_msg("%f for '%s'", s, different[i][0]);
    }
}

/* Two requests in one form are alike only in the form. */
static void the_words_of_a_form_can_be_left_out(void **state) {
    (void)state;
    static const char form[] = "### 场景\n\n### 输入\n_No response_\n### 输出\n_No response_\n";
    struct near_text a, b, blank, frame;
    made(&a, "### 场景\n芯片代码生成\n### 输入\n_No response_\n### 输出\n_No response_\n");
    made(&b, "### 场景\n医疗问诊对话\n### 输入\n_No response_\n### 输出\n_No response_\n");
    made(&blank, form);
    made(&frame, form);
    assert_true(near_text_similarity(&a, &b) > 0.6);
    near_text_leave_out(&a, &frame);
    near_text_leave_out(&b, &frame);
    assert_true(near_text_similarity(&a, &b) < 0.1);
    near_text_leave_out(&blank, &frame);
    struct near_text empty;
    made(&empty, "");
    assert_true(near_text_similarity(&blank, &empty) == 1);
    assert_memory_equal(blank.sketch, empty.sketch, sizeof empty.sketch);
    near_text_release(&a);
    near_text_release(&b);
    near_text_release(&blank);
    near_text_release(&frame);
    near_text_release(&empty);
}

/* ---- generated texts ---- */

/* Draws for one run of the generator. */
struct draws {
    struct rng rng;
    uint64_t n;
};
static uint32_t draw(struct draws *d, uint32_t bound) {
    return (uint32_t)rng_below(&d->rng, d->n++, bound);
}

/* A text of `length` characters, Chinese or Latin; of `from`, where given, one in `every` is
 * replaced and the others stay. The caller mem_free()s. */
static char *make_text(struct draws *d, bool chinese, int64_t length, const char *from,
                       uint32_t every) {
    struct str out = {0};
    uint32_t *points = NULL;
    if (from) assert_ok(utf8_decode(from, strlen(from), &points, &length));
    for (int64_t k = 0; k < length; k++) {
        uint32_t fresh = chinese           ? 0x4E00 + draw(d, 2000)
                         : draw(d, 6) == 0 ? ' '
                                           : 'a' + draw(d, 26);
        assert_ok(str_codepoint(&out, from && draw(d, every) > 0 ? points[k] : fresh));
    }
    mem_free(points);
    return out.data;
}

/* Over many independent pairs the share of equal places has a mean error near 0 (it is unbiased)
 * and about the deviation sqrt(s (1 - s) / 128), also for texts of very few shingles. */
static void sketches_estimate(void **state) {
    (void)state;
    enum { PAIRS = 3000 };
    struct draws d = {{1, RNG_TEST, 0}, 0};
    for (uint32_t most = 8; most <= 200; most *= 5) {
        double sum = 0, squares = 0, n = 0;
        for (int i = 0; i < PAIRS; i++) {
            bool chinese = i % 2;
            struct near_text a, b;
            char *one = make_text(&d, chinese, 8 + draw(&d, most), NULL, 0);
            char *other = make_text(&d, chinese, 0, one, 2 + draw(&d, 30));
            made(&a, one);
            made(&b, other);
            double s = near_text_similarity(&a, &b), equal = 0;
            for (int k = 0; k < NEAR_SKETCH; k++) equal += a.sketch[k] == b.sketch[k];
            if (s > 0 && s < 1) {
                double error = (equal / NEAR_SKETCH - s) / sqrt(s * (1 - s) / NEAR_SKETCH);
                sum += error;
                squares += error * error;
                n++;
            } else {
                assert_true(equal == s * NEAR_SKETCH);
            }
            near_text_release(&a);
            near_text_release(&b);
            mem_free(one);
            mem_free(other);
        }
        assert_true(n > PAIRS / 3);
        if (fabs(sum / n) > 4 / sqrt(n)) fail_msg("mean error %f of %f pairs", sum / n, n);
        if (squares / n > 1.2) fail_msg("mean square %f deviations", squares / n);
    }
}

/* Text `i` of a set: a third of them are new, the others an earlier one of which every few
 * characters are replaced, so that all similarities occur. */
enum { N_TEXTS = 1200 };
struct texts {
    struct near_text ready[N_TEXTS];
    double similarity[N_TEXTS][N_TEXTS]; /* of i and j < i */
};

static struct texts *make_texts(uint32_t most) {
    struct texts *t = mem_zalloc(1, sizeof *t);
    char *texts[N_TEXTS];
    struct draws d = {{most, RNG_TEST, 1}, 0};
    assert_non_null(t);
    for (int i = 0; i < N_TEXTS; i++) {
        bool fresh = i == 0 || draw(&d, 3) == 0;
        const char *from = fresh ? NULL : texts[draw(&d, (uint32_t)i)];
        bool chinese = from ? (unsigned char)from[0] >= 0x80 : draw(&d, 2) == 0;
        texts[i] = make_text(&d, chinese, 12 + draw(&d, most), from, 2 + draw(&d, 60));
        made(&t->ready[i], texts[i]);
        for (int j = 0; j < i; j++)
            t->similarity[i][j] = near_text_similarity(&t->ready[i], &t->ready[j]);
    }
    for (int i = 0; i < N_TEXTS; i++) mem_free(texts[i]);
    return t;
}

static void release_texts(struct texts *t) {
    for (int i = 0; i < N_TEXTS; i++) near_text_release(&t->ready[i]);
    mem_free(t);
}

/* Every pair that the index finds is exact and above the threshold, and of those that a comparison
 * of all finds it misses as few as promised: with NEAR_RECALL at the threshold itself, four
 * deviations of a Poisson number. */
static void check_recall(const struct texts *t, double threshold) {
    struct near_index *index;
    struct near_match found[N_TEXTS];
    assert_ok(near_index_new(threshold, &index));
    double wanted = 0, got = 0;
    for (int i = 0; i < N_TEXTS; i++) {
        int64_t n;
        assert_ok(near_index_find(index, &t->ready[i], found, N_TEXTS, &n));
        for (int64_t k = 0; k < n; k++) {
            assert_true(found[k].similarity >= threshold);
            assert_true(k == 0 || found[k - 1].similarity >= found[k].similarity);
            assert_true(found[k].similarity == t->similarity[i][found[k].number]);
        }
        for (int j = 0; j < i; j++) wanted += t->similarity[i][j] >= threshold;
        got += (double)n;
        assert_ok(near_index_add(index, &t->ready[i], i));
    }
    near_index_free(index);
    double missed = wanted - got, expected = wanted * (1 - NEAR_RECALL);
    if (wanted < 200 || missed < 0 || missed > expected + 4 * sqrt(expected))
        fail_msg("at %f: %f of %f pairs missed", threshold, missed, wanted);
}

static void an_index_finds_what_comparing_all_does(void **state) {
    (void)state;
    static const double thresholds[] = {0.1, 0.3, 0.5, 0.7, 0.8, 0.9};
    for (uint32_t most = 20; most <= 200; most *= 10) {
        struct texts *t = make_texts(most);
        for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
            check_recall(t, thresholds[i]);
        release_texts(t);
    }
}

static void equal_texts_and_the_most_similar_come_first(void **state) {
    (void)state;
    struct near_index *index;
    struct near_match found[4];
    struct near_text t;
    int64_t n;
    assert_ok(near_index_new(0.5, &index));
    made(&t, "芯片代码生成");
    assert_ok(near_index_find(index, &t, found, 4, &n));
    assert_int_equal(n, 0);
    assert_ok(near_index_add(index, &t, 7));
    near_text_release(&t);
    made(&t, "芯片 代码生成！");
    assert_ok(near_index_add(index, &t, 3));
    near_text_release(&t);
    made(&t, "芯片代码生成器");
    assert_ok(near_index_add(index, &t, 5));
    near_text_release(&t);
    made(&t, "无关的需求");
    assert_ok(near_index_add(index, &t, 6));
    near_text_release(&t);
    made(&t, "芯片代码生成");
    assert_ok(near_index_find(index, &t, found, 4, &n));
    assert_int_equal(n, 3);
    assert_true(found[0].number == 3 && found[0].similarity == 1);
    assert_true(found[1].number == 7 && found[1].similarity == 1);
    assert_true(found[2].number == 5 && found[2].similarity == 5.0 / 6);
    assert_ok(near_index_find(index, &t, found, 1, &n));
    assert_true(n == 1 && found[0].number == 3);
    near_text_release(&t);
    near_index_free(index);
}

static void thresholds_have_a_range(void **state) {
    (void)state;
    struct near_index *index;
    assert_fails(near_index_new(0.04, &index), ERR_RANGE, "0.04 is not from 0.05 to 1");
    assert_fails(near_index_new(1.01, &index), ERR_RANGE, "1.01 is not from 0.05 to 1");
    assert_null(index);
    assert_ok(near_index_new(1, &index));
    near_index_free(index);
    near_index_free(NULL);
}

/* The bits of sketches are part of what "the same on every machine" means. */
static void sketches_are_the_same_everywhere(void **state) {
    (void)state;
    struct near_text t;
    made(&t, "场景需求：芯片代码的生成");
    assert_int_equal(t.n, 10);
    assert_true(t.shingles[0] == 0x2b14cd5bebd89b1c);
    static const uint32_t first[] = {0x88d7be16, 0xc95a5613, 0x19224bb4, 0x0e74489b};
    assert_memory_equal(t.sketch, first, sizeof first);
    near_text_release(&t);
}

/* Texts that would make a sort or a search slow: one shingle, two in turn, a long one of all kinds.
 * */
static void long_texts_take_linear_time(void **state) {
    (void)state;
    enum { LONG = 4 << 20 };
    char *text = mem_alloc(LONG + 1, 1);
    assert_non_null(text);
    struct near_text t;
    memset(text, '1', LONG);
    assert_ok(near_text_init(&t, text, LONG));
    assert_int_equal(t.n, 1);
    near_text_release(&t);
    for (int i = 0; i < LONG; i++) text[i] = "ab"[i % 2];
    assert_ok(near_text_init(&t, text, LONG));
    assert_int_equal(t.n, 2);
    near_text_release(&t);
    struct rng rng = {1, RNG_TEST, 1};
    for (int i = 0; i < LONG; i++) text[i] = (char)('a' + rng_below(&rng, (uint64_t)i, 26));
    assert_ok(near_text_init(&t, text, LONG));
    assert_true(t.n > LONG / 4 * 3); /* of 26^5 = 11.9 million, n (1 - exp(-LONG / n)) are drawn */
    for (int64_t i = 1; i < t.n; i++) assert_true(t.shingles[i - 1] < t.shingles[i]);
    near_text_release(&t);
    mem_free(text);
}

/* Whichever allocation fails: the error says so, nothing leaks, and the index works as before. */
static void no_memory_leaves_an_index_as_it_was(void **state) {
    (void)state;
    int64_t live = mem_stats().live_blocks;
    struct near_text t[130];
    for (int i = 0; i < 130; i++) {
        char text[32];
        snprintf(text, sizeof text, "第%d个不同的需求", i * i);
        made(&t[i], text);
    }
    for (int64_t nth = 1;; nth++) {
        struct near_index *index;
        struct near_match found[2];
        int64_t n;
        assert_ok(near_index_new(0.9, &index));
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        err code = ERR_OK;
        int added = 0;
        while (added < 130 && code == ERR_OK) {
            code = near_index_add(index, &t[added], added);
            if (code == ERR_OK) added++;
        }
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        for (int i = 0; i < added; i++) {
            assert_ok(near_index_find(index, &t[i], found, 2, &n));
            assert_true(n >= 1 && found[0].number == i);
        }
        near_index_free(index);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
    }
    for (int64_t nth = 1;; nth++) {
        struct near_text once;
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        err code = near_text_init(&once, "芯片代码生成", strlen("芯片代码生成"));
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        if (code == ERR_OK) near_text_release(&once);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
        assert_null(once.shingles);
    }
    for (int i = 0; i < 130; i++) near_text_release(&t[i]);
    assert_int_equal(mem_stats().live_blocks, live);
}

static bool is_odd(const void *ctx, uint64_t shingle) {
    (void)ctx;
    return shingle & 1;
}
static bool is_any(const void *ctx, uint64_t shingle) {
    (void)ctx;
    (void)shingle;
    return true;
}

static void shingles_are_left_out_by_what_they_are(void **state) {
    (void)state;
    static const char text[] = "a text that is long enough for a good number of shingles";
    struct near_text all, rest, none;
    assert_ok(near_text_init(&all, text, strlen(text)));
    assert_ok(near_text_init(&rest, text, strlen(text)));
    int64_t n = near_text_leave_out_if(&rest, is_odd, NULL), even = 0;
    for (int64_t i = 0; i < all.n; i++) even += all.shingles[i] % 2 == 0;
    assert_int_equal(n, even);
    assert_int_equal(rest.n, even);
    assert_true(n > 5 && n < all.n);
    for (int64_t i = 0; i < rest.n; i++) assert_int_equal(rest.shingles[i] % 2, 0);
    assert_true(memcmp(all.sketch, rest.sketch, sizeof all.sketch) != 0);
    assert_int_equal(near_text_leave_out_if(&rest, is_any, NULL), 0);
    assert_ok(near_text_init(&none, "", 0));
    assert_true(near_text_similarity(&rest, &none) == 1); /* as the empty text */
    near_text_release(&all);
    near_text_release(&rest);
    near_text_release(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shingles_are_left_out_by_what_they_are),
        cmocka_unit_test(counts_shingles_exactly),
        cmocka_unit_test(paraphrases_are_nearer_than_requests_of_the_same_build),
        cmocka_unit_test(the_words_of_a_form_can_be_left_out),
        cmocka_unit_test(sketches_estimate),
        cmocka_unit_test(an_index_finds_what_comparing_all_does),
        cmocka_unit_test(equal_texts_and_the_most_similar_come_first),
        cmocka_unit_test(thresholds_have_a_range),
        cmocka_unit_test(sketches_are_the_same_everywhere),
        cmocka_unit_test(long_texts_take_linear_time),
        cmocka_unit_test(no_memory_leaves_an_index_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
