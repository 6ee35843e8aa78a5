/* SPDX-License-Identifier: Apache-2.0
 * Cutting streams into records, with the line that each begins on: every framing over the same
 * bytes at several distances from the edge of a block, ends that are missing, records that are too
 * long, byte order marks. And the cells of tables. */
#include "data/source/records.h"
#include "base/mem.h"
#include "data/source/table.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct str got;
    struct stream *stream;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    str_release(&f->got);
    stream_close(f->stream);
    test_folder_remove(f->dir);
    return 0;
}

/* "LINE<text>" for each record, "LINE!message" for each fault, a bar between them. */
static const char *cut_bytes(struct fixture *f, enum framing framing, const char *text, size_t n) {
    struct records records;
    struct record record;
    const char *path = tiny_path(f->dir, "file");
    assert_ok(file_write(path, text, n));
    stream_close(f->stream);
    str_clear(&f->got);
    assert_ok(stream_open(&f->stream, path));
    assert_ok(records_open(&records, f->stream));
    records_frame(&records, framing, ',');
    for (bool more = true; more;) {
        err e = records_next(&records, &record, &more);
        if (e == ERR_OK && !more) break;
        if (f->got.len > 0) assert_ok(str_add(&f->got, "|"));
        assert_ok(str_printf(&f->got, "%lld", (long long)record.line));
        if (e != ERR_OK) {
            assert_ok(str_printf(&f->got, "!%s", err_message()));
            continue;
        }
        assert_ok(str_add(&f->got, "<"));
        assert_ok(str_append(&f->got, record.text.text, record.text.n));
        assert_ok(str_add(&f->got, ">"));
    }
    records_release(&records);
    return str_text(&f->got);
}

static const char *cut(struct fixture *f, enum framing framing, const char *text) {
    return cut_bytes(f, framing, text, strlen(text));
}

static const struct {
    enum framing framing;
    const char *text, *want;
} cases[] = {
    {FRAMING_LINES, "", ""},
    {FRAMING_LINES, "a\n\nb", "1<a>|2<>|3<b>"},
    {FRAMING_LINES, "a\r\nb\rc\r\n", "1<a>|2<b\rc>"},
    {FRAMING_LINES, "\xEF\xBB\xBFx\n", "1<x>"},
    {FRAMING_LINES, "\n", "1<>"},
    {FRAMING_TABLE, "a,b\r\n\"x\ny\",\"\"\"\"\n\nz", "1<a,b>|2<\"x\ny\",\"\"\"\">|4<>|5<z>"},
    {FRAMING_TABLE, "5\" pipe,a\nb", "1<5\" pipe,a>|2<b>"},
    {FRAMING_TABLE, "a\nb,\"c\nd", "1<a>|2!a quote that is opened in this row is not closed"},
    {FRAMING_LIST, "[]", ""},
    {FRAMING_LIST, "\n [ {\"a\": \"]},\\\"\"},\n{}\n,[[1],2]] \n",
     "2<{\"a\": \"]},\\\"\"}>|3<{}\n>|4<[[1],2]>"},
    {FRAMING_LIST, "[{}\n", "1!the list does not end: a part is missing"},
    {FRAMING_LIST, "[1,\n", "1<1>|2!the list does not end: a part is missing"},
    {FRAMING_LIST, "[", "1!the list does not end: a part is missing"},
    {FRAMING_LIST, "[1,\n]", "1<1>|2!a comma without an element beside it"},
    {FRAMING_LIST, "[,1]", "1!a comma without an element beside it"},
    {FRAMING_LIST, "[1]\n x", "1<1>|2!text after the end of the list"},
    {FRAMING_LIST, "{}", "1!not a list"},
    {FRAMING_WHOLE, "", ""},
    {FRAMING_WHOLE, "a\r\nb\n", "1<a\r\nb\n>"},
};

static void every_framing(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(cut(f, cases[i].framing, cases[i].text), cases[i].want);
}

/* The same records behind blanks or a first record that push them over the edge of a block. */
static void the_edge_of_a_block_does_not_show(void **state) {
    struct fixture *f = *state;
    static const struct {
        enum framing framing;
        const char *before, *text;
    } over[] = {{FRAMING_LINES, "", "\nab\r\ncd\n"},
                {FRAMING_TABLE, "", "\n\"a\"\"\nb\",c\r\n\"\",\"d\"\n"},
                {FRAMING_LIST, "[", "1, {\"a\\\"]\": [\"}\"]} ,\n2]\n"}};
    for (size_t k = 0; k < sizeof over / sizeof over[0]; k++)
        for (size_t shift = 0; shift < 24; shift++) {
            struct str text = {0}, near = {0};
            size_t pad = STREAM_BLOCK_BYTES - shift;
            assert_ok(str_add(&text, over[k].before));
            for (size_t i = 0; i < pad; i++) assert_ok(str_add(&text, " "));
            assert_ok(str_add(&text, over[k].text));
            assert_ok(str_printf(&near, "%s %s", over[k].before, over[k].text));
            char *want = mem_strdup(cut(f, over[k].framing, str_text(&near)));
            const char *got = cut(f, over[k].framing, str_text(&text));
            /* all but the first record, which is the blanks where they are not passed over */
            assert_non_null(want);
            assert_string_equal(strrchr(got, '|'), strrchr(want, '|'));
            const char *g = strchr(got, '|'), *w = strchr(want, '|');
            assert_string_equal(g, w);
            mem_free(want);
            str_release(&text);
            str_release(&near);
        }
}

