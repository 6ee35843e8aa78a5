/* SPDX-License-Identifier: Apache-2.0
 * Streams: what comes out of plain, gzip and zstd files of every awkward length, in blocks, with
 * the hash of the bytes on the disk; and what is refused, by name. The compressed files are made
 * here with the libraries themselves. */
#include "base/stream.h"
#include "base/mem.h"
#include "tests/unit/test.h"
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

struct fixture {
    const char *dir;
    char path[128];
    struct str text, made;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    snprintf(f.path, sizeof f.path, "%s/file", f.dir);
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    str_release(&f->text);
    str_release(&f->made);
    test_folder_remove(f->dir);
    return 0;
}

/* n bytes that compress to about half. */
static void make_text(struct fixture *f, size_t n) {
    uint32_t x = 12345;
    str_clear(&f->text);
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        char c = (char)('a' + (x >> 28));
        assert_ok(str_append(&f->text, &c, 1));
    }
}

static void add_gzip(struct str *out, const char *text, size_t n) {
    z_stream z = {0};
    size_t most = n + n / 100 + 256;
    char *room = mem_alloc(most, 1);
    assert_non_null(room);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (unsigned)n;
    z.next_out = (Bytef *)room;
    z.avail_out = (unsigned)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_ok(str_append(out, room, most - z.avail_out));
    deflateEnd(&z);
    mem_free(room);
}

static void add_zstd(struct str *out, const char *text, size_t n) {
    size_t most = ZSTD_compressBound(n);
    char *room = mem_alloc(most, 1);
    assert_non_null(room);
    size_t made = ZSTD_compress(room, most, text, n, 3);
    assert_false(ZSTD_isError(made));
    assert_ok(str_append(out, room, made));
    mem_free(room);
}

static void write_made(const struct fixture *f) {
    assert_ok(file_write(f->path, str_text(&f->made), f->made.len));
}

/* The whole file through a stream, block by block. */
static err read_all(const char *path, struct str *out, const char **compression,
                    char hash[SHA256_HEX_SIZE]) {
    struct stream *s;
    const uint8_t *block;
    size_t n = 1, last = STREAM_BLOCK_BYTES;
    TRY(stream_open(&s, path));
    err e = ERR_OK;
    while (e == ERR_OK && n > 0) {
        e = stream_next(s, &block, &n);
        if (e != ERR_OK) break;
        assert_true(n <= STREAM_BLOCK_BYTES);
        assert_true(n == 0 || last == STREAM_BLOCK_BYTES); /* only the last one is short */
        if (n > 0) last = n;
        e = str_append(out, block, n);
    }
    *compression = stream_compression(s);
    if (e == ERR_OK) e = stream_sha256(s, hash);
    stream_close(s);
    return e;
}

static void expect_text(const struct fixture *f, const char *compression) {
    struct str got = {0};
    const char *found;
    char hash[SHA256_HEX_SIZE], wanted[SHA256_HEX_SIZE];
    assert_ok(read_all(f->path, &got, &found, hash));
    assert_int_equal(got.len, f->text.len);
    if (got.len > 0) assert_memory_equal(got.data, f->text.data, got.len);
    if (compression)
        assert_string_equal(found, compression);
    else
        assert_null(found);
    assert_ok(sha256_file(f->path, wanted));
    assert_string_equal(hash, wanted);
    str_release(&got);
}

static void every_length_comes_back(void **state) {
    struct fixture *f = *state;
    static const size_t lengths[] = {0,
                                     1,
                                     100,
                                     STREAM_BLOCK_BYTES - 1,
                                     STREAM_BLOCK_BYTES,
                                     STREAM_BLOCK_BYTES + 1,
                                     3 * STREAM_BLOCK_BYTES,
                                     10 * STREAM_BLOCK_BYTES + 77};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        make_text(f, lengths[i]);
        assert_ok(file_write(f->path, str_text(&f->text), f->text.len));
        expect_text(f, NULL);
        str_clear(&f->made);
        add_gzip(&f->made, str_text(&f->text), f->text.len);
        write_made(f);
        expect_text(f, "gzip");
        str_clear(&f->made);
        add_zstd(&f->made, str_text(&f->text), f->text.len);
        write_made(f);
        expect_text(f, "zstd");
    }
}

