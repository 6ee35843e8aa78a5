/* SPDX-License-Identifier: Apache-2.0
 * Provenance of rows: what rows.jsonl holds, the whole chain of a row down to the prompt's hash and
 * the place of its tokens, and finding it by number, by line and by text; of samples that were
 * dropped and cases that are held out, that they are told as such, a sealed one without text. */
#include "data/dataset/why.h"
#include "base/file.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
    struct dataset *d;
    json_t *found;
    int64_t n;
};

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_build_init(&f.t, f.dir);
    f.t.requests[0] = (struct request){.id = "r#1", .scenario = "colours", .weight = 1};
    f.t.list.n = 1;
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    json_decref(f->found);
    dataset_close(f->d);
    test_folder_remove(f->dir);
    return 0;
}

static const char rows[] =
    "{\"prompt\": \"name a warm colour\", \"response\": \"red\"}\n"
    "{\"prompt\": \"name a cold colour\", \"response\": \"blue\", \"license\": \"mit\","
    " \"reviewer\": \"Li\"}\n"
    "\n"
    "{\"prompt\": \"name a dark colour\", \"response\": \"black\", \"origin\": {\"generator\":"
    " \"teacher\", \"model\": \"yuan2\", \"method\": \"paraphrase\", \"prompt_sha256\": \"" HASH
    "\", \"checks\": [\"regex\"], \"round\": 1}}\n";

static void build(struct fixture *f) {
    tiny_add_source(&f->t, tiny_file(f->dir, "colours.jsonl", rows), "r#1");
    f->t.sources[0].license = "apache-2.0";
    assert_ok(data_build(&f->t.build, f->t.out));
    dataset_close(f->d);
    assert_ok(dataset_open(&f->d, f->t.out));
}

/* What is found for a question, as text of sorted keys: easy to look into. */
static const json_t *ask(struct fixture *f, const char *what) {
    json_decref(f->found);
    f->found = NULL;
    assert_ok(why_find(f->d, what, 5, &f->found, &f->n));
    return json_array_get(f->found, 0);
}

static int64_t number(const json_t *item, const char *key) {
    return (int64_t)json_integer_value(json_object_get(item, key));
}

static void only_what_an_index_lacks_is_written(void **state) {
    struct fixture *f = *state;
    struct str text = {0};
    build(f);
    assert_ok(file_read(tiny_path(f->t.out, "rows.jsonl"), 1 << 20, &text));
    assert_string_equal(
        str_text(&text),
        "{\"split\":\"train\",\"row\":1,\"license\":\"mit\",\"reviewer\":\"Li\"}\n"
        "{\"split\":\"train\",\"row\":2,\"origin\":{\"generator\":\"teacher\",\"model\":\"yuan2\","
        "\"method\":\"paraphrase\",\"prompt_sha256\":\"" HASH "\",\"checks\":[\"regex\"],"
        "\"round\":1}}\n");
    str_release(&text);
}

static void the_chain_reaches_from_request_to_shard(void **state) {
    struct fixture *f = *state;
    build(f);
    const json_t *row = ask(f, "2");
    assert_int_equal(f->n, 1);
    assert_string_equal(json_text_of(row, "state"), "kept");
    assert_string_equal(json_text_of(json_object_get(row, "request"), "id"), "r#1");
    assert_string_equal(json_text_of(json_object_get(row, "request"), "scenario"), "colours");
    const json_t *source = json_object_get(row, "source");
    assert_string_equal(json_text_of(source, "name"), "colours.jsonl");
    assert_int_equal(number(source, "line"), 4);
    char hex[SHA256_HEX_SIZE];
    assert_ok(sha256_file(f->t.sources[0].path, hex));
    assert_string_equal(json_text_of(source, "sha256"), hex);
    assert_string_equal(json_text_of(row, "license"), "apache-2.0"); /* the source's */
    assert_true(json_is_null(json_object_get(row, "reviewer")));
    assert_string_equal(json_text_of(json_object_get(row, "origin"), "prompt_sha256"), HASH);
    assert_string_equal(json_text_of(row, "shard"), "train/tokens-00000.bin");
    const struct dataset_row *rows_of = dataset_rows(f->d, SPLIT_TRAIN);
    assert_int_equal(number(row, "offset"), rows_of[0].n_tokens + rows_of[1].n_tokens);
    assert_int_equal(number(row, "tokens"), rows_of[2].n_tokens);
    assert_int_equal(number(row, "trained_tokens"), 7); /* a space, "black", <eod> */
    row = ask(f, "train:1");
    assert_string_equal(json_text_of(row, "license"), "mit"); /* its own */
    assert_string_equal(json_text_of(row, "reviewer"), "Li");
    assert_true(json_is_null(json_object_get(row, "origin")));
}

