/* SPDX-License-Identifier: Apache-2.0
 * Around the suites: programs cut out of responses rule by rule, the line that is recorded of an
 * answer, files that are absent, changed or broken, and the order of shuffled options.
 * Under test: eval/scorers/cut.h, eval/suite.h, eval/suite_files.h, eval/suites/. */
#include "tests/unit/folder_test.h"

#include "base/mem.h"
#include "eval/scorers/cut.h"
#include "eval/suite.h"
#include "eval/suites/chinese_choices.h"
#include "eval/suites/readers.h"
#include "eval/task.h"

static void programs_are_cut(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {" 说明\n```python\ndef f(x):\n    return x\n```<eod>", "\ndef f(x):\n    return x"},
        {"```python\ndef f(x):\n    return x\n\nprint(f(1))\n```", "\ndef f(x):\n    return x\n"},
        {"```python\ndef f(x):\n    \"\"\"文\n    字\"\"\"\n    return x\n", /* docstring gone */
         "\ndef f(x):\n    \n    return x\n"},
        {"```python\nimport math\n\ndef f(x):\n\n    return x\n\n完", /* blank lines in a body */
         "\nimport math\n\ndef f(x):\n    return x\n"},
        {"```python\ndef f(x):\n    return g(x)\ndef g(x):\n    return x",
         "\ndef f(x):\n    return g(x)\n"},
        {"```python\ndef f(x):\n# 说明\n    return x", "\ndef f(x):"},
        {"没有代码块的回答", ""}, /* eight characters are skipped */
        {"", ""},
        {"<eod>", ""},
    };
    struct str out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(cut_program(text_span(rows[i][0]), &out));
        assert_string_equal(str_text(&out), rows[i][1]);
    }
    str_release(&out);
}

static const struct suite lines = {.form = ANSWER_LINE};

static void lines_are_recorded_as_the_official_generators_do(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {" 问\n题<sep> 答\n\n\n\n案<eod>", "问<n>题[SEP] 答<n>案"},
        {"问<sep>没有说完话", "问[SEP]"}, /* whatever the last five characters are, they go */
        {"问<sep>答<pad><eod>", "问[SEP]答"},
        {"短", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *answer = json_object();
        struct span text;
        assert_ok(suite_record(&lines, &(struct suite_item){0}, rows[i][0], answer));
        assert_ok(suite_answer_text(&lines, answer, &text));
        assert_string_equal(text.text, rows[i][1]);
        json_decref(answer);
    }
    json_t *empty = json_object();
    struct span text;
    assert_fails(suite_answer_text(&lines, empty, &text), ERR_PARSE, "no text 'line'");
    json_decref(empty);
}

static const char *write_file(const char *name, const char *text) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *parent = path_dir(path);
    assert_ok(dir_make(parent));
    assert_ok(file_write(path, text, strlen(text)));
    mem_free(parent);
    return path;
}

static void changed_files_are_refused(void **state) {
    (void)state;
    const struct eval_task *task = NULL;
    struct datasets where = {.folder = folder};
    struct suite_items items;
    assert_ok(eval_task_find("gsm8k_cn", &task));
    assert_fails(suite_load(task->suite, &where, &items), ERR_MISSING, "gsm8k_Cn.txt");
    write_file("GSM8K/gsm8k_Cn.txt", "一加一？[SEP]2\n\n 二加二？ [SEP]4\n");
    assert_fails(suite_load(task->suite, &where, &items), ERR_MISMATCH, "c055007a");
    assert_non_null(strstr(err_hint(), "--allow-changed"));
    where.allow_changed = true;
    assert_ok(suite_load(task->suite, &where, &items));
    assert_int_equal(items.n, 2);
    assert_string_equal(items.items[1].prompt, "详细分析并求解以下数学问题。\n二加二？<sep>");
    assert_string_equal(items.items[1].gold, "4");
    suite_items_release(&items);
    write_file("GSM8K/gsm8k_Cn.txt", "一加一？[SEP]2\n没有答案\n");
    assert_fails(suite_load(task->suite, &where, &items), ERR_PARSE, "line 2");
    where.folder = "/nonexistent";
    assert_fails(suite_load(task->suite, &where, &items), ERR_MISSING, "/nonexistent");
}

static void dicts_are_read(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"{'query': 'q', 'ans1': 'a'}\n", "two options"},
        {"{'query': 'q', 'ans1': 'a', 'ans2': 'b\n", "closing quote"},
        {"'query': 'q'}\n", "no '{'"},
        {"{'query' 'q'}\n", "no ':'"},
        {"{'query': 'q', 'ans1': 'a', 'ans2': 'b'} x\n", "no '}'"},
        {"{'query': '\\q', 'ans1': 'a', 'ans2': 'b'}\n", "unknown escape"},
        {"{'query': 7, 'ans1': 'a', 'ans2': 'b'}\n", "quoted text"},
    };
    struct suite_items items = {0};
    const char *path =
        write_file("a.json", "{'query': 'it\\'s \"q\"', 'ans1': \"d'accord\", 'ans2': 'b'}\n");
    assert_ok(load_chinese_choices(path, false, &items));
    assert_string_equal(items.items[0].question, "it's \"q\"");
    assert_string_equal(items.items[0].choices[0], "d'accord");
    assert_true(str_starts(items.items[0].prompt, "it's \"q\"\nA. d'accordB. b\n以上"));
    suite_items_release(&items);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        path = write_file("b.json", bad[i][0]);
        assert_fails(read_chinese_choices(path, &items), ERR_PARSE, bad[i][1]);
        suite_items_release(&items);
    }
}

static void shuffling_moves_the_right_letter_along(void **state) {
    (void)state;
    struct str text = {0};
    struct suite_items items = {0};
    int n_moved = 0;
    for (int i = 0; i < 40; i++)
        assert_ok(str_printf(&text, "{'query': 'q%d', 'a': 'right', 'b': 'x', 'c': 'y'}\n", i));
    const char *path = write_file("c.json", str_text(&text));
    assert_ok(load_chinese_choices(path, true, &items));
    for (int64_t i = 0; i < items.n; i++) {
        int at = items.items[i].gold[0] - 'A';
        assert_string_equal(items.items[i].choices[at], "right");
        n_moved += at != 0;
    }
    assert_true(n_moved > 15 && n_moved < 38);
    suite_items_release(&items);
    str_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_cut),
        cmocka_unit_test(lines_are_recorded_as_the_official_generators_do),
        FOLDER_TEST(changed_files_are_refused),
        FOLDER_TEST(dicts_are_read),
        FOLDER_TEST(shuffling_moves_the_right_letter_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
