/* SPDX-License-Identifier: Apache-2.0
 * The ZIP reader: what is stored is found where it lies, with and without zip64; archives whose
 * records contradict each other or the file are refused with the entry named; and no damaged or
 * missing byte makes it read outside of the archive (the sanitizers watch).
 * Under test: model/formats/zip.h. */
#include "tests/unit/model/torch_writer.h"

static struct zip_writer made;
static struct arena arena;

static int begin(void **state) {
    (void)state;
    made = (struct zip_writer){.flags = 8};
    return 0;
}

static int end(void **state) {
    (void)state;
    zip_writer_release(&made);
    arena_release(&arena);
    return 0;
}

/* Opens what was made, from a block of exactly its size. */
static err open_made(struct zip *z) {
    uint8_t *exact = arena_alloc(&arena, made.bytes.len, 1);
    assert_non_null(exact);
    memcpy(exact, made.bytes.data, made.bytes.len);
    return zip_open(z, exact, made.bytes.len, &arena);
}

static void expect_entry(const struct zip *z, const char *name, const char *text) {
    const struct zip_entry *e = zip_find(z, name);
    assert_non_null(e);
    assert_int_equal(e->size_bytes, strlen(text));
    assert_memory_equal(e->data, text, strlen(text));
    assert_ok(zip_check(e));
}

static void entries_are_found(void **state) {
    (void)state;
    struct zip z;
    zip_put(&made, "a/second", "two", 3);
    zip_put(&made, "a/empty", "", 0);
    zip_put(&made, "a/folder/", "", 0);
    made.flags = 0; /* sizes in the local header too */
    zip_put(&made, "a/data/0", "numbers", 7);
    zip_end(&made);
    assert_ok(open_made(&z));
    assert_int_equal(z.n, 3); /* a folder is no entry */
    expect_entry(&z, "a/second", "two");
    expect_entry(&z, "a/empty", "");
    expect_entry(&z, "a/data/0", "numbers");
    assert_null(zip_find(&z, "a/data/1"));
    assert_null(zip_find(&z, "a/folder/"));
    assert_int_equal((zip_find(&z, "a/data/0")->data - z.entries[0].data) % 64, 0);
}

static void zip64_is_read(void **state) {
    (void)state;
    struct zip z;
    made.zip64 = true;
    made.flags = 0;
    zip_put(&made, "a/one", "1", 1);
    made.flags = 8;
    zip_put(&made, "a/two", "22", 2);
    zip_end(&made);
    assert_ok(open_made(&z));
    expect_entry(&z, "a/one", "1");
    expect_entry(&z, "a/two", "22");
}

static void crc_is_the_standard_one(void **state) {
    (void)state;
    assert_int_equal(zip_crc32((const uint8_t *)"123456789", 9), 0xcbf43926);
    assert_int_equal(zip_crc32(NULL, 0), 0);
}

static void a_damaged_entry_is_noticed(void **state) {
    (void)state;
    struct zip z;
    zip_put(&made, "a/one", "hello", 5);
    zip_end(&made);
    made.bytes.data[64] ^= 1; /* its first byte */
    assert_ok(open_made(&z));
    assert_fails(zip_check(zip_find(&z, "a/one")), ERR_MISMATCH, "entry 'a/one'");
}

static void refused(err code, const char *part) {
    struct zip z;
    assert_fails(open_made(&z), code, part);
}

/* An archive of two entries, one of whose fields in the directory is another than it was. */
static void with_field(size_t offset, int bytes, uint64_t value, err code, const char *part) {
    zip_writer_release(&made);
    made = (struct zip_writer){0};
    zip_put(&made, "a/one", "hello", 5);
    zip_put(&made, "a/two", "world!", 6);
    for (int i = 0; i < bytes; i++)
        made.directory.data[offset + (size_t)i] = (char)(value >> 8 * i);
    zip_end(&made);
    refused(code, part);
}

static void directories_that_lie(void **state) {
    (void)state;
    enum { SIZE = 24, PACKED = 20, METHOD = 10, FLAGS = 8, CRC = 16, NAME = 28, LOCAL = 42 };
    const size_t second = 46 + 5;
    with_field(SIZE, 4, 6, ERR_PARSE, "entry 'a/one': 6 bytes are stored as 5");
    with_field(METHOD, 2, 8, ERR_UNSUPPORTED, "entry 'a/one': it is compressed (method 8)");
    assert_non_null(strstr(err_hint(), "zip -0"));
    with_field(FLAGS, 2, 1, ERR_UNSUPPORTED, "entry 'a/one': it is encrypted");
    with_field(FLAGS, 2, 2, ERR_MISMATCH, "other flags");
    with_field(CRC, 4, 1, ERR_MISMATCH, "another CRC");
    with_field(LOCAL, 4, 1, ERR_PARSE, "entry 'a/one': no local header at byte 1");
    with_field(LOCAL, 4, 1u << 31, ERR_PARSE, "no local header at byte 2147483648");
    with_field(LOCAL, 4, 0xffffffff, ERR_PARSE, "zip64 field, which is not there");
    with_field(second + LOCAL, 4, 0, ERR_MISMATCH, "entry 'a/two': its local header has another n");
    with_field(NAME, 2, 4, ERR_MISMATCH, "entry 'a/on': its local header has another name");
    with_field(NAME, 2, 65535, ERR_PARSE, "directory is cut off at byte 134");
    with_field(second, 4, 0, ERR_PARSE, "directory is cut off");
    /* Both sizes, so that only the file tells. */
    zip_writer_release(&made);
    made = (struct zip_writer){.flags = 8};
    zip_put(&made, "a/one", "hello", 5);
    memcpy(made.directory.data + PACKED, "\xff\xff\xff\x7f\xff\xff\xff\x7f", 8);
    zip_end(&made);
    refused(ERR_PARSE, "entry 'a/one': 2147483647 bytes at byte 64 run into the directory");
}

