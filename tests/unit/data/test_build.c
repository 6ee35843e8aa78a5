/* SPDX-License-Identifier: Apache-2.0
 * Building and opening dataset folders: the same bytes from the same input, what is held
 * out and what validates, everything that must be refused, and that a build which fails
 * leaves what was there before untouched and nothing beside it. */
#include "base/fault.h"
#include "base/hash.h"
#include "data/dataset/dataset.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
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
    fault_arm(FAULT_IO, FAULT_FAIL, 0);
    test_folder_remove(f->dir);
    return 0;
}

/* n rows {"prompt": "p<first + i>", "response": "r<first + i>"} */
static const char *pairs(struct fixture *f, const char *name, int first, int n) {
    struct str text = {0};
    for (int i = first; i < first + n; i++)
        assert_ok(str_printf(&text, "{\"prompt\": \"p%d\", \"response\": \"r%d\"}\n", i, i));
    const char *path = tiny_file(f->dir, name, str_text(&text));
    str_release(&text);
    return path;
}

static struct dataset *build(struct fixture *f) {
    struct dataset *d;
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&d, f->t.out));
    return d;
}

static void digest_of(const char *dir, char out[SHA256_HEX_SIZE]) {
    assert_ok(sha256_dir(dir, out));
}

static void the_same_input_gives_the_same_bytes(void **state) {
    struct fixture *f = *state;
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE], input[SHA256_HEX_SIZE];
    tiny_add_source(&f->t, pairs(f, "a.jsonl", 0, 900), NULL);
    f->t.options.validation = 0.1;
    assert_ok(data_build(&f->t.build, f->t.out));
    digest_of(f->t.out, first);
    assert_ok(data_build(&f->t.build, f->t.out)); /* replaces itself */
    digest_of(f->t.out, second);
    assert_string_equal(first, second);
    /* from other folders, to another one */
    const char *elsewhere = tiny_path(f->dir, "elsewhere"), *other = tiny_path(f->dir, "other");
    assert_ok(dir_make(elsewhere));
    char moved[300];
    snprintf(moved, sizeof moved, "%s/a.jsonl", elsewhere);
    assert_ok(file_copy(f->t.sources[0].path, moved));
    f->t.sources[0].path = moved;
    assert_ok(data_build(&f->t.build, other));
    digest_of(other, second);
    assert_string_equal(first, second);
    struct dataset *d;
    assert_ok(dataset_open(&d, other));
    assert_ok(data_build_input(&f->t.build, input));
    assert_string_equal(dataset_input(d), input);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 810);
    assert_int_equal(dataset_n_rows(d, SPLIT_VALID), 90);
    dataset_close(d);
    f->t.build.seed++;
    assert_ok(data_build_input(&f->t.build, second));
    assert_string_not_equal(second, input);
    assert_ok(data_build(&f->t.build, other));
    digest_of(other, second);
    assert_string_not_equal(first, second);
}

static void rows_hold_prompt_sep_answer_eod(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", "ab[SEP]c\nt\n"), NULL);
    struct dataset *d = build(f);
    const int a = TINY_FIRST_CHARACTER + 'a' - '!', space = TINY_FIRST_CHARACTER + 94;
    const int eod = space + 1, sep = eod + 1;
    const int32_t want[] = {space, a, a + 1, sep, space, a + 2, eod};
    const uint8_t want_answer[] = {0, 0, 0, 0, 1, 1, 1};
    assert_int_equal(dataset_eod(d), eod);
    assert_int_equal(dataset_sep(d), sep);
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[0].n_tokens, 7);
    assert_memory_equal(dataset_tokens(d, SPLIT_TRAIN, 0), want, sizeof want);
    assert_memory_equal(dataset_answer(d, SPLIT_TRAIN, 0), want_answer, sizeof want_answer);
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[1].n_tokens, 3);
    assert_int_equal(dataset_tokens(d, SPLIT_TRAIN, 1)[2], eod);
    assert_int_equal(dataset_n_answer_tokens(d, SPLIT_TRAIN), 3);
    dataset_close(d);
}