static void records_that_are_too_long_are_passed_over(void **state) {
    struct fixture *f = *state;
    const size_t n = RECORD_MAX_BYTES + 10;
    char *text = mem_alloc(n + 8, 1);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text + n, "\nlast\n", 7);
    const char *got = cut_bytes(f, FRAMING_LINES, text, n + 6);
    assert_string_equal(got, "1!a row of over 64 MiB|2<last>");
    text[0] = '[';
    memcpy(text + n, "\n,\"b\"]", 7);
    got = cut_bytes(f, FRAMING_LIST, text, n + 6);
    assert_string_equal(got, "1!a row of over 64 MiB|2<\"b\">");
    text[0] = '"';
    memcpy(text + n, "\"\nlast", 7);
    got = cut_bytes(f, FRAMING_TABLE, text, n + 6);
    assert_string_equal(got, "1!a row of over 64 MiB|2<last>");
    text[0] = 'x';
    assert_string_equal(cut_bytes(f, FRAMING_WHOLE, text, n), "1!a row of over 64 MiB");
    /* the longest that is taken */
    text[RECORD_MAX_BYTES] = '\n';
    cut_bytes(f, FRAMING_LINES, text, RECORD_MAX_BYTES + 1);
    assert_int_equal(f->got.len, RECORD_MAX_BYTES + 3);
    mem_free(text);
}

static void other_encodings_are_named(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } marks[] = {{"\xFF\xFE{\0", 4, "UTF-16LE"},
                 {"\xFE\xFF\0{", 4, "UTF-16BE"},
                 {"\xFF\xFE\0\0{\0\0\0", 8, "UTF-32LE"},
                 {"\0\0\xFE\xFF\0\0\0{", 8, "UTF-32BE"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        struct records records;
        const char *path = tiny_path(f->dir, "file");
        assert_ok(file_write(path, marks[i].bytes, marks[i].n));
        stream_close(f->stream);
        assert_ok(stream_open(&f->stream, path));
        assert_fails(records_open(&records, f->stream), ERR_UNSUPPORTED, marks[i].name);
        assert_non_null(strstr(err_hint(), "iconv -f"));
        records_release(&records);
    }
}

/* ---- cells ---- */

static err table_text(const char *header, const char *row, struct str *out) {
    struct table t = {.separator = ','};
    json_t *record = NULL;
    str_clear(out);
    err e = table_header(&t, (struct span){header, strlen(header)});
    if (e == ERR_OK) e = table_row(&t, (struct span){row, strlen(row)}, &record);
    if (e == ERR_OK) e = json_text(record, 0, out);
    json_decref(record);
    table_release(&t);
    return e;
}

static void cells_become_members(void **state) {
    struct fixture *f = *state;
    assert_ok(table_text(" a ,\"b\"", "1,\"x\"\"\n,y\"", &f->got));
    assert_string_equal(str_text(&f->got), "{\"a\":\"1\",\"b\":\"x\\\"\\n,y\"}");
    assert_ok(table_text("a,b,c", ",\"\", ", &f->got)); /* empty cells are none */
    assert_string_equal(str_text(&f->got), "{\"c\":\" \"}");
    assert_ok(table_text("a", "say \"hi\"", &f->got));
    assert_string_equal(str_text(&f->got), "{\"a\":\"say \\\"hi\\\"\"}");
    assert_fails(table_text("a,b", "1", &f->got), ERR_PARSE, "1 cells, and the header has 2");
    assert_fails(table_text("a,b", "1,2,3", &f->got), ERR_PARSE, "3 cells, and the header has 2");
    assert_fails(table_text("a,b", "\"1\" ,2", &f->got), ERR_PARSE, "text behind the quote");
    assert_fails(table_text("a,b", "1,\"2", &f->got), ERR_PARSE, "does not end");
    assert_fails(table_text("a,a", "1,2", &f->got), ERR_PARSE, "column 'a' twice");
    assert_fails(table_text("a, ", "1,2", &f->got), ERR_PARSE,
                 "column 2 of the header has no name");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_framing),
        TEST(the_edge_of_a_block_does_not_show),
        TEST(records_that_are_too_long_are_passed_over),
        TEST(other_encodings_are_named),
        TEST(cells_become_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
