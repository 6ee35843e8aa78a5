/* SPDX-License-Identifier: Apache-2.0
 * The driver of filters (data/filters.h): order and threads, what a filter gets to see, examples
 * that stay, groups that lose everything, dropped.jsonl written and read back; and the filters
 * `length` and `exact_dup`. Other filters have tests of their own beside this one. */
#include "base/mem.h"
#include "base/par.h"
#include "data/dataset/dropped.h"
#include "data/filters/filter.h"
#include "data/filters_int.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
    const char *names[4];
    struct arena arena;
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
    arena_release(&f->arena);
    test_folder_remove(f->dir);
    return 0;
}

static void filter_with(struct fixture *f, const char *a, const char *b) {
    f->names[0] = a;
    f->names[1] = b;
    f->t.options.filters = (struct opt_list){f->names, b ? 2 : 1};
}

static struct dataset *build(struct fixture *f) {
    struct dataset *d;
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&d, f->t.out));
    return d;
}

static struct dropped_list dropped(struct fixture *f) {
    struct dropped_list list;
    assert_ok(dropped_read(f->t.out, &f->arena, &list));
    return list;
}

static void length_drops_short_and_long(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "ab<sep>cd\na<sep>cd\nab<sep>c\nabcdef<sep>cd\nab<sep>cdefgh\n"
                              "plain\nx\n"
                              "\xE5\xAD\x97\xE5\xAD\x97<sep>\xE5\xAD\x97\xE5\xAD\x97\n"),
                    NULL);
    filter_with(f, "length", NULL);
    f->t.options.filter = (struct filter_options){
        .min_prompt_chars = 2, .max_prompt_chars = 5, .min_answer_chars = 2, .max_answer_chars = 5};
    struct dataset *d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 3); /* lines 1, 6 and 8 */
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[1].line, 6);
    dataset_close(d);
    struct dropped_list list = dropped(f);
    assert_int_equal(list.n, 5);
    assert_string_equal(list.items[0].reason, "the prompt has 1 characters (at least 2)");
    assert_string_equal(list.items[1].reason, "the answer has 1 characters (at least 2)");
    assert_string_equal(list.items[2].reason, "the prompt has 6 characters (at most 5)");
    assert_string_equal(list.items[3].reason, "the answer has 6 characters (at most 5)");
    assert_string_equal(list.items[4].reason, "the text has 1 characters (at least 2)");
    assert_string_equal(list.items[3].source, "a.txt");
    assert_string_equal(list.items[3].filter, "length");
    assert_string_equal(list.items[3].text, "ab\ncdefgh");
    assert_int_equal(list.items[3].line, 5);
    assert_null(list.items[3].related);
    assert_null(list.items[3].request);
    f->t.options.filter = (struct filter_options){.max_tokens = 7};
    d = build(f); /* a blank before each text, and a byte a token */
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 5);
    dataset_close(d);
    f->t.options.filter = (struct filter_options){.min_tokens = 9, .max_tokens = 8};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE, "data.filter.min_tokens is 9");
    f->t.options.filter = (struct filter_options){.min_answer_chars = 40000};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE, "max_answer_chars is 32768");
}

static void the_same_sample_comes_once(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "Ab, c<sep>d\nab c<sep>D!\nab c<sep>e\nab<sep>c d\nabc<sep>d\n"
                              "ab c d\n"),
                    NULL);
    tiny_add_source(&f->t, tiny_file(f->dir, "b.txt", "ab<sep>C D\nab  c d.\nnew\n"), NULL);
    filter_with(f, "exact_dup", NULL);
    struct dataset *d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 6);
    dataset_close(d);
    struct dropped_list list = dropped(f);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.items[0].line, 2);
    assert_string_equal(list.items[0].related, "a.txt line 1");
    assert_string_equal(list.items[1].related, "a.txt line 4");
    assert_string_equal(list.items[2].related, "a.txt line 6");
}

