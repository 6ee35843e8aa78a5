/* SPDX-License-Identifier: Apache-2.0
 * The lints: for each, rows that it must find beside rows that look alike and are fine; what a
 * report tells and masks; that it is the same bytes with one thread and with many; limits, what
 * they refuse, and how one that is exceeded is told. */
#include "base/file.h"
#include "base/par.h"
#include "data/lint.h"
#include "data/lint/lint.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
    json_t *report;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_build_init(&f.t, f.dir);
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    json_decref(f->report);
    test_folder_remove(f->dir);
    return 0;
}

struct pair {
    const char *prompt, *response;
};

/* Builds the pairs as rows of a file and reads the report. */
static void lint_pairs(struct fixture *f, const struct pair *pairs, size_t n) {
    struct str text = {0};
    struct dataset *d;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_object();
        assert_ok(json_put(row, "prompt", json_string(pairs[i].prompt)));
        assert_ok(json_put(row, "response", json_string(pairs[i].response)));
        assert_ok(json_text(row, 0, &text));
        assert_ok(str_add(&text, "\n"));
        json_decref(row);
    }
    tiny_add_source(&f->t, tiny_file(f->dir, "rows.jsonl", str_text(&text)), NULL);
    str_release(&text);
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&d, f->t.out));
    json_decref(f->report);
    assert_ok(lint_read(d, 1000, &f->report));
    dataset_close(d);
}
#define LINT_PAIRS(f, pairs) lint_pairs(f, pairs, sizeof(pairs) / sizeof((pairs)[0]))

static json_t *found(struct fixture *f, const char *name) {
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(f->report, "lints"), i, item) {
        if (strcmp(json_text_of(item, "name"), name) == 0) return item;
    }
    fail_msg("no lint '%s' in the report", name);
    return NULL;
}

/* The lines that a lint tells of, "3,1,": the worst first. */
static void assert_lines(struct fixture *f, const char *name, const char *want) {
    struct str lines = {0};
    json_t *row, *item = found(f, name);
    size_t i;
    json_array_foreach(json_object_get(item, "worst"), i, row) {
        assert_ok(str_printf(&lines, "%lld,",
                             (long long)json_integer_value(json_object_get(row, "line"))));
    }
    assert_string_equal(str_text(&lines), want);
    str_release(&lines);
}

static const char *told(struct fixture *f, const char *name, size_t i, const char *key) {
    return json_text_of(json_array_get(json_object_get(found(f, name), "worst"), i), key);
}

static void the_same_texts_are_duplicates_and_conflicts(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"What is the capital?", "It is Paris."},
        {"what is  the capital", "IT IS PARIS"}, /* the same as line 1 */
        {"What is the capital?", "It is Rome."}, /* in conflict with both */
        {"What is the river?", "It is Paris."},
        {"What is the river?", "It is Paris."},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "duplicates", "2,5,");
    assert_string_equal(told(f, "duplicates", 0, "note"), "the same as rows.jsonl line 1");
    assert_lines(f, "conflicts", "1,2,3,");
    assert_string_equal(told(f, "conflicts", 2, "note"),
                        "another answer to the prompt of rows.jsonl line 1");
    assert_string_equal(told(f, "conflicts", 0, "note"),
                        "another answer to the prompt of rows.jsonl line 3");
}

static void near_duplicates_are_told_once_with_the_first(void **state) {
    struct fixture *f = *state;
#define LONG "the quick brown fox jumps over the lazy dog while the cat sleeps under an old tree "
    static const struct pair pairs[] = {
        {LONG "one", LONG "at noon"},
        {"something else altogether", "and another thing that nobody asked for"},
        {LONG "two", LONG "at noon"},
        {LONG "one", LONG "at noon."}, /* exactly the same, after normalisation */
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "near_duplicates", "3,");
    assert_non_null(strstr(told(f, "near_duplicates", 0, "note"), "like rows.jsonl line 1"));
    assert_lines(f, "duplicates", "4,");
}

