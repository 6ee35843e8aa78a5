/* SPDX-License-Identifier: Apache-2.0
 * What is found in texts and what is not: every line of tests/data/sensitive.jsonl (invented data,
 * labelled by hand), spans in bytes, masks, overlaps, and texts that are made to take long. Prints
 * precision and recall over the lines.
 * Under test: data/sensitive.h. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/sensitive.h"
#include <ctype.h>

static struct arena arena;

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct sensitive_list find(const char *text) {
    struct sensitive_list list;
    assert_ok(sensitive_find(text, strlen(text), &arena, &list));
    return list;
}

static bool is_find(const struct sensitive_find *f, const char *text, const json_t *label) {
    const char *part = json_string_value(json_array_get(label, 1));
    return strcmp(f->row->name, json_string_value(json_array_get(label, 0))) == 0 &&
           (size_t)(f->end - f->begin) == strlen(part) &&
           memcmp(text + f->begin, part, strlen(part)) == 0;
}

struct counts {
    int labelled, found, right;
    bool seen[64]; /* rows that some line asks for */
};

/* Compares one line; says what differs. */
static void check_line(const json_t *line, int number, struct counts *counts) {
    const char *text = json_string_value(json_object_get(line, "text"));
    const json_t *labels = json_object_get(line, "finds");
    struct sensitive_list list = find(text);
    bool matched[16] = {0};
    assert_true(json_array_size(labels) <= 16);
    counts->labelled += (int)json_array_size(labels);
    counts->found += (int)list.n;
    for (int64_t i = 0; i < list.n; i++) {
        bool right = false;
        for (size_t k = 0; k < json_array_size(labels) && !right; k++) {
            right = !matched[k] && is_find(&list.items[i], text, json_array_get(labels, k));
            matched[k] |= right;
        }
        counts->right += right;
        counts->seen[list.items[i].row - sensitive_rows] |= right;
        if (!right)
            print_message("line %d: %s '%.*s' is wrong\n", number, list.items[i].row->name,
                          (int)(list.items[i].end - list.items[i].begin),
                          text + list.items[i].begin);
    }
    for (size_t k = 0; k < json_array_size(labels); k++)
        if (!matched[k])
            print_message("line %d: %s '%s' is not found\n", number,
                          json_string_value(json_array_get(json_array_get(labels, k), 0)),
                          json_string_value(json_array_get(json_array_get(labels, k), 1)));
}

static void every_labelled_line_is_read_as_labelled(void **state) {
    (void)state;
    json_t *lines;
    struct str text = {0};
    struct counts counts = {0};
    assert_ok(file_read(SOURCE_DIR "/tests/data/sensitive.jsonl", 1 << 20, &text));
    assert_ok(json_parse_all(text.data, text.len, "sensitive.jsonl", &lines));
    assert_true(json_array_size(lines) >= 150);
    for (size_t i = 0; i < json_array_size(lines); i++)
        check_line(json_array_get(lines, i), (int)i + 1, &counts);
    print_message("%d lines, %d finds labelled, %d found, %d right: precision %.3f, recall %.3f\n",
                  (int)json_array_size(lines), counts.labelled, counts.found, counts.right,
                  (double)counts.right / counts.found, (double)counts.right / counts.labelled);
    assert_int_equal(counts.right, counts.found);
    assert_int_equal(counts.right, counts.labelled);
    for (int i = 0; i < n_sensitive_rows; i++)
        if (!counts.seen[i]) fail_msg("no line has '%s'", sensitive_rows[i].name);
    json_decref(lines);
    str_release(&text);
}

static void rows_have_names_classes_and_help(void **state) {
    (void)state;
    for (int i = 0; i < n_sensitive_rows; i++) {
        assert_true(*sensitive_rows[i].help);
        assert_string_not_equal(sensitive_class_name(sensitive_rows[i].what), "unknown");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sensitive_rows[i].name, sensitive_rows[j].name);
    }
    assert_string_equal(sensitive_class_name(SENSITIVE_PERSONAL), "personal");
    assert_string_equal(sensitive_class_name(SENSITIVE_SECRET), "secret");
    assert_string_equal(sensitive_class_name(SENSITIVE_LICENCE), "licence");
}

/* Every rule's first find in `text`, as "name:shown". */
static void shows(const char *text, const char *want) {
    struct sensitive_list list = find(text);
    struct str out = {0};
    for (int64_t i = 0; i < list.n; i++)
        assert_ok(str_printf(&out, "%s%s:%s", i ? " " : "", list.items[i].row->name,
                             list.items[i].shown));
    if (strcmp(str_text(&out), want) != 0)
        fail_msg("'%s': '%s' instead of '%s'", text, str_text(&out), want);
    str_release(&out);
}

static void what_is_shown_does_not_tell_it(void **state) {
    (void)state;
    shows("13912345678", "mobile:13****78");
    shows("zhang.wei@163.com", "email:z****@163.com");
    shows("QQ：12345", "qq:1****5");
    shows("密码：Abc12345", "password:****");
    shows("ftp://u1:Pw12345@h.cn/", "url_password:ftp://****@h.cn");
    shows("sk\x2d"
          "a1b2c3d4e5f6g7h8i9j0k1l2",
          "openai_key:sk-a****");
    shows("本站\xE2\x80\xAE版权所有", "rights_reserved:版权所有");
    shows("未经\x1b[1m授权，禁止使用", "permission_needed:未经?[1m授权,禁止");
    shows("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B",
          "private_key:-----BEGIN PRIVATE KEY-----****");
}

