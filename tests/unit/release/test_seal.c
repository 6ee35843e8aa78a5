/* SPDX-License-Identifier: Apache-2.0
 * The seal: any changed byte of any file is found and laid at that file's door, and so are files
 * that are missing, too many or no regular files. The folder here stands for a release; whole
 * releases are tried by tests/shell/test_chain.sh. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "release/seal.h"
#include <sys/stat.h>

static const char *dir;

static char *in_dir(const char *name) {
    char *path = path_join(dir, name);
    if (path == NULL) abort();
    return path;
}

static void put(const char *name, const char *text) {
    char *path = in_dir(name);
    assert_ok(file_write(path, text, strlen(text)));
    mem_free(path);
}

static int make_release(void **state) {
    char hash[SHA256_HEX_SIZE];
    (void)state;
    dir = test_folder();
    char *below = in_dir("adapter");
    assert_ok(dir_make(below));
    mem_free(below);
    put("README.md", "# card\n");
    put("manifest.json", "{\"cotrain_release\": 1}\n");
    put("model.safetensors", "weights");
    put("adapter/adapter_config.json", "{}\n");
    put("run.jsonl", "{\"step\": 1}\n");
    assert_ok(seal_write(dir, hash));
    return 0;
}

static int remove_release(void **state) {
    (void)state;
    test_folder_remove(dir);
    return 0;
}

static err check(void) {
    struct seal s;
    err result = seal_check(&s, dir);
    seal_clear(&s);
    return result;
}

static void untouched_folder_holds(void **state) {
    (void)state;
    struct seal s;
    char manifest[SHA256_HEX_SIZE];
    char *path = in_dir("manifest.json");
    assert_ok(seal_check(&s, dir));
    assert_ok(sha256_file(path, manifest));
    assert_string_equal(s.release, manifest);
    assert_int_equal(s.n_lines, 5);
    assert_string_equal(s.lines[0].path, "README.md");
    mem_free(path);
    seal_clear(&s);
}

/* Every byte of every file, one after the other, with one bit turned. */
static void every_changed_byte_is_found(void **state) {
    (void)state;
    struct name_list names = {0};
    assert_ok(dir_walk(dir, &names));
    assert_int_equal(names.n, 7);
    for (size_t i = 0; i < names.n; i++) {
        char *path = in_dir(names.names[i]);
        struct str text = {0};
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", names.names[i]);
        assert_ok(file_read(path, 1 << 16, &text));
        for (size_t at = 0; at < text.len; at++) {
            text.data[at] ^= (char)(1 << (at % 8));
            assert_ok(file_write(path, text.data, text.len));
            assert_fails(check(), ERR_GATE, quoted);
            text.data[at] ^= (char)(1 << (at % 8));
        }
        assert_ok(file_write(path, text.data, text.len));
        assert_ok(check());
        str_release(&text);
        mem_free(path);
    }
    name_list_release(&names);
}

static void shorter_and_longer_files_are_found(void **state) {
    (void)state;
    put("run.jsonl", "{\"step\": 1}");
    assert_fails(check(), ERR_GATE, "'run.jsonl'");
    put("run.jsonl", "{\"step\": 1}\n");
    char *path = in_dir("RELEASE");
    assert_ok(file_append(path, "\n", 1));
    assert_fails(check(), ERR_GATE, "'RELEASE'");
    mem_free(path);
}

static void missing_files_are_named(void **state) {
    (void)state;
    static const char *const names[] = {"README.md", "adapter/adapter_config.json", "SHA256SUMS",
                                        "manifest.json", "RELEASE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = in_dir(names[i]);
        struct str text = {0};
        assert_ok(file_read(path, 1 << 16, &text));
        assert_ok(file_remove(path));
        assert_fails(check(), ERR_GATE, names[i]);
        assert_ok(file_write(path, text.data, text.len));
        str_release(&text);
        mem_free(path);
    }
    assert_ok(check());
}

static void extra_entries_are_named(void **state) {
    (void)state;
    put("notes.txt", "");
    assert_fails(check(), ERR_GATE, "'notes.txt'");
    char *path = in_dir("notes.txt");
    assert_ok(file_remove(path));
    assert_int_equal(symlink("README.md", path), 0);
    assert_fails(check(), ERR_GATE, "'notes.txt'");
    assert_ok(file_remove(path));
    assert_ok(dir_make(path));
    assert_fails(check(), ERR_GATE, "'notes.txt'");
    assert_ok(dir_remove(path));
    mem_free(path);
    put("adapter/more.bin", "x");
    assert_fails(check(), ERR_GATE, "'adapter/more.bin'");
}

static void link_in_place_of_a_file_is_refused(void **state) {
    (void)state;
    char *path = in_dir("model.safetensors"), *other = in_dir("../cotrain-test-weights");
    assert_ok(file_write(other, "weights", 7));
    assert_ok(file_remove(path));
    assert_int_equal(symlink("../cotrain-test-weights", path), 0);
    assert_fails(check(), ERR_GATE, "'model.safetensors' is no regular file");
    assert_ok(file_remove(other));
    mem_free(path);
    mem_free(other);
}

static void other_folders_are_no_release(void **state) {
    (void)state;
    struct seal s;
    char *path = in_dir("adapter");
    assert_fails(seal_check(&s, path), ERR_MISSING, "is no release");
    seal_clear(&s);
    assert_fails(seal_check(&s, "/nonexistent"), ERR_MISSING, "/nonexistent");
    seal_clear(&s);
    mem_free(path);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_release, remove_release)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(untouched_folder_holds),
        EACH(every_changed_byte_is_found),
        EACH(shorter_and_longer_files_are_found),
        EACH(missing_files_are_named),
        EACH(extra_entries_are_named),
        EACH(link_in_place_of_a_file_is_refused),
        EACH(other_folders_are_no_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