/* Rows that people wrote stay before generated ones, wherever they stand; examples before both. */
static void the_row_of_a_person_stays(void **state) {
    struct fixture *f = *state;
    struct example examples[] = {{"ep", "er", "recipe.yaml", 7}};
    f->t.requests[0] =
        (struct request){.id = "r#1", .weight = 1, .examples = examples, .n_examples = 1};
    f->t.list.n = 1;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "made.jsonl",
                              "{\"prompt\": \"p\", \"response\": \"r\", \"origin\": {\"x\": 1}}\n"
                              "{\"prompt\": \"q\", \"response\": \"r\", \"origin\": {\"x\": 1}}\n"),
                    "r#1");
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "own.jsonl",
                              "{\"prompt\": \"P\", \"response\": \"r\"}\n"
                              "{\"prompt\": \"EP\", \"response\": \"ER\"}\n"),
                    "r#1");
    filter_with(f, "exact_dup", "length");
    struct dataset *d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 3);
    struct dataset_filter counts;
    assert_int_equal(dataset_n_filters(d), 2);
    assert_ok(dataset_filter(d, 0, 0, &counts));
    assert_string_equal(counts.name, "exact_dup");
    assert_int_equal(counts.seen, 5);
    assert_int_equal(counts.dropped, 2);
    assert_ok(dataset_filter(d, 1, -1, &counts));
    assert_int_equal(counts.seen, 3);
    assert_int_equal(counts.dropped, 0);
    dataset_close(d);
    struct dropped_list list = dropped(f);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].source, "own.jsonl");
    assert_string_equal(list.items[0].related, "request 'r#1' examples line 1");
    assert_string_equal(list.items[1].source, "made.jsonl");
    assert_string_equal(list.items[1].request, "r#1");
    assert_string_equal(list.items[1].related, "request 'r#1' own.jsonl line 1");
}

static void examples_stay_and_are_counted(void **state) {
    struct fixture *f = *state;
    struct example examples[] = {{"ep", "er", "recipe.yaml", 7}};
    f->t.requests[0] =
        (struct request){.id = "r#1", .weight = 1, .examples = examples, .n_examples = 1};
    f->t.list.n = 1;
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "abcd<sep>efgh\nab<sep>ef\n"), "r#1");
    filter_with(f, "length", NULL);
    f->t.options.filter.min_prompt_chars = 3;
    struct dataset *d = build(f);
    struct dataset_filter counts;
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 2);
    assert_ok(dataset_filter(d, 0, 0, &counts));
    assert_int_equal(counts.spared, 1);
    assert_int_equal(counts.dropped, 1);
    dataset_close(d);
    /* with nothing left but the example the build goes on, and says so */
    f->t.options.filter.min_prompt_chars = 5;
    d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 1);
    dataset_close(d);
}

static void a_request_without_rows_is_refused(void **state) {
    struct fixture *f = *state;
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.list.n = 1;
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "ab<sep>ef\nAB<sep>ef\nabc<sep>e\n"), "r#1");
    tiny_add_source(&f->t, tiny_file(f->dir, "b.txt", "abcdefg<sep>h\n"), NULL);
    filter_with(f, "exact_dup", "length");
    f->t.options.filter.min_prompt_chars = 4;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE,
                 "request 'r#1': the filters drop all of its 3 rows (exact_dup 1, length 2)");
    assert_false(file_exists(f->t.out));
}

static void unknown_filters_are_refused(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "a<sep>b\n"), NULL);
    filter_with(f, "lenght", NULL);
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "no filter 'lenght'");
    assert_string_equal(err_hint(), "did you mean 'length'?");
    filter_with(f, "length", "length");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_EXISTS, "names 'length' twice");
}

/* ---- what a filter sees ---- */

static struct str seen; /* of the probe below, in the order of settling */