static void conversations_give_a_row_per_turn_or_one(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "h.jsonl",
                              "{\"instruction\": \"c\", \"output\": \"d\","
                              " \"history\": [[\"a\", \"b\"]]}\n"),
                    NULL);
    struct dataset *d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 2);
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[1].part, 2);
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[1].n_tokens, 1 + 5 + 1 + 2 + 1); /* a\nb\nc */
    assert_int_equal(dataset_n_answer_tokens(d, SPLIT_TRAIN), 6);
    dataset_close(d);
    f->t.options.turns = "all";
    d = build(f);
    assert_int_equal(dataset_n_rows(d, SPLIT_TRAIN), 1);
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[0].n_tokens, 12);
    const uint8_t want[] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1};
    assert_memory_equal(dataset_answer(d, SPLIT_TRAIN, 0), want, sizeof want);
    dataset_close(d);
}

static void requests_bring_examples_sources_and_cases(void **state) {
    struct fixture *f = *state;
    struct example examples[] = {{"ep", "er", "recipe.yaml", 7}};
    f->t.requests[0] =
        (struct request){.id = "r#1", .weight = 2, .examples = examples, .n_examples = 1};
    f->t.requests[0].cases = pairs(f, "cases.jsonl", 500, 3);
    f->t.requests[1] = (struct request){.id = "r#2", .weight = 1};
    f->t.list.n = 2;
    f->t.options.holdout.per_request = 4;
    tiny_add_source(&f->t, pairs(f, "free.jsonl", 0, 5), NULL);
    tiny_add_source(&f->t, pairs(f, "two.jsonl", 100, 10), "r#2");
    struct dataset *d = build(f);
    assert_int_equal(dataset_n_groups(d), 3);
    assert_string_equal(dataset_group(d, 0)->name, "r#1");
    assert_true(dataset_group(d, 0)->weight > 1.9);
    assert_string_equal(dataset_group(d, 2)->name, "free.jsonl");
    int64_t first, n;
    dataset_group_rows(d, SPLIT_TRAIN, 1, &first, &n);
    assert_int_equal(first, 1);
    assert_int_equal(n, 6); /* ten, of which four are held out */
    dataset_group_rows(d, SPLIT_TRAIN, 2, &first, &n);
    assert_int_equal(n, 5);
    assert_int_equal(dataset_n_cases(d), 3 + 4);
    assert_string_equal(dataset_cases(d)[0].request, "r#1");
    assert_string_equal(dataset_cases(d)[0].prompt, "p500");
    assert_string_equal(dataset_cases(d)[6].request, "r#2");
    struct str where = {0};
    assert_ok(dataset_describe(d, SPLIT_TRAIN, 0, &where));
    assert_string_equal(str_text(&where), "request 'r#1' examples line 1");
    str_release(&where);
    dataset_close(d);
}

static void held_out_prompts_that_are_trained_are_refused(void **state) {
    struct fixture *f = *state;
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.requests[0].cases = pairs(f, "cases.jsonl", 8, 4);
    f->t.list.n = 1;
    tiny_add_source(&f->t, pairs(f, "rows.jsonl", 0, 10), "r#1");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_PARSE, "2 of 4 held-out cases");
    assert_non_null(strstr(err_message(), "cases.jsonl' line 1: the same prompt is trained: '"));
    assert_non_null(strstr(err_message(), "rows.jsonl' line 9"));
    assert_false(file_exists(f->t.out));
}

static void more_cannot_be_held_out_than_there_is(void **state) {
    struct fixture *f = *state;
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.list.n = 1;
    f->t.options.holdout.per_request = 3;
    tiny_add_source(&f->t, pairs(f, "rows.jsonl", 0, 3), "r#1");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE, "holdout.per_request is 3");
}

static void recipes_that_do_not_fit_are_refused(void **state) {
    struct fixture *f = *state;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "no rows");
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.list.n = 1;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "request 'r#1' has no rows");
    tiny_add_source(&f->t, pairs(f, "a.jsonl", 0, 3), "r#2");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "request 'r#2'");
    assert_non_null(strstr(err_hint(), "'r#1'"));
    f->t.sources[0].request = "r#1";
    f->t.sources[0].weight = 0.5;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_USAGE, "weight and a request");
    f->t.sources[0] = (struct data_source){
        .path = tiny_path(f->dir, "absent"), .format = "auto", .request = "r#1", .weight = 1};
    assert_int_not_equal(data_build(&f->t.build, f->t.out), ERR_OK);
    assert_non_null(strstr(err_message(), "absent"));
    assert_false(file_exists(f->t.out));
}