static void sizes_differ_from_the_local_header(void **state) {
    (void)state;
    made.flags = 0;
    zip_put(&made, "a/one", "hello", 5);
    made.bytes.data[18] = made.bytes.data[22] = 4;
    zip_end(&made);
    refused(ERR_MISMATCH, "entry 'a/one': 5 bytes, but 4 in its local header");
}

static void entries_that_overlap(void **state) {
    (void)state;
    /* The first entry's bytes run over the second's header. */
    zip_put(&made, "a/one", "hello", 5);
    zip_put(&made, "a/two", "world", 5);
    memcpy(made.directory.data + 20, "\x20\0\0\0\x20\0\0\0", 8);
    zip_end(&made);
    refused(ERR_PARSE, "entries 'a/one' and 'a/two' overlap");
}

static void names_that_are_none(void **state) {
    (void)state;
    static const char *const names[] = {"/etc/passwd", "a/../../b", "..",   "a//b",
                                        "./a",         "a\\b",      "a\nb", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        zip_writer_release(&made);
        made = (struct zip_writer){0};
        zip_put(&made, names[i], "x", 1);
        zip_end(&made);
        refused(ERR_PARSE, "a name");
    }
    char *name = arena_alloc(&arena, ZIP_MAX_NAME + 2, 1);
    memset(name, 'n', ZIP_MAX_NAME + 1);
    zip_writer_release(&made);
    made = (struct zip_writer){0};
    zip_put(&made, name, "x", 1);
    zip_end(&made);
    refused(ERR_LIMIT, "a name of over 1024 bytes");
}

static void doubled_names(void **state) {
    (void)state;
    zip_put(&made, "a/one", "hello", 5);
    zip_put(&made, "a/two", "x", 1);
    zip_put(&made, "a/one", "other", 5);
    zip_end(&made);
    refused(ERR_PARSE, "entry 'a/one' is there twice");
}

static void a_folder_with_data(void **state) {
    (void)state;
    zip_put(&made, "a/folder/", "data", 4);
    zip_end(&made);
    refused(ERR_PARSE, "entry 'a/folder/': a folder with data");
}

static void end_records_that_lie(void **state) {
    (void)state;
    zip_put(&made, "a/one", "hello", 5);
    zip_end(&made);
    char *end_record = made.bytes.data + made.bytes.len - 22;
    end_record[8] = end_record[10] = 2;
    refused(ERR_PARSE, "2 entries in a directory of 51 bytes");
    end_record[8] = end_record[10] = 0;
    refused(ERR_PARSE, "more in the directory than its 0 entries");
    end_record[8] = 1;
    refused(ERR_UNSUPPORTED, "several disks");
    end_record[10] = 1;
    end_record[12] = 50;
    refused(ERR_PARSE, "does not end at byte");
    memcpy(end_record + 16, "\xff\xff\xff\x7f", 4);
    refused(ERR_PARSE, "at byte 2147483647 does not end");
    end_record[20] = 1; /* a comment that is not there */
    refused(ERR_PARSE, "no end record");
}

static void zip64_records_that_lie(void **state) {
    (void)state;
    made.zip64 = true;
    zip_put(&made, "a/one", "hello", 5);
    zip_end(&made);
    char *locator = made.bytes.data + made.bytes.len - 42, *record = locator - 56;
    record[24] = 2;
    refused(ERR_PARSE, "the two end records differ");
    record[24] = 1;
    record[47] = 0x7f; /* the directory's size */
    refused(ERR_PARSE, "does not end at byte");
    locator[15] = 0x7f;
    refused(ERR_PARSE, "no zip64 end record at byte 91");
}

static void read_whole(const struct zip_entry *e) {
    const err code = zip_check(e);
    assert_true(code == ERR_OK || code == ERR_MISMATCH);
}

/* Cut off anywhere, and with any one bit changed: an error, or entries that can be read. */
static void damage_is_harmless(void **state) {
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        zip_writer_release(&made);
        made = (struct zip_writer){.zip64 = wide == 1, .flags = wide ? 0 : 8};
        zip_put(&made, "a/one", "hello", 5);
        zip_put(&made, "a/two", "world", 5);
        zip_end(&made);
        const size_t whole = made.bytes.len;
        struct zip z;
        for (made.bytes.len = 0; made.bytes.len < whole; made.bytes.len++) {
            assert_int_not_equal(open_made(&z), ERR_OK);
            arena_release(&arena);
        }
        for (size_t i = 0; i < whole; i++) {
            for (int bit = 0; bit < 8; bit++) {
                made.bytes.data[i] = (char)(made.bytes.data[i] ^ (1 << bit));
                if (open_made(&z) == ERR_OK)
                    for (int64_t k = 0; k < z.n; k++) read_whole(&z.entries[k]);
                made.bytes.data[i] = (char)(made.bytes.data[i] ^ (1 << bit));
                arena_release(&arena);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_found, begin, end),
        cmocka_unit_test_setup_teardown(zip64_is_read, begin, end),
        cmocka_unit_test_setup_teardown(crc_is_the_standard_one, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_entry_is_noticed, begin, end),
        cmocka_unit_test_setup_teardown(directories_that_lie, begin, end),
        cmocka_unit_test_setup_teardown(sizes_differ_from_the_local_header, begin, end),
        cmocka_unit_test_setup_teardown(entries_that_overlap, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_none, begin, end),
        cmocka_unit_test_setup_teardown(doubled_names, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_with_data, begin, end),
        cmocka_unit_test_setup_teardown(end_records_that_lie, begin, end),
        cmocka_unit_test_setup_teardown(zip64_records_that_lie, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_harmless, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
