/* SPDX-License-Identifier: Apache-2.0
 * Files and folders: whole or not at all, whichever I/O operation fails.
 * The operation that fails is counted through, one by one, by base/fault.h.
 * Under test: base/file.h. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

static void write_text(const char *dir, const char *name, const char *text) {
    char *path = path_join(dir, name), *parent = path_dir(path);
    assert_ok(dir_make(parent));
    assert_ok(file_write(path, text, strlen(text)));
    mem_free(parent);
    mem_free(path);
}

static void assert_content(const char *dir, const char *name, const char *text) {
    char *path = path_join(dir, name);
    struct str s = {0};
    assert_ok(file_read(path, 1 << 20, &s));
    assert_string_equal(str_text(&s), text);
    str_release(&s);
    mem_free(path);
}

static size_t count_files(const char *dir) {
    struct name_list list;
    assert_ok(dir_walk(dir, &list));
    size_t n = list.n;
    name_list_release(&list);
    return n;
}

static void a_failed_write_leaves_the_old_file(void **state) {
    (void)state;
    const char *dir = test_folder();
    char *path = path_join(dir, "f");
    char big[200000];
    memset(big, 'n', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    write_text(dir, "f", "old");
    int64_t n = 1;
    for (bool done = false; !done; n++) {
        fault_arm(FAULT_IO, FAULT_FAIL, n);
        err e = file_write(path, big, sizeof big - 1);
        fault_arm(FAULT_IO, FAULT_FAIL, 0);
        done = e == ERR_OK;
        if (done) break;
        assert_int_equal(e, ERR_IO);
        assert_non_null(strstr(err_message(), "No space left"));
        if (n < 4) assert_content(dir, "f", "old"); /* after the rename the new one stands */
        assert_int_equal(count_files(dir), 1);
    }
    assert_int_equal(n, 5); /* write, sync, rename, sync of the folder */
    assert_content(dir, "f", big);
    mem_free(path);
    test_folder_remove(dir);
}

static void a_folder_is_replaced_whole(void **state) {
    (void)state;
    const char *root = test_folder();
    char *old = path_join(root, "d"), *fresh = path_join(root, "d.tmp");
    for (int64_t n = 1, done = 0; !done; n++) {
        assert_ok(dir_remove(old));
        assert_ok(dir_remove(fresh));
        write_text(old, "a", "old");
        write_text(old, "gone", "old");
        write_text(fresh, "a", "new");
        write_text(fresh, "sub/b", "new");
        fault_arm(FAULT_IO, FAULT_FAIL, n);
        err e = dir_commit(fresh, old);
        fault_arm(FAULT_IO, FAULT_FAIL, 0);
        done = e == ERR_OK;
        size_t files = count_files(old);
        assert_int_equal(files, 2);
        struct str s = {0};
        char *path = path_join(old, "a");
        assert_ok(file_read(path, 100, &s));
        assert_true(strcmp(s.data, "old") == 0 || strcmp(s.data, "new") == 0);
        if (done) {
            assert_content(old, "sub/b", "new");
            assert_false(dir_exists(fresh));
        } else {
            assert_int_equal(e, ERR_IO);
        }
        mem_free(path);
        str_release(&s);
        assert_true(n < 20);
    }
    mem_free(old);
    mem_free(fresh);
    test_folder_remove(root);
}

static void room_on_the_disk(void **state) {
    (void)state;
    const char *dir = test_folder();
    assert_ok(dir_need_room(dir, 1));
    assert_fails(dir_need_room(dir, INT64_MAX), ERR_LIMIT, "9223372036.9 GB are to be written");
    test_folder_remove(dir);
}

static void lines_of_every_ending(void **state) {
    (void)state;
    const char *dir = test_folder();
    write_text(dir, "lines", "one\ntwo\r\n\nlast");
    char *path = path_join(dir, "lines");
    struct line_reader r;
    bool more;
    static const char *const want[] = {"one", "two", "", "last"};
    assert_ok(line_reader_open(&r, path, 100));
    for (int i = 0; i < 4; i++) {
        assert_ok(line_reader_next(&r, &more));
        assert_true(more);
        assert_string_equal(r.line, want[i]);
        assert_int_equal(r.line_number, i + 1);
    }
    assert_ok(line_reader_next(&r, &more));
    assert_false(more);
    line_reader_close(&r);
    assert_ok(line_reader_open(&r, path, 3));
    assert_ok(line_reader_next(&r, &more));
    assert_ok(line_reader_next(&r, &more));
    assert_ok(line_reader_next(&r, &more));
    assert_fails(line_reader_next(&r, &more), ERR_LIMIT, "line 4");
    line_reader_close(&r);
    mem_free(path);
    test_folder_remove(dir);
}

static void errors_name_the_path(void **state) {
    (void)state;
    struct str s = {0};
    struct file_map map;
    assert_fails(file_read("/nonexistent/x", 10, &s), ERR_IO, "'/nonexistent/x'");
    assert_fails(file_map_open(&map, "/"), ERR_IO, "not a regular file");
    assert_fails(file_write("/nonexistent/x", "a", 1), ERR_IO, "cannot create '/nonexistent/x'");
    const char *dir = test_folder();
    write_text(dir, "f", "0123456789");
    char *path = path_join(dir, "f");
    assert_fails(file_read(path, 9, &s), ERR_LIMIT, "over 9 bytes");
    assert_fails(dir_make(path), ERR_IO, "cannot make folder");
    mem_free(path);
    str_release(&s);
    test_folder_remove(dir);
}

static void hashes_of_known_content(void **state) {
    (void)state;
    const char *dir = test_folder();
    char hex[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
    assert_ok(sha256_bytes("abc", 3, hex)); /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    write_text(dir, "b/f", "abc");
    write_text(dir, "a", "");
    char *path = path_join(dir, "b/f");
    assert_ok(sha256_file(path, again));
    assert_string_equal(hex, again);
    static const char listing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b/f\n";
    assert_ok(sha256_bytes(listing, sizeof listing - 1, hex));
    assert_ok(sha256_dir(dir, again));
    assert_string_equal(hex, again);
    mem_free(path);
    test_folder_remove(dir);
}

static void paths(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"a", "/b", "/b"}};
    for (size_t i = 0; i < 4; i++) {
        char *got = path_join(rows[i][0], rows[i][1]);
        assert_string_equal(got, rows[i][2]);
        mem_free(got);
    }
    static const char *const dirs[][2] = {{"a/b", "a"}, {"b", "."}, {"/b", "/"}, {"a/b/c", "a/b"}};
    for (size_t i = 0; i < 4; i++) {
        char *got = path_dir(dirs[i][0]);
        assert_string_equal(got, dirs[i][1]);
        mem_free(got);
    }
    assert_string_equal(path_base("a/b"), "b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
        cmocka_unit_test(a_folder_is_replaced_whole),
        cmocka_unit_test(room_on_the_disk),
        cmocka_unit_test(lines_of_every_ending),
        cmocka_unit_test(errors_name_the_path),
        cmocka_unit_test(hashes_of_known_content),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