/* Rows of one template are no copies of each other, and a copy among them is found all the same. */
static void templates_hide_no_copies(void **state) {
    struct fixture *f = *state;
    static const char *const words[] = {"apple", "grape", "melon", "peach", "lemon",
                                        "olive", "mango", "berry", "dates", "fig"};
    static char prompts[1001][160], answers[1001][200];
    struct pair pairs[1001];
    for (int i = 0; i < 1001; i++) {
        int k = i < 1000 ? i : 500; /* the last one is a copy of row 501 */
        const char *a = words[k % 10], *b = words[k / 10 % 10], *c = words[k / 100];
        snprintf(prompts[i], sizeof prompts[i],
                 "Please write the order as one line of text with all of its items: %s, %s, %s "
                 "for the customer %d%d of street %d",
                 a, b, c, 7919 * k, k, 104729 * k);
        snprintf(answers[i], sizeof answers[i],
                 "The items of the order are, in this order, %s and %s and %s; sent to street %d%s",
                 a, b, c, 104729 * k, i < 1000 ? "" : " now");
        pairs[i] = (struct pair){prompts[i], answers[i]};
    }
    LINT_PAIRS(f, pairs);
    assert_lines(f, "near_duplicates", "1001,");
    assert_non_null(strstr(told(f, "near_duplicates", 0, "note"), "like rows.jsonl line 501"));
}

static void answers_in_prompts_and_prompts_in_answers(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"Say this again: all of these words are here", "all of these words are here"},
        {"Which city: Paris or Rome?", "Paris"}, /* a choice is short */
        {"Tell me about the weather in Oslo", "Tell me about the weather in Oslo: it rains."},
        {"Tell me about the weather in Rome", "In Rome it is warm."},
        {"请重复：今天天气很好我们去爬山吧", "今天天气很好我们去爬山吧"},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "answer_in_prompt", "5,1,");
    assert_lines(f, "prompt_in_answer", "3,");
}

static void answers_that_are_cut_short(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"a1", "```c\nint x;\n```"},                                 /* a whole fence */
        {"a2", "```c\nint main(void) {"},                            /* an open fence */
        {"a3", "{\"name\": \"x\", \"list\": [1, 2"},                 /* half a JSON */
        {"a4", "{\"name\": \"x\", \"list\": [1, 2]}"},               /* a whole one */
        {"a5", "It depends (on the weather"},                        /* an open bracket */
        {"a6", "x in [0, 1), and so on :( 1) first 2) second"},      /* closed or smiling */
        {"a7", "First we wash the rice,"},                           /* a comma */
        {"a8", "首先，把米洗干净，然后、"},                          /* a Chinese one */
        {"a9", "One is here. Two is there. Three is nowhere to be"}, /* a sentence's middle */
        {"b1", "One is here. Two is there. Three is nowhere."},
        {"b2", "- one\n- two\n- three"},
        {"b3", "42"},
        {"b4", "Title\n====="},
        {"b5", "printf(\"(%d\", x);"},
        {"b6", "[1] is the reference"},
        {"c1", "if c == '(':\n    depth += 1"},
        {"c2", "while b:\n    a, b = b, a % b\nreturn a"},
        {"b8", "We went to the market and"},
        {"b9", "vitamin a"},
        {"b7", "他说（见上文)就走了"},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "truncated", "2,3,5,7,8,18,9,");
    assert_string_equal(told(f, "truncated", 1, "note"), "JSON that ends too early");
}

static void line_ends_of_another_convention(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"one\ntwo", "a\nb"},
        {"one<n>two", "a\nb"},
        {"one\r\ntwo", "a"},
        {"first\\nsecond\\nthird", "a"},
        {"what does printf(\"\\n\") do", "it ends a line\nand flushes"},
        {"open C:\\name and D:\\dir\\new", "done"},
        {"is $a \\neq \\nu$ true", "yes"},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "newlines", "4,2,3,");
}

static void answers_in_another_language(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"请说明这个函数做什么用", "It sorts the numbers that it is given."},
        {"What does this function do for us?", "它把给它的数字按大小排列起来。"},
        {"请说明这个函数做什么用", "它调用 qsort，按大小排列。"},
        {"请写一个排序的函数吧", "void sort(int *a, int n) {\n    qsort(a, n, 4, less);\n}"},
        {"你叫什么名字呢请回答", "Janus"},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "language", "1,2,");
    assert_string_equal(told(f, "language", 1, "note"), "asked in en, answered in zh");
    const json_t *mix = json_object_get(found(f, "language"), "main");
    assert_int_equal(json_integer_value(json_object_get(mix, "code")), 1);
}