static void generated_rows_reach_their_question(void **state) {
    struct fixture *f = *state;
    build(f);
    const char *log =
        tiny_file(f->dir, "expand.log.jsonl",
                  "{\"format\":\"cotrain-expand-log\",\"version\":1}\n"
                  "{\"key\":\"ff\",\"prompt\":\"mentions " HASH "\",\"text\":\"no\"}\n"
                  "{\"key\":\"" HASH "\",\"model\":\"yuan2\",\"prompt\":\"say it differently\","
                  "\"outcome\":\"answer\",\"text\":\"name a dark colour\"}\n");
    (void)ask(f, "colour");
    assert_ok(why_add_questions(f->found, log));
    const json_t *question = json_object_get(json_array_get(f->found, 2), "question");
    assert_string_equal(json_text_of(question, "prompt"), "say it differently");
    assert_null(json_object_get(json_array_get(f->found, 0), "question"));
    log = tiny_file(f->dir, "other.jsonl", "{\"key\":\"ff\",\"prompt\":\"p\"}\n");
    (void)ask(f, "2");
    assert_fails(why_add_questions(f->found, log), ERR_MISSING, "train row 2: no question of '");
    log = tiny_file(f->dir, "broken.jsonl", "{\"key\":\"" HASH "\n");
    assert_fails(why_add_questions(f->found, log), ERR_PARSE, "broken.jsonl' line 1");
}

static void the_tokens_lie_where_the_chain_says(void **state) {
    struct fixture *f = *state;
    struct str bytes = {0};
    build(f);
    const json_t *row = ask(f, "1");
    char path[300];
    snprintf(path, sizeof path, "%s/%s", f->t.out, json_text_of(row, "shard"));
    assert_ok(file_read(path, 1 << 20, &bytes));
    size_t n = (size_t)number(row, "tokens") * sizeof(int32_t);
    size_t at = (size_t)number(row, "offset") * sizeof(int32_t);
    assert_true(at + n <= bytes.len);
    assert_memory_equal(bytes.data + at, dataset_tokens(f->d, SPLIT_TRAIN, 1), n);
    str_release(&bytes);
}

/* A file of a folder has its folders in its name, with which it is told everywhere. */
static void rows_are_found_by_line_of_a_file_in_a_folder(void **state) {
    struct fixture *f = *state;
    assert_ok(dir_make(tiny_path(f->dir, "more/a")));
    assert_ok(dir_make(tiny_path(f->dir, "more/b")));
    tiny_file(f->dir, "more/a/x.jsonl", "{\"prompt\": \"p\", \"response\": \"q\"}\n");
    tiny_file(f->dir, "more/b/x.jsonl", "{\"prompt\": \"r\", \"response\": \"s\"}\n");
    tiny_add_source(&f->t, tiny_path(f->dir, "more"), "r#1");
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&f->d, f->t.out));
    assert_int_equal(number(ask(f, "a/x.jsonl:1"), "row"), 0);
    assert_int_equal(number(ask(f, "b/x.jsonl:1"), "row"), 1);
    assert_int_equal(number(ask(f, "somewhere/more/b/x.jsonl:1"), "row"), 1);
    json_t *none;
    assert_fails(why_find(f->d, "ab/x.jsonl:1", 5, &none, &f->n), ERR_MISSING, "is not in dataset");
}

