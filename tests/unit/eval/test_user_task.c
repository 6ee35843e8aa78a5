/* SPDX-License-Identifier: Apache-2.0
 * Tasks of users: what a file may say, how
 * answers to it are scored, and faults with their places.
 * Under test: eval/user_task.h. */
#include "tests/unit/folder_test.h"

#include "base/mem.h"
#include "eval/score.h"
#include "eval/user_task.h"

static char path[256];

static void write_file(const char *name, const char *text) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_write(path, text, strlen(text)));
}

static struct user_tasks tasks;

static err open_task(const char *yaml) {
    static const char *item = path;
    const struct opt_list files = {&item, 1};
    write_file("task.yaml", yaml);
    return user_tasks_open(&tasks, &files);
}

#define HEAD "cotrain_task: 1\nname: capitals\ndata: data.jsonl\n"

static void answers_are_scored(void **state) {
    (void)state;
    static const struct {
        const char *rest, *answer;
        bool right;
    } rows[] = {
        {"", " Paris\n", true},
        {"", "It is Paris", false},
        {"metric: contains\n", "It is Paris.", true},
        {"extract: 'is (\\w+)'\n", "It is Rome, no, it is Paris.", true}, /* the last match */
        {"extract: 'is (\\w+)'\n", "Paris", false},
        {"extract: 'P\\w+'\n", "So Paris!", true},
    };
    write_file("data.jsonl", "{\"country\": \"France\", \"city\": \"Paris\", \"n\": 7}\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str yaml = {0};
        struct suite_items items;
        json_t *part = NULL,
               *answers = json_pack("[{s:i,s:s}]", "item", 0, "answer", rows[i].answer);
        assert_ok(str_printf(&yaml, HEAD "prompt: '{{{country}}} {n}?'\nexpected: '{city}'\n%s",
                             rows[i].rest));
        assert_ok(open_task(str_text(&yaml)));
        const struct eval_task *task = NULL;
        assert_ok(user_tasks_find(&tasks, "capitals", &task));
        assert_ok(suite_load(task->suite, &(struct datasets){0}, &items));
        assert_string_equal(items.items[0].prompt, "{France} 7?");
        assert_ok(score_answers(task, &items, answers, false, &part));
        assert_int_equal(json_integer_value(json_object_get(part, "correct")), rows[i].right);
        json_decref(part);
        json_decref(answers);
        suite_items_release(&items);
        user_tasks_close(&tasks);
        str_release(&yaml);
    }
}

/* The first metric stands for the task, the others beside it; what is measured is a mean. */
static void several_metrics_are_reported(void **state) {
    (void)state;
    struct suite_items items;
    const struct eval_task *task = NULL;
    json_t *part = NULL;
    json_t *answers = json_pack("[{s:i,s:s},{s:i,s:s}]", "item", 0, "answer", "Paris", "item", 1,
                                "answer", "Rom");
    write_file("data.jsonl", "{\"city\": \"Paris\"}\n{\"city\": \"Rome\"}\n");
    assert_ok(open_task(HEAD "prompt: a\nexpected: '{city}'\nmetric: [rouge_l, exact_match]\n"));
    assert_ok(user_tasks_find(&tasks, "capitals", &task));
    assert_string_equal(eval_task_metric(task), "rouge_l");
    assert_ok(suite_load(task->suite, &(struct datasets){0}, &items));
    assert_ok(score_answers(task, &items, answers, false, &part));
    const json_t *scores = json_object_get(part, "scores"), *rows = json_object_get(part, "items");
    const json_t *rome = json_array_get(rows, 1);
    double rouge = 6.0 / 7.0; /* 2 * 3 of 3 + 4 characters */
    assert_true(json_number_value(json_object_get(rome, "rouge_l")) == rouge);
    assert_true(json_is_false(json_object_get(rome, "exact_match")));
    assert_null(json_object_get(rome, "correct"));
    assert_null(json_object_get(part, "correct"));
    assert_true(json_number_value(json_object_get(scores, "rouge_l")) == (1.0 + rouge) / 2.0);
    assert_true(json_number_value(json_object_get(scores, "exact_match")) == 0.5);
    const json_t *interval = json_object_get(part, "interval");
    assert_true(json_number_value(json_array_get(interval, 0)) == rouge);
    assert_true(json_number_value(json_array_get(interval, 1)) == 1.0);
    json_decref(part);
    json_decref(answers);
    suite_items_release(&items);
    user_tasks_close(&tasks);
}

/* Two answers to an item are no two items: what is resampled are the items' means. */
static void answers_to_an_item_are_one_measurement(void **state) {
    (void)state;
    struct suite_items items;
    const struct eval_task *task = NULL;
    json_t *part = NULL, *answers = json_array();
    static const char *const said[2][2] = {{"Paris", "x"}, {"x", "Rome"}};
    for (int k = 0; k < 4; k++)
        assert_ok(json_push(answers, json_pack("{s:i,s:i,s:s}", "item", k / 2, "sample", k % 2,
                                               "answer", said[k / 2][k % 2])));
    write_file("data.jsonl", "{\"city\": \"Paris\"}\n{\"city\": \"Rome\"}\n");
    assert_ok(open_task(HEAD "prompt: a\nexpected: '{city}'\nmetric: rouge_l\n"));
    assert_ok(user_tasks_find(&tasks, "capitals", &task));
    assert_ok(suite_load(task->suite, &(struct datasets){0}, &items));
    assert_ok(score_answers(task, &items, answers, false, &part));
    const json_t *interval = json_object_get(part, "interval");
    assert_true(json_number_value(json_array_get(interval, 0)) == 0.5);
    assert_true(json_number_value(json_array_get(interval, 1)) == 0.5);
    json_decref(part);
    json_decref(answers);
    suite_items_release(&items);
    user_tasks_close(&tasks);
}