static void a_token_outside_the_vocabulary_is_refused(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", "a<sep>b\nz<sep>~\n"), NULL);
    const int tilde = TINY_FIRST_CHARACTER + '~' - '!';
    f->t.build.vocab_size = tilde + 2; /* the space, but no <eod> */
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISMATCH,
                 "y.txt' line 1: token 355 ('<sep>')");
    f->t.build.vocab_size = tilde + 4;
    assert_ok(data_build(&f->t.build, f->t.out));
}

static void other_folders_are_not_replaced(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, pairs(f, "a.jsonl", 0, 3), NULL);
    assert_ok(dir_make(f->t.out));
    assert_ok(data_build(&f->t.build, f->t.out)); /* empty: fine */
    assert_ok(dir_remove(f->t.out));
    assert_ok(dir_make(f->t.out));
    tiny_file(f->t.out, "thesis.txt", "years of work");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_EXISTS, "is no dataset");
    assert_true(file_exists(tiny_path(f->t.out, "thesis.txt")));
}

static void changed_files_are_refused_by_name(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"train/tokens-00000.bin",
                                        "train/answer-00000.bin",
                                        "train/index.bin",
                                        "holdout.jsonl",
                                        "lint.json",
                                        "tokenizer/tokenizer.model"};
    struct dataset *d;
    tiny_add_source(&f->t, pairs(f, "a.jsonl", 0, 3), NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str bytes = {0};
        assert_ok(data_build(&f->t.build, f->t.out));
        const char *path = tiny_path(f->t.out, names[i]);
        assert_ok(file_read(path, 1 << 20, &bytes));
        if (bytes.len > 0)
            bytes.data[bytes.len / 2] ^= 1;
        else
            assert_ok(str_add(&bytes, "x"));
        assert_ok(file_write(path, bytes.data, bytes.len));
        assert_fails(dataset_open(&d, f->t.out), ERR_MISMATCH, names[i]);
        str_release(&bytes);
    }
    assert_fails(dataset_open(&d, f->dir), ERR_MISSING, "is no dataset");
}

static void a_full_disk_leaves_what_was_there(void **state) {
    struct fixture *f = *state;
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    tiny_add_source(&f->t, pairs(f, "a.jsonl", 0, 5), NULL);
    assert_ok(data_build(&f->t.build, f->t.out));
    digest_of(f->t.out, before);
    f->t.build.seed++;
    f->t.options.validation = 0.4;
    int64_t failures = 0;
    for (int64_t nth = 1;; nth++) {
        fault_arm(FAULT_IO, FAULT_FAIL, nth);
        err e = data_build(&f->t.build, f->t.out);
        fault_arm(FAULT_IO, FAULT_FAIL, 0);
        if (e == ERR_OK) break;
        failures++;
        struct dataset *d; /* the old one or, when only the last sync failed, the new one, whole */
        assert_ok(dataset_open(&d, f->t.out));
        dataset_close(d);
        digest_of(f->t.out, after);
        if (strcmp(before, after) != 0) break;
        assert_false(file_exists(tiny_path(f->dir, "out.tmp-build")));
    }
    assert_true(failures > 10);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_input_gives_the_same_bytes),
        TEST(rows_hold_prompt_sep_answer_eod),
        TEST(conversations_give_a_row_per_turn_or_one),
        TEST(requests_bring_examples_sources_and_cases),
        TEST(held_out_prompts_that_are_trained_are_refused),
        TEST(more_cannot_be_held_out_than_there_is),
        TEST(recipes_that_do_not_fit_are_refused),
        TEST(a_token_outside_the_vocabulary_is_refused),
        TEST(other_folders_are_not_replaced),
        TEST(changed_files_are_refused_by_name),
        TEST(a_full_disk_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