static void members_and_frames_follow_one_another(void **state) {
    struct fixture *f = *state;
    static const size_t cuts[] = {0, 5, 5, STREAM_BLOCK_BYTES + 5, 4 * STREAM_BLOCK_BYTES};
    make_text(f, 4 * STREAM_BLOCK_BYTES);
    for (int i = 0; i < 4; i++) add_gzip(&f->made, f->text.data + cuts[i], cuts[i + 1] - cuts[i]);
    write_made(f);
    expect_text(f, "gzip");
    str_clear(&f->made);
    assert_ok(str_append(&f->made, "\x53\x2A\x4D\x18\x02\x00\x00\x00zz", 10)); /* is skipped */
    for (int i = 0; i < 4; i++) add_zstd(&f->made, f->text.data + cuts[i], cuts[i + 1] - cuts[i]);
    write_made(f);
    expect_text(f, "zstd");
}

static void expect_refused(const struct fixture *f, err code, const char *why) {
    struct str got = {0};
    const char *found;
    char hash[SHA256_HEX_SIZE];
    err_clear();
    assert_fails(read_all(f->path, &got, &found, hash), code, why);
    assert_non_null(strstr(err_message(), f->path));
    str_release(&got);
}

static void cut_streams_are_refused_wherever_they_are_cut(void **state) {
    struct fixture *f = *state;
    make_text(f, 3000);
    for (int zstd = 0; zstd < 2; zstd++) {
        str_clear(&f->made);
        (zstd ? add_zstd : add_gzip)(&f->made, f->text.data, f->text.len);
        const size_t whole = f->made.len;
        for (size_t n = zstd ? 4 : 3; n < whole; n++) {
            f->made.len = n;
            write_made(f);
            expect_refused(f, ERR_PARSE, zstd ? "inside its zstd" : "inside its gzip");
        }
    }
}

static void damaged_streams_are_refused(void **state) {
    struct fixture *f = *state;
    make_text(f, 3000);
    for (int zstd = 0; zstd < 2; zstd++) {
        str_clear(&f->made);
        (zstd ? add_zstd : add_gzip)(&f->made, f->text.data, f->text.len);
        const size_t whole = f->made.len;
        assert_ok(str_add(&f->made, "something else"));
        write_made(f);
        expect_refused(f, ERR_PARSE, "damaged");
        f->made.len = whole;
        f->made.data[zstd ? 5 : whole - 6] ^= 0x55; /* the frame's header; the check sum */
        write_made(f);
        expect_refused(f, ERR_PARSE, zstd ? "zstd" : "damaged: incorrect data check");
    }
}

static void other_compressions_are_named(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } cases[] = {{"\xFD"
                  "7zXZ\0\0\0",
                  8, "with xz"},
                 {"BZh91AY&SYxx", 12, "with bzip2"},
                 {"\x04\x22\x4D\x18zz", 6, "with lz4"},
                 {"PK\x03\x04zz", 6, "with zip"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(file_write(f->path, cases[i].bytes, cases[i].n));
        expect_refused(f, ERR_UNSUPPORTED, cases[i].why);
        assert_non_null(strstr(err_hint(), "gzip and zstd"));
    }
    assert_ok(file_write(f->path, "BZhang said\n", 12));
    make_text(f, 0);
    assert_ok(str_add(&f->text, "BZhang said\n"));
    expect_text(f, NULL);
}

static void what_is_no_file_is_refused(void **state) {
    struct fixture *f = *state;
    expect_refused(f, ERR_IO, "cannot open");
    assert_int_equal(mkfifo(f->path, 0600), 0);
    expect_refused(f, ERR_UNSUPPORTED, "no regular file");
    assert_int_equal(unlink(f->path), 0);
    assert_ok(dir_make(f->path));
    expect_refused(f, ERR_UNSUPPORTED, "is a folder");
}

/* Its length is another one when its end is reached. */
static void a_file_that_changes_is_refused(void **state) {
    struct fixture *f = *state;
    const uint8_t *block;
    size_t n;
    make_text(f, 4 * STREAM_BLOCK_BYTES);
    for (int longer = 0; longer < 2; longer++) {
        struct stream *s;
        assert_ok(file_write(f->path, f->text.data, f->text.len));
        assert_ok(stream_open(&s, f->path));
        assert_ok(stream_next(s, &block, &n));
        assert_int_equal(truncate(f->path, (longer ? 5 : 2) * STREAM_BLOCK_BYTES), 0);
        err e = ERR_OK;
        while (e == ERR_OK && n > 0) e = stream_next(s, &block, &n);
        assert_int_equal(e, ERR_MISMATCH);
        assert_non_null(strstr(err_message(), "changed while it was read"));
        stream_close(s);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_length_comes_back),
        TEST(members_and_frames_follow_one_another),
        TEST(cut_streams_are_refused_wherever_they_are_cut),
        TEST(damaged_streams_are_refused),
        TEST(other_compressions_are_named),
        TEST(what_is_no_file_is_refused),
        TEST(a_file_that_changes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