/* As Windows writes them: a byte order mark, and ends of lines of two bytes. */
static void files_of_windows_are_read(void **state) {
    (void)state;
    struct suite_items items;
    const struct eval_task *task = NULL;
    write_file("data.jsonl", "\xEF\xBB\xBF{\"city\": \"Paris\"}\r\n{\"city\": \"Rome\"}\r\n");
    assert_ok(open_task("\xEF\xBB\xBF" HEAD "prompt: 'a<sep>'\r\nexpected: '{city}'\r\n"));
    assert_ok(user_tasks_find(&tasks, "capitals", &task));
    assert_ok(suite_load(task->suite, &(struct datasets){0}, &items));
    assert_int_equal(items.n, 2);
    assert_string_equal(items.items[1].gold, "Rome");
    assert_string_equal(items.items[1].prompt, "a<sep>");
    suite_items_release(&items);
    user_tasks_close(&tasks);
}

/* The line is named once, and a file without one by its name. */
static void faults_in_the_data_have_their_places(void **state) {
    (void)state;
    struct suite_items items;
    const struct eval_task *task = NULL;
    write_file("data.jsonl", "{\"city\": \"Paris\"}\n{\"city\": \"Ro");
    assert_ok(open_task(HEAD "prompt: a\nexpected: '{city}'\n"));
    assert_ok(user_tasks_find(&tasks, "capitals", &task));
    assert_fails(suite_load(task->suite, &(struct datasets){0}, &items), ERR_PARSE,
                 "data.jsonl' line 2: column ");
    write_file("data.jsonl", "\n");
    assert_fails(suite_load(task->suite, &(struct datasets){0}, &items), ERR_MISSING,
                 "data.jsonl' has no line");
    user_tasks_close(&tasks);
}

static void faults_have_their_places(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *message;
    } rows[] = {
        {HEAD "prompt: '{a'\nexpected: b\n", "task.yaml:4:9: prompt: '{' opens no field"},
        {HEAD "prompt: 'a}'\nexpected: b\n", "'}' closes no field"},
        {HEAD "prompt: a\n", "no key 'expected'"},
        {HEAD "promt: a\nprompt: a\nexpected: b\n", "unknown key 'promt'"},
        {HEAD "prompt: a\nexpected: b\nextract: '('\n", "task.yaml:6:10: regular expression '('"},
        {HEAD "prompt: a\nexpected: b\nmetric: bleu\n", "task.yaml:6:9"},
        {HEAD "prompt: a\nexpected: b\nmetric: [rouge_l, bleu]\n", "'bleu' is none of"},
        {HEAD "prompt: a\nexpected: b\nmetric: [contains, contains]\n", "metric 'contains' twice"},
        {HEAD "prompt: a\nexpected: b\nmetric: []\n", "no metric"},
        {HEAD "prompt: [a]\nexpected: b\n", "'prompt' is a list, not a text"},
        {"cotrain_task: 2\nname: a\ndata: b\nprompt: c\nexpected: d\n", "task.yaml:1:15"},
        {"cotrain_task: 1\nname: a.b\ndata: b\nprompt: c\nexpected: d\n", "'a.b' has a '.' in it"},
        {"cotrain_task: 1\nname: ''\ndata: b\nprompt: c\nexpected: d\n", "an empty name"},
        {"- a\n", "no mapping"},
        {"cotrain_task: 1\nname: gsm8k_cn\ndata: b\nprompt: c\nexpected: d\n",
         "there is a task 'gsm8k_cn' already"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err result = open_task(rows[i].yaml);
        if (result == ERR_OK || strstr(err_message(), rows[i].message) == NULL)
            fail_msg("row %zu: %s instead of %s", i, err_message(), rows[i].message);
    }
}

static void a_missing_field_is_told_with_both_places(void **state) {
    (void)state;
    struct suite_items items;
    write_file("data.jsonl", "{\"a\": 1}\n\n{\"b\": 2}\n");
    assert_ok(open_task(HEAD "prompt: 'x'\nexpected: '{a}'\n"));
    assert_fails(suite_load(tasks.items[0]->suite, &(struct datasets){0}, &items), ERR_MISSING,
                 "data.jsonl' line 3: ");
    assert_non_null(strstr(err_message(), "task.yaml' line 5: expected: no field 'a'"));
    assert_string_equal(err_hint(), "the line has {b}");
    user_tasks_close(&tasks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(answers_are_scored),
        FOLDER_TEST(several_metrics_are_reported),
        FOLDER_TEST(answers_to_an_item_are_one_measurement),
        FOLDER_TEST(faults_have_their_places),
        FOLDER_TEST(files_of_windows_are_read),
        FOLDER_TEST(faults_in_the_data_have_their_places),
        FOLDER_TEST(a_missing_field_is_told_with_both_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