static err probe_look(void *ctx, struct filter_pass *p, int64_t number,
                      struct filter_verdict *out) {
    struct str text = {0};
    (void)ctx;
    TRY(sample_text(filter_sample(p, number), &text));
    out->found = mem_strdup(str_text(&text));
    str_release(&text);
    return out->found ? ERR_OK : ERR_MEMORY;
}
static err probe_settle(void *ctx, struct filter_pass *p, int64_t number, void *found) {
    (void)ctx, (void)p, (void)number;
    return str_printf(&seen, "%s;", (char *)found);
}
static err probe_run(struct filter_pass *p) {
    return filter_each(p, probe_look, probe_settle, NULL);
}
static const struct filter probe = {.name = "probe", .summary = "", .run = probe_run};

/* Held-out cases, drawn or from a file, are nowhere among what filters are handed. */
static void held_out_cases_are_never_seen(void **state) {
    struct fixture *f = *state;
    struct corpus corpus = {0};
    struct filtering done = {0};
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.requests[0].cases =
        tiny_file(f->dir, "cases.jsonl", "{\"prompt\": \"sealed\", \"response\": \"s\"}\n");
    f->t.requests[1] = (struct request){.id = "r#2", .weight = 1};
    f->t.list.n = 2;
    f->t.options.holdout.per_request = 2;
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "aa<sep>ab\n"), "r#1");
    tiny_add_source(&f->t, tiny_file(f->dir, "b.txt", "ba<sep>x\nbb<sep>x\nbc<sep>x\nbd<sep>x\n"),
                    "r#2");
    assert_ok(corpus_read(&corpus, &f->t.options, &f->t.list));
    assert_ok(corpus_hold_out(&corpus, &f->t.options, 42));
    const struct filter *these[] = {&probe};
    const struct filters_run run = {.corpus = &corpus, .options = &f->t.options};
    str_clear(&seen);
    assert_ok(filters_run_these(&run, these, 1, &done));
    assert_null(strstr(str_text(&seen), "sealed"));
    assert_int_equal(corpus.n_cases, 3);
    int64_t n = 0;
    for (const char *at = str_text(&seen); *at; at++) n += *at == ';';
    assert_int_equal(n, 3);
    for (int64_t i = 1; i < corpus.n_cases; i++) {
        char text[8];
        snprintf(text, sizeof text, "%.*s\n", (int)corpus.cases[i].prompt.n,
                 corpus.cases[i].prompt.text);
        assert_null(strstr(str_text(&seen), text));
    }
    filtering_release(&done);
    corpus_release(&corpus);
    str_release(&seen);
}

static void threads_do_not_show(void **state) {
    struct fixture *f = *state;
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    struct str text = {0};
    for (int i = 0; i < 5000; i++)
        assert_ok(str_printf(&text, "p%d<sep>%.*s\n", i % 1900, 1 + i % 7, "rrrrrrr"));
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", str_text(&text)), NULL);
    str_release(&text);
    filter_with(f, "length", "exact_dup");
    f->t.options.filter.max_answer_chars = 6;
    for (int threads = 1; threads <= 4; threads += 3) {
        par_set_threads(threads);
        assert_ok(data_build(&f->t.build, f->t.out));
        assert_ok(sha256_dir(f->t.out, threads == 1 ? first : second));
    }
    par_set_threads(0);
    assert_string_equal(first, second);
}

static void damaged_lists_are_refused(void **state) {
    struct fixture *f = *state;
    struct dropped_list list;
    tiny_file(f->dir, "dropped.jsonl", "{\"source\": \"a\"}\n");
    assert_fails(dropped_read(f->dir, &f->arena, &list), ERR_PARSE, "dropped.jsonl' line 1");
    assert_ok(dir_make(tiny_path(f->dir, "none")));
    assert_ok(dropped_read(tiny_path(f->dir, "none"), &f->arena, &list));
    assert_int_equal(list.n, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(length_drops_short_and_long),       TEST(the_same_sample_comes_once),
        TEST(the_row_of_a_person_stays),         TEST(examples_stay_and_are_counted),
        TEST(a_request_without_rows_is_refused), TEST(unknown_filters_are_refused),
        TEST(held_out_cases_are_never_seen),     TEST(threads_do_not_show),
        TEST(damaged_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
