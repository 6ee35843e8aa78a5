/* SPDX-License-Identifier: Apache-2.0
 * Readers: what each format gives as turns, how a file's format and framing are found,
 * where a record is said to stand, and that faults of many records come as one error with
 * their places. The files are written by the tests themselves. */
#include "data/source/read.h"
#include "tests/unit/data/tiny.h"
#include <zlib.h>

struct fixture {
    const char *dir;
    struct arena arena;
    struct sample_list samples;
    struct faults faults;
    struct reading reading;
    struct read_file file;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    f.reading = (struct reading){.arena = &f.arena, .samples = &f.samples, .faults = &f.faults};
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    sample_list_release(&f->samples);
    faults_release(&f->faults);
    arena_release(&f->arena);
    test_folder_remove(f->dir);
    return 0;
}

/* The file again, as gzip. */
static void z_write(const char *from, const char *to) {
    struct str text = {0};
    gzFile out = gzopen(to, "wb");
    assert_non_null(out);
    assert_ok(file_read(from, 1 << 24, &text));
    assert_int_equal(gzwrite(out, text.data, (unsigned)text.len), (int)text.len);
    assert_int_equal(gzclose(out), Z_OK);
    str_release(&text);
}

static err read_text(struct fixture *f, const char *name, const char *format, const char *text) {
    f->file = (struct read_file){.path = tiny_file(f->dir, name, text), .format = format};
    TRY(read_file(&f->reading, &f->file));
    return faults_end(&f->faults, f->reading.n_records, "rows");
}

static void expect_span(struct span got, const char *want) {
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.text, want, got.n);
}
/* Sample `i` has one turn more than `turn`, which is this. */
static void expect_turn(const struct fixture *f, int64_t i, int64_t turn, const char *prompt,
                        const char *answer) {
    assert_true(i < f->samples.n && turn < f->samples.items[i].n);
    expect_span(f->samples.items[i].turns[turn].prompt, prompt);
    expect_span(f->samples.items[i].turns[turn].answer, answer);
}

static void alpaca_records(void **state) {
    struct fixture *f = *state;
    assert_ok(
        read_text(f, "a.jsonl", "auto",
                  "{\"instruction\": \"add\", \"input\": \"1 2\", \"output\": \"3\"}\r\n\n"
                  "{\"instruction\": \"x\", \"output\": \"y\", \"system\": \"S\", \"input\": \"\","
                  " \"history\": [[\"q\", \"a\"]]}"));
    assert_string_equal(f->file.reader->name, "alpaca");
    assert_int_equal(f->samples.n, 2);
    expect_turn(f, 0, 0, "add\n1 2", "3");
    assert_int_equal(f->samples.items[1].line, 3);
    assert_int_equal(f->samples.items[1].n, 2);
    expect_turn(f, 1, 0, "S\nq", "a");
    expect_turn(f, 1, 1, "x", "y");
    struct str prompt = {0};
    assert_ok(sample_prompt(&f->samples.items[1], 1, &prompt));
    assert_string_equal(str_text(&prompt), "S\nq\na\nx");
    str_release(&prompt);
}

static void message_records(void **state) {
    struct fixture *f = *state;
    assert_ok(read_text(f, "m.jsonl", "auto",
                        "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"},"
                        "{\"role\": \"user\", \"content\": \"q1\"},"
                        "{\"role\": \"assistant\", \"content\": \"a1\", \"weight\": 0},"
                        "{\"role\": \"user\", \"content\": \"q2\"},"
                        "{\"role\": \"assistant\", \"content\": \"a2\"}]}\n"));
    assert_int_equal(f->samples.items[0].n, 2);
    expect_turn(f, 0, 0, "S\nq1", "a1");
    expect_turn(f, 0, 1, "q2", "a2");
    assert_false(f->samples.items[0].turns[0].trained);
    assert_true(f->samples.items[0].turns[1].trained);
}