static void what_is_sensitive_is_masked_everywhere(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"my number", "call 13800138001, or write to li.wei@inspur-mail.cn today (and"},
        {"key", "use ghp_NqVwYS81VP7Hb1DX8pPd5khxE3pyIgKpaUnA for it"},
        {"terms", "仅供学习使用"},
        {"fine", "nothing here"},
    };
    LINT_PAIRS(f, pairs);
    assert_lines(f, "personal", "1,");
    assert_lines(f, "secrets", "2,");
    assert_lines(f, "licence_words", "3,");
    struct str all = {0};
    assert_ok(json_text(f->report, 0, &all));
    assert_null(strstr(str_text(&all), "13800138001"));
    assert_null(strstr(str_text(&all), "li.wei@"));
    assert_null(strstr(str_text(&all), "YS81VP7Hb1DX8pPd5khxE3pyIgKpaUnA"));
    assert_lines(f, "truncated", "1,"); /* whose excerpt shows the number's neighbourhood */
    assert_non_null(strstr(told(f, "truncated", 0, "excerpt"), "****"));
    str_release(&all);
}

static void words_of_a_list_stand_apart(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {
        {"about Essex", "fine"},
        {"about SEX", "no"},
        {"这是 敏 感 词吗", "不"},
        {"这是ｓｅｘ", "不"},
    };
    f->t.options.sensitive_words = tiny_file(f->dir, "words.txt", "# a list\nsex\n\n敏感词\n");
    LINT_PAIRS(f, pairs);
    assert_lines(f, "sensitive_words", "2,3,4,");
    assert_string_equal(told(f, "sensitive_words", 1, "note"), "'敏感词'");
    f->t.options.sensitive_words = tiny_file(f->dir, "words.txt", "sex\n...\n");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_PARSE, "words.txt' line 2");
}

static void tokens_are_counted(void **state) {
    struct fixture *f = *state;
    struct pair pairs[] = {{"q", "an answer"}, {"q", NULL}};
    char *answer = mem_zalloc(1200, 1);
    memset(answer, 'x', 1100);
    pairs[1].response = answer;
    tiny_add_source(&f->t, tiny_file(f->dir, "plain.txt", "only text\n"), NULL);
    LINT_PAIRS(f, pairs);
    mem_free(answer);
    assert_lines(f, "trained_share", "1,");
    assert_string_equal(told(f, "trained_share", 0, "note"), "none of its 11 tokens is trained");
    json_t *share = found(f, "trained_share");
    int64_t tokens = json_integer_value(json_object_get(share, "tokens"));
    assert_int_equal(tokens, 11 + 2 + 1 + 11 + 2 + 1 + 1102);
    assert_int_equal(json_integer_value(json_object_get(share, "trained_tokens")), 11 + 1102);
    assert_lines(f, "overlong", "2,");
    assert_string_equal(told(f, "overlong", 0, "note"), "1105 tokens");
    assert_lines(f, "separators", "");
    assert_lines(f, "license", "1,1,2,");
    f->t.sources[0].license = f->t.sources[1].license = "mit";
    lint_pairs(f, pairs, 1);
}

static void tokens_that_came_as_such_may_lack_separators(void **state) {
    (void)state;
    struct turn turn = {.prompt = {"q", 1}, .answer = {"a", 1}, .trained = true};
    struct sample sample = {.kind = SAMPLE_TURNS, .turns = &turn, .n = 1};
    struct corpus_source source = {.name = "ids"};
    struct corpus corpus = {.sources = &source, .n_sources = 1};
    struct lint_row rows[] = {
        {.sample = &sample, .n_sep = 1, .n_eod = 1, .ends = true},
        {.sample = &sample, .n_sep = 2, .n_eod = 1, .ends = true},
        {.sample = &sample, .n_sep = 0, .n_eod = 0, .ends = false},
    };
    struct lint_run run = {.corpus = &corpus, .rows = rows, .n = 3};
    const double want[] = {0, 1, 3};
    for (int64_t i = 0; i < 3; i++) {
        struct lint_mark mark = {.badness = 0};
        assert_ok(lint_separators.look(&run, NULL, i, &mark));
        assert_true(mark.badness == want[i]);
    }
}

static void conversations_are_looked_at_once(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "h.jsonl",
                              "{\"instruction\": \"and now\", \"output\": \"done\", \"history\":"
                              " [[\"call 13800138001\", \"yes\"], [\"go on\", \"well\"]]}\n"),
                    NULL);
    static const struct pair pairs[] = {{"x", "y"}};
    LINT_PAIRS(f, pairs);
    assert_int_equal(json_integer_value(json_object_get(f->report, "rows")), 4);
    assert_lines(f, "personal", "1,");
    assert_lines(f, "duplicates", "");
    assert_lines(f, "near_duplicates", "");
}