static void rows_are_found_by_line_and_by_text(void **state) {
    struct fixture *f = *state;
    build(f);
    const json_t *row = ask(f, "somewhere/colours.jsonl:2");
    assert_int_equal(number(row, "row"), 1);
    row = ask(f, "DARK  colour");
    assert_int_equal(f->n, 1);
    assert_int_equal(number(row, "row"), 2);
    (void)ask(f, "colour");
    assert_int_equal(f->n, 3);
    json_t *few;
    int64_t n;
    assert_ok(why_find(f->d, "colour", 2, &few, &n));
    assert_int_equal(json_array_size(few), 2);
    assert_int_equal(n, 3);
    json_decref(few);
    assert_fails(why_find(f->d, "colours.jsonl:3", 5, &few, &n), ERR_MISSING, "is not in dataset");
    assert_fails(why_find(f->d, "green", 5, &few, &n), ERR_MISSING, "'green' is not in dataset");
    assert_fails(why_find(f->d, "3", 5, &few, &n), ERR_RANGE, "has 3 rows in train");
    assert_fails(why_find(f->d, "valid:0", 5, &few, &n), ERR_RANGE, "has 0 rows in valid");
    assert_fails(why_find(f->d, "...", 5, &few, &n), ERR_USAGE, "nothing to look for");
}

static void held_out_cases_are_told_and_sealed_ones_not_shown(void **state) {
    struct fixture *f = *state;
    f->t.options.holdout.per_request = 1;
    build(f);
    int64_t line = dataset_cases(f->d)[0].line;
    char what[64], prompt[64];
    snprintf(what, sizeof what, "colours.jsonl:%d", (int)line);
    snprintf(prompt, sizeof prompt, "%s", dataset_cases(f->d)[0].prompt);
    const json_t *item = ask(f, what);
    assert_string_equal(json_text_of(item, "state"), "held out");
    assert_string_equal(json_text_of(item, "request"), "r#1");
    assert_string_equal(json_text_of(item, "text"), prompt);
    f->t.options.holdout.sealed = true;
    f->t.options.sources.n = 0;
    build(f);
    item = ask(f, prompt);
    assert_string_equal(json_text_of(item, "state"), "held out");
    assert_int_equal(number(json_object_get(item, "source"), "line"), line);
    struct str all = {0};
    assert_ok(json_text(f->found, 0, &all));
    assert_null(strstr(str_text(&all), prompt));
    str_release(&all);
}

static void dropped_samples_are_told_with_the_reason(void **state) {
    struct fixture *f = *state;
    build(f);
    tiny_file(f->t.out, "dropped.jsonl",
              "{\"source\": \"colours.jsonl\", \"request\": \"r#1\", \"line\": 9, \"part\": 0,"
              " \"filter\": \"near_dup\", \"reason\": \"2 of 41 characters differ\","
              " \"related\": \"colours.jsonl line 1\", \"sealed_case\": null,"
              " \"text\": \"name a warm colour!\"}\n"
              "{\"source\": \"colours.jsonl\", \"request\": \"r#1\", \"line\": 10, \"part\": 0,"
              " \"filter\": \"decontaminate\", \"reason\": \"13 characters in common\","
              " \"related\": null, \"sealed_case\": \"r#1\", \"text\": null}\n");
    const json_t *item = ask(f, "colours.jsonl:9");
    assert_string_equal(json_text_of(item, "state"), "dropped");
    assert_string_equal(json_text_of(item, "filter"), "near_dup");
    assert_string_equal(json_text_of(item, "related"), "colours.jsonl line 1");
    (void)ask(f, "a warm colour");
    assert_int_equal(f->n, 2); /* the row that stayed, and this one */
    item = ask(f, "colours.jsonl:10");
    assert_string_equal(json_text_of(item, "sealed_case"), "r#1");
    assert_true(json_is_null(json_object_get(item, "text")));
    tiny_file(f->t.out, "dropped.jsonl", "{nonsense\n");
    json_t *none;
    assert_fails(why_find(f->d, "colours.jsonl:9", 5, &none, &f->n), ERR_PARSE,
                 "dropped.jsonl' line 1");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_what_an_index_lacks_is_written),
        TEST(the_chain_reaches_from_request_to_shard),
        TEST(generated_rows_reach_their_question),
        TEST(the_tokens_lie_where_the_chain_says),
        TEST(rows_are_found_by_line_of_a_file_in_a_folder),
        TEST(rows_are_found_by_line_and_by_text),
        TEST(held_out_cases_are_told_and_sealed_ones_not_shown),
        TEST(dropped_samples_are_told_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