static void message_records_that_break_the_order(void **state) {
    struct fixture *f = *state;
    assert_fails(read_text(f, "m.jsonl", "messages",
                           "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}\n"
                           "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}\n"
                           "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"},"
                           " {\"role\": \"user\", \"content\": \"q\"}]}\n"
                           "{\"messages\": [{\"role\": \"tool\", \"content\": \"q\"}]}\n"
                           "{\"messages\": [{\"role\": \"user\", \"content\": 3}]}\n"),
                 ERR_PARSE, "line 1: message 1: 'assistant' comes after nothing");
    assert_non_null(strstr(err_message(), "5 of 5 rows"));
    assert_non_null(strstr(err_message(), "line 2: the last message is not the assistant's"));
    assert_non_null(strstr(err_message(), "line 3: message 2: 'user' comes after 'user'"));
    assert_non_null(strstr(err_message(), "line 4: message 1: 'tool' comes after nothing"));
    assert_non_null(strstr(err_message(), "line 5: message 1: 'content' is not a string"));
}

static void pair_records_and_yuan_lines(void **state) {
    struct fixture *f = *state;
    assert_ok(read_text(f, "p.jsonl", "auto",
                        "{\"prompt\": \"p\", \"response\": \"r\"}\n"
                        "{\"prompt\": \"p\", \"completion\": \"c\"}\n"));
    expect_turn(f, 0, 0, "p", "r");
    expect_turn(f, 1, 0, "p", "c");
    assert_ok(
        read_text(f, "y.txt", "auto", "{q}<n>x[SEP]a<n>b\n\n<n>\nplain text\n<n>lead<sep>z \n"));
    assert_string_equal(f->file.reader->name, "yuan-text");
    assert_int_equal(f->samples.n, 5);
    expect_turn(f, 2, 0, "{q}\nx", "a\nb");
    assert_int_equal(f->samples.items[3].kind, SAMPLE_SEGMENTS);
    expect_span(f->samples.items[3].segments[0].text, "plain text");
    assert_false(f->samples.items[3].segments[0].trained);
    expect_turn(f, 4, 0, "lead", "z");
    assert_int_equal(f->samples.items[4].line, 5);
}

static void lists_have_line_numbers(void **state) {
    struct fixture *f = *state;
    assert_ok(read_text(f, "l.json", "auto",
                        "\xEF\xBB\xBF\n[\n  {\"prompt\": \"a]},\\\"\",\n   \"response\": \"1\"},\n"
                        "  {\"prompt\": \"b\", \"response\": \"2\"}\n]\n"));
    assert_int_equal(f->samples.n, 2);
    expect_turn(f, 0, 0, "a]},\"", "1");
    assert_int_equal(f->samples.items[0].line, 3);
    assert_int_equal(f->samples.items[1].line, 5);
    assert_fails(read_text(f, "m.json", "auto", "[{\"prompt\": \"b\", \"response\": \"2\"}\n"),
                 ERR_PARSE, "'");
    assert_non_null(strstr(err_message(), "line 1: the list does not end"));
}

static void faults_come_together(void **state) {
    struct fixture *f = *state;
    struct str text = {0};
    for (int i = 0; i < 12; i++) assert_ok(str_add(&text, "{\"prompt\": \"p\"}\n"));
    assert_ok(str_add(&text, "{\"prompt\": \"p\", \"response\": \"r\"}\n"));
    assert_fails(read_text(f, "p.jsonl", "pairs", str_text(&text)), ERR_PARSE, "12 of 13 rows: '");
    assert_non_null(strstr(err_message(), "p.jsonl' line 10: 'response' is missing; and 2 more"));
    assert_null(strstr(err_message(), "line 11"));
    str_release(&text);
}

static void every_kind_of_fault_is_told(void **state) {
    struct fixture *f = *state;
    assert_fails(read_text(f, "p.jsonl", "pairs",
                           "{\"prompt\": \"p\", \"response\": \"\xC3\x28\"}\n"
                           "{\"prompt\": \"p\", \"response\": \" \"}\n"
                           "{\"prompt\": \"p\", \"response\": \"x<eod>\"}\n"
                           "{\"prompt\": [1], \"response\": \"x\"}\n"
                           "{\"prompt\": \"p\", \"prompt\": \"q\", \"response\": \"x\"}\n"
                           "[1]\n"),
                 ERR_PARSE, "line 1: not UTF-8 at byte 30");
    assert_non_null(strstr(err_message(), "line 2: the answer is empty"));
    assert_non_null(strstr(err_message(), "line 3: special token '<eod>' in the answer"));
    assert_non_null(strstr(err_message(), "line 4: 'prompt' is not a string"));
    assert_non_null(strstr(err_message(), "line 5: record: line 1"));
    assert_non_null(strstr(err_message(), "line 6: not an object"));
}