static void threads_do_not_show(void **state) {
    struct fixture *f = *state;
    struct str text = {0}, first = {0}, second = {0};
    for (int i = 0; i < 5000; i++)
        assert_ok(str_printf(&text,
                             "{\"prompt\": \"write the words of number %d please\", \"response\": "
                             "\"there are %d words in the line, (%d\"}\n",
                             i % 1700, i % 900, i % 3));
    tiny_add_source(&f->t, tiny_file(f->dir, "many.jsonl", str_text(&text)), NULL);
    const char *path = tiny_path(f->t.out, "lint.json");
    par_set_threads(1);
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(file_read(path, 1 << 24, &first));
    par_set_threads(5);
    assert_ok(data_build(&f->t.build, f->t.out));
    par_set_threads(0);
    assert_ok(file_read(path, 1 << 24, &second));
    assert_string_equal(str_text(&first), str_text(&second));
    assert_non_null(strstr(str_text(&first), "like many.jsonl line"));
    str_release(&text);
    str_release(&first);
    str_release(&second);
}

static void held_out_rows_are_not_looked_at(void **state) {
    struct fixture *f = *state;
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.list.n = 1;
    f->t.options.holdout.per_request = 1;
    static const struct pair pairs[] = {{"p", "call 13800138001"}, {"q", "call 13800138002"}};
    f->t.requests[0].cases = NULL;
    struct str text = {0};
    for (int i = 0; i < 2; i++)
        assert_ok(str_printf(&text, "{\"prompt\": \"%s\", \"response\": \"%s\"}\n", pairs[i].prompt,
                             pairs[i].response));
    tiny_add_source(&f->t, tiny_file(f->dir, "rows.jsonl", str_text(&text)), "r#1");
    str_release(&text);
    struct dataset *d;
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&d, f->t.out));
    assert_ok(lint_read(d, 0, &f->report));
    assert_int_equal(json_integer_value(json_object_get(f->report, "rows")), 1);
    assert_int_equal(json_array_size(json_object_get(found(f, "personal"), "worst")), 1);
    dataset_close(d);
}

static void limits_are_held(void **state) {
    struct fixture *f = *state;
    static const struct pair pairs[] = {{"p", "a"}, {"p", "b"}, {"q", "c"}, {"r", "d"}};
    LINT_PAIRS(f, pairs);
    const char *items[2] = {"conflicts: 0.5", NULL};
    struct opt_list limits = {items, 1};
    assert_ok(lint_gate(f->report, &limits));
    items[0] = "conflicts: 0.4";
    assert_fails(lint_gate(f->report, &limits), ERR_GATE,
                 "lint 'conflicts': 2 of 4 rows (0.5), more than 0.4: rows.jsonl line 1");
    assert_non_null(strstr(err_message(), "rows.jsonl line 2"));
    items[0] = "conflicts: 0";
    items[1] = "trained_share: 0.9";
    limits.n = 2;
    assert_fails(lint_gate(f->report, &limits), ERR_GATE, "of the tokens are trained, less than");
    assert_non_null(strstr(err_message(), "lint 'conflicts'"));
    items[0] = "conflict: 0";
    assert_fails(lint_limits_check(&limits), ERR_USAGE, "no lint is called 'conflict'");
    assert_non_null(strstr(err_hint(), "conflicts"));
    items[0] = "overlong: 0";
    assert_ok(lint_limits_check(&limits));
    static const char *const wrong[] = {"secrets: 2",   "secrets: -0.1", "secrets: many",
                                        "secrets: nan", "secrets:",      "secrets"};
    limits.n = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        items[0] = wrong[i];
        assert_fails(lint_limits_check(&limits), ERR_RANGE, "is not a share from 0 to 1");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_texts_are_duplicates_and_conflicts),
        TEST(near_duplicates_are_told_once_with_the_first),
        TEST(templates_hide_no_copies),
        TEST(answers_in_prompts_and_prompts_in_answers),
        TEST(answers_that_are_cut_short),
        TEST(line_ends_of_another_convention),
        TEST(answers_in_another_language),
        TEST(what_is_sensitive_is_masked_everywhere),
        TEST(words_of_a_list_stand_apart),
        TEST(tokens_are_counted),
        TEST(tokens_that_came_as_such_may_lack_separators),
        TEST(conversations_are_looked_at_once),
        TEST(threads_do_not_show),
        TEST(held_out_rows_are_not_looked_at),
        TEST(limits_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