static void spans_are_bytes_of_the_text(void **state) {
    (void)state;
    struct sensitive_list list = find("汉字 139\xE2\x80\x8B"
                                      "12345678。\xFF a@b.cn");
    assert_int_equal(list.n, 2);
    assert_int_equal(list.items[0].begin, 7);
    assert_int_equal(list.items[0].end, 7 + 11 + 3);
    assert_int_equal(list.items[1].begin, 26);
    assert_int_equal(list.items[1].end, 32);
    assert_int_equal(find("").n, 0);
    assert_ok(sensitive_find("a@b.cn\0c@d.cn", 13, &arena, &list));
    assert_int_equal(list.n, 2);
}

/* Of overlapping finds the longest stays, and none of the others is lost for nothing. */
static void finds_do_not_overlap(void **state) {
    (void)state;
    shows("https://u1:Pw12345@mail.qq.com/", "url_password:https://****@mail.qq.com");
    shows("token=sk\x2d"
          "a1b2c3d4e5f6g7h8i9j0k1l2",
          "openai_key:sk-a****");
    shows("a@b.com@c.com", "email:b****@c.com");
    struct sensitive_list list =
        find("a@b.cn 13912345678 a@b.cn 密码:ab1234 未经许可不得转载请注明");
    for (int64_t i = 1; i < list.n; i++) assert_true(list.items[i - 1].end <= list.items[i].begin);
    assert_int_equal(list.n, 5);
}

static const char *const pieces[] = {"1",
                                     "@",
                                     "a@a@a",
                                     "1-",
                                     "1 ",
                                     "13912345678 ",
                                     "a.",
                                     "a@a.",
                                     "@a.",
                                     "1.",
                                     "1.1.1.1.",
                                     "2:",
                                     "2001:",
                                     "::",
                                     "://",
                                     "http://",
                                     "http://a:",
                                     "http://a:b@",
                                     "://a:a:",
                                     "password=",
                                     "password:\"",
                                     "密码：",
                                     "密码",
                                     "token=a1",
                                     "sk-",
                                     "sk-a1",
                                     "ghp_",
                                     "eyJ",
                                     "eyJaaaaaaaa.",
                                     "eyJaaaaaaaa.eyJaaaaaaaa.",
                                     "xoxb-1",
                                     "-----BEGIN PRIVATE KEY-----",
                                     "-----BEGIN PRIVATE KEY-----aaaaaaaaaaaaaaaaaaaa",
                                     "-----BEGIN ",
                                     "京A1",
                                     "京A123",
                                     "E12345678",
                                     "护照E12345678",
                                     "护照",
                                     "QQ1",
                                     "QQ",
                                     "微信",
                                     "微信:a",
                                     "微信号:abcdef1",
                                     "未经",
                                     "未经许可",
                                     "without ",
                                     "(010",
                                     "010-",
                                     "+86",
                                     "+86 1",
                                     "86",
                                     "6222 ",
                                     "\\n",
                                     "\xE2\x80\x8B",
                                     "\xFF",
                                     "０",
                                     "CC BY",
                                     "   ",
                                     "版权归"};

/* Pieces that rules begin with, over and over: time stays linear, so ten times the text takes no
 * more than a test may. No clock here; a quadratic search would take hours. */
static void hostile_texts_take_linear_time(void **state) {
    (void)state;
    enum { SIZE = 65536, LARGE = 10 << 20 };
    char *text = mem_alloc(LARGE, 1);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t n = strlen(pieces[i]), size = i < 3 ? LARGE : SIZE;
        struct sensitive_list list;
        for (size_t k = 0; k < size; k++) text[k] = pieces[i][k % n];
        assert_ok(sensitive_find(text, size, &arena, &list));
        for (int64_t k = 1; k < list.n; k++)
            assert_true(list.items[k - 1].end <= list.items[k].begin);
        arena_release(&arena);
    }
    mem_free(text);
    struct sensitive_list list;
    assert_fails(sensitive_find("", (size_t)SENSITIVE_MAX_BYTES + 1, &arena, &list), ERR_LIMIT,
                 "a text of more than 1073741824 bytes");
}

static void no_memory_is_said_and_nothing_leaks(void **state) {
    (void)state;
    static const char text[] = "a@b.cn 13912345678 密码:ab1234 版权所有";
    int64_t live = mem_stats().live_blocks;
    for (int64_t nth = 1;; nth++) {
        struct sensitive_list list;
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        err code = sensitive_find(text, strlen(text), &arena, &list);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        arena_release(&arena);
        assert_int_equal(mem_stats().live_blocks, live);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, release)
    const struct CMUnitTest tests[] = {
        TEST(every_labelled_line_is_read_as_labelled),
        TEST(rows_have_names_classes_and_help),
        TEST(what_is_shown_does_not_tell_it),
        TEST(spans_are_bytes_of_the_text),
        TEST(finds_do_not_overlap),
        TEST(hostile_texts_take_linear_time),
        TEST(no_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