static void yuan_lines_may_not_hold_other_specials(void **state) {
    struct fixture *f = *state;
    assert_fails(read_text(f, "y.txt", "yuan-text", "a<sep>b<sep>c\na<sep>b<eod>\nt<mask>\n"),
                 ERR_PARSE, "line 1: more than one <sep>");
    assert_non_null(strstr(err_message(), "line 2: special token '<eod>' in the answer"));
    assert_non_null(strstr(err_message(), "line 3: special token '<mask>' in the text"));
}

static void files_without_rows_or_format_are_refused(void **state) {
    struct fixture *f = *state;
    assert_fails(read_text(f, "e.jsonl", "auto", ""), ERR_PARSE, "e.jsonl' has no rows");
    assert_fails(read_text(f, "b.txt", "auto", "\n  \n<n>\n"), ERR_PARSE, "b.txt' has no rows");
    f->file = (struct read_file){.path = tiny_path(f->dir, "absent"), .format = "auto"};
    assert_int_not_equal(read_file(&f->reading, &f->file), ERR_OK);
    assert_non_null(strstr(err_message(), "absent"));
    assert_fails(read_text(f, "u.jsonl", "auto", "{\"x\": \"a\"}\n{\"text\": \"b\"}\n"), ERR_PARSE,
                 "1 of 2 rows");
    assert_non_null(strstr(err_message(), "first key is 'x'"));
}

static void records_say_where_they_come_from(void **state) {
    struct fixture *f = *state;
    assert_ok(read_text(f, "p.jsonl", "auto",
                        "{\"prompt\": \"p\", \"response\": \"r\", \"license\": \"mit\","
                        " \"reviewer\": \"ann\", \"origin\": {\"model\": \"m\", \"round\": 2}}\n"
                        "{\"prompt\": \"p\", \"response\": \"r\", \"origin\": \"web\"}\n"));
    const struct sample *s = f->samples.items;
    assert_string_equal(s[0].license, "mit");
    assert_string_equal(s[0].reviewer, "ann");
    assert_string_equal(s[0].origin, "{\"model\":\"m\",\"round\":2}");
    assert_null(s[1].license);
    assert_null(s[1].reviewer);
    assert_null(s[1].origin);
    assert_fails(read_text(f, "q.jsonl", "auto",
                           "{\"prompt\": \"p\", \"response\": \"r\", \"license\": [\"mit\"]}\n"),
                 ERR_PARSE, "'license' is not a string");
}

static void plain_text_is_trained_where_the_source_says_so(void **state) {
    struct fixture *f = *state;
    f->file = (struct read_file){.path = tiny_file(f->dir, "y.txt", "plain\nq<sep>a\n"),
                                 .format = "auto",
                                 .trains_text = true};
    assert_ok(read_file(&f->reading, &f->file));
    assert_true(f->samples.items[0].segments[0].trained);
    assert_int_equal(f->samples.items[1].kind, SAMPLE_TURNS);
}

/* Whatever stands behind a fault is still read, in compressed files too. */
static void faults_of_compressed_files_have_lines(void **state) {
    struct fixture *f = *state;
    const char *path = tiny_file(f->dir, "c.jsonl",
                                 "{\"prompt\": \"p\", \"response\": \"r\"}\n\n"
                                 "{\"prompt\": \"p\"}\n"
                                 "{\"prompt\": \"p\", \"response\": 1}\n");
    char whole[SHA256_HEX_SIZE];
    z_write(path, tiny_path(f->dir, "c.jsonl.gz"));
    f->file = (struct read_file){.path = tiny_path(f->dir, "c.jsonl.gz"), .format = "auto"};
    assert_ok(read_file(&f->reading, &f->file));
    assert_ok(sha256_file(f->file.path, whole));
    assert_string_equal(f->file.sha256, whole);
    assert_fails(faults_end(&f->faults, f->reading.n_records, "rows"), ERR_PARSE, "2 of 3 rows");
    assert_non_null(strstr(err_message(), "c.jsonl.gz' line 3: 'response' is missing"));
    assert_non_null(strstr(err_message(), "c.jsonl.gz' line 4: 'response' is not a string"));
}

/* A stream that is cut off is a fault of its file behind the rows that it still gave. */
static void cut_streams_are_told_with_the_other_faults(void **state) {
    struct fixture *f = *state;
    struct str text = {0}, packed = {0};
    uint32_t x = 1;
    for (int i = 0; i < 20000; i++) {
        x = x * 1664525u + 1013904223u;
        assert_ok(str_printf(&text, "{\"prompt\": \"p%u\", \"response\": \"r\"}\n", x));
    }
    const char *path = tiny_file(f->dir, "c.jsonl", str_text(&text));
    const char *gz = tiny_path(f->dir, "c.jsonl.gz");
    z_write(path, gz);
    assert_ok(file_read(gz, 1 << 20, &packed));
    assert_ok(file_write(gz, packed.data, packed.len - 100));
    f->file = (struct read_file){.path = gz, .format = "auto"};
    assert_ok(read_file(&f->reading, &f->file));
    assert_true(f->file.n_samples > 100);
    assert_fails(faults_end(&f->faults, f->reading.n_records, "rows"), ERR_PARSE,
                 "ends inside its gzip stream");
    str_release(&text);
    str_release(&packed);
}

static void long_rows_are_read(void **state) {
    struct fixture *f = *state;
    struct str text = {0};
    assert_ok(str_add(&text, "{\"prompt\": \"p\", \"response\": \""));
    for (int i = 0; i < 1000000; i++) assert_ok(str_add(&text, i % 2 ? "\xE4\xBD\xA0" : "x"));
    assert_ok(str_add(&text, "\"}\n{\"prompt\": \"q\", \"response\": \"r\"}"));
    assert_ok(read_text(f, "l.jsonl", "auto", str_text(&text)));
    assert_int_equal(f->samples.n, 2);
    assert_int_equal(f->samples.items[0].turns[0].answer.n, 2000000);
    assert_int_equal(utf8_count(f->samples.items[0].turns[0].answer.text, 2000000), 1000000);
    assert_int_equal(f->samples.items[1].line, 2);
    str_release(&text);
}

static void bytes_that_are_no_text_are_refused(void **state) {
    struct fixture *f = *state;
    const char *path = tiny_path(f->dir, "b");
    static const char with_nul[] = "q<sep>a\nx\0y\n";
    assert_ok(file_write(path, with_nul, sizeof with_nul - 1));
    f->file = (struct read_file){.path = path, .format = "auto"};
    assert_ok(read_file(&f->reading, &f->file));
    assert_fails(faults_end(&f->faults, 2, "rows"), ERR_PARSE, "line 2: a NUL at byte 2");
    assert_fails(
        read_text(f, "j.jsonl", "auto", "{\"prompt\": \"p\", \"response\": \"\\u0000\"}\n"),
        ERR_PARSE, "a NUL in the answer");
    assert_fails(read_text(f, "p.parquet", "auto", "PAR1xx"), ERR_UNSUPPORTED, "a Parquet file");
    assert_non_null(strstr(err_hint(), "JSON Lines"));
    assert_fails(read_text(f, "u.txt", "auto", "\xFF\xFEx"), ERR_UNSUPPORTED, "UTF-16LE");
    f->file = (struct read_file){.path = f->dir, .format = "auto"};
    assert_fails(read_file(&f->reading, &f->file), ERR_UNSUPPORTED, "is a folder");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(alpaca_records),
        TEST(message_records),
        TEST(message_records_that_break_the_order),
        TEST(pair_records_and_yuan_lines),
        TEST(lists_have_line_numbers),
        TEST(faults_come_together),
        TEST(every_kind_of_fault_is_told),
        TEST(yuan_lines_may_not_hold_other_specials),
        TEST(files_without_rows_or_format_are_refused),
        TEST(records_say_where_they_come_from),
        TEST(plain_text_is_trained_where_the_source_says_so),
        TEST(faults_of_compressed_files_have_lines),
        TEST(cut_streams_are_told_with_the_other_faults),
        TEST(long_rows_are_read),
        TEST(bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
