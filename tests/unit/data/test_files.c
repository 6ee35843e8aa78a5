/* SPDX-License-Identifier: Apache-2.0
 * Which files a source's path stands for, under which names, in which order; what of a folder is
 * left out; and that a source's hash changes with any of its files. A dataset of a folder is built
 * at the end, whose sources have names of their own. */
#include "data/source/files.h"
#include "data/dataset/dataset.h"
#include "tests/unit/data/tiny.h"
#include <sys/stat.h>

struct fixture {
    const char *dir;
    struct str got;
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
    test_folder_remove(f->dir);
    return 0;
}

static void make_file(const struct fixture *f, const char *name) {
    const char *path = tiny_path(f->dir, name);
    char *dir = path_dir(path);
    assert_ok(dir_make(dir));
    assert_ok(file_write(path, name, strlen(name)));
    mem_free(dir);
}

/* The names, a space between them; each path ends with its name. */
static const char *names_of(struct fixture *f, const char *path, const char *format) {
    struct source_files files;
    str_clear(&f->got);
    assert_ok(source_files_find(&files, tiny_path(f->dir, path), format));
    assert_int_equal(files.paths.n, files.names.n);
    for (size_t i = 0; i < files.names.n; i++) {
        assert_ok(str_printf(&f->got, "%s%s", i > 0 ? " " : "", files.names.names[i]));
        assert_true(str_ends(files.paths.names[i], files.names.names[i]));
        assert_true(str_starts(files.paths.names[i], f->dir));
    }
    source_files_release(&files);
    return str_text(&f->got);
}

static void folders_give_the_files_that_hold_rows(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"d/b.jsonl",   "d/a.csv.gz",    "d/sub/c.txt.zst",
                                        "d/README.md", "d/.hidden.txt", "d/.git/x.txt",
                                        "d/m.idx",     "d/m.bin",       "d/n.bin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) make_file(f, names[i]);
    assert_string_equal(names_of(f, "d", "auto"), "a.csv.gz b.jsonl m.idx sub/c.txt.zst");
    assert_string_equal(names_of(f, "d/", "document"),
                        "README.md a.csv.gz b.jsonl m.idx n.bin sub/c.txt.zst");
    assert_string_equal(names_of(f, "d/README.md", "auto"), "README.md");
    assert_string_equal(names_of(f, "d/absent.txt", "auto"),
                        "absent.txt"); /* for its reader to say */
}

static void other_splits_are_left_out_beside_train(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"d/train.jsonl",  "d/valid.jsonl",   "d/test.jsonl.gz",
                                        "d/e/test.jsonl", "d/testing.jsonl", "f/dev.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) make_file(f, names[i]);
    assert_string_equal(names_of(f, "d", "auto"), "e/test.jsonl testing.jsonl train.jsonl");
    assert_string_equal(names_of(f, "f", "auto"), "dev.jsonl");
    assert_string_equal(names_of(f, "d/test.jsonl.gz", "auto"), "test.jsonl.gz");
}

static void patterns_give_what_they_match(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"m/2024-02/x.jsonl", "m/2024-01/x.jsonl", "m/2024-01/y.txt",
                                        "m/other/x.jsonl", "m/a[1].jsonl"};
    struct source_files files;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) make_file(f, names[i]);
    assert_string_equal(names_of(f, "m/2024-*/x.jsonl", "auto"), "2024-01/x.jsonl 2024-02/x.jsonl");
    assert_string_equal(names_of(f, "m/2024-01/?.*", "auto"), "x.jsonl y.txt");
    assert_string_equal(names_of(f, "m/2024-0[1]", "auto"), "2024-01/x.jsonl 2024-01/y.txt");
    assert_string_equal(names_of(f, "m/a[1].jsonl", "auto"),
                        "a[1].jsonl"); /* a file of that name */
    assert_fails(source_files_find(&files, tiny_path(f->dir, "m/*.csv"), "auto"), ERR_MISSING,
                 "nothing is there that");
    source_files_release(&files);
    assert_fails(source_files_find(&files, tiny_path(f->dir, "m/**"), "auto"), ERR_UNSUPPORTED,
                 "** is no pattern");
    source_files_release(&files);
    assert_ok(dir_make(tiny_path(f->dir, "empty")));
    assert_fails(source_files_find(&files, tiny_path(f->dir, "empty"), "auto"), ERR_MISSING,
                 "has no files of rows");
    source_files_release(&files);
}

static void pipes_are_refused_before_they_are_opened(void **state) {
    struct fixture *f = *state;
    struct source_files files;
    make_file(f, "d/a.txt");
    assert_int_equal(mkfifo(tiny_path(f->dir, "d/p.txt"), 0600), 0);
    static const char *const paths[] = {"d/p.txt", "d", "d/*"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_fails(source_files_find(&files, tiny_path(f->dir, paths[i]), "auto"),
                     ERR_UNSUPPORTED, "p.txt' is no regular file");
        source_files_release(&files);
    }
}

static void names_are_text(void **state) {
    struct fixture *f = *state;
    struct source_files files;
    make_file(f, "d/a\xff.txt");
    static const char *const paths[] = {"d/a\xff.txt", "d", "d/*"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_fails(source_files_find(&files, tiny_path(f->dir, paths[i]), "auto"),
                     ERR_UNSUPPORTED, ".txt': its name is no UTF-8");
        source_files_release(&files);
    }
}

static void hashes_follow_every_file(void **state) {
    struct fixture *f = *state;
    char first[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
    static const char *const changed[] = {"d/a.jsonl", "d/m.idx", "d/m.bin"};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) make_file(f, changed[i]);
    assert_ok(source_sha256(tiny_path(f->dir, "d"), "auto", first));
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        assert_ok(file_write(tiny_path(f->dir, changed[i]), "other", 5));
        assert_ok(source_sha256(tiny_path(f->dir, "d"), "auto", again));
        assert_string_not_equal(first, again);
        make_file(f, changed[i]);
        assert_ok(source_sha256(tiny_path(f->dir, "d"), "auto", again));
        assert_string_equal(first, again);
    }
}

static void datasets_name_their_files_apart(void **state) {
    struct fixture *f = *state;
    struct tiny_build t;
    struct dataset *d;
    char out[128];
    snprintf(out, sizeof out, "%s/out", f->dir);
    tiny_build_init(&t, f->dir);
    assert_ok(dir_make(tiny_path(f->dir, "one/sub")));
    assert_ok(dir_make(tiny_path(f->dir, "two")));
    tiny_file(f->dir, "one/x.txt", "a<sep>b\n");
    tiny_file(f->dir, "one/sub/y.txt", "c<sep>d\n");
    tiny_file(f->dir, "two/x.txt", "e<sep>f\n");
    tiny_add_source(&t, tiny_path(f->dir, "one/"), NULL);
    tiny_add_source(&t, tiny_path(f->dir, "two/x.txt"), NULL);
    assert_ok(data_build(&t.build, out));
    assert_ok(dataset_open(&d, out));
    assert_int_equal(dataset_n_sources(d), 3);
    assert_int_equal(dataset_n_groups(d), 2);
    assert_string_equal(dataset_source(d, 0)->name, "sub/y.txt");
    assert_string_equal(dataset_source(d, 1)->name, "x.txt");
    assert_string_equal(dataset_source(d, 2)->name, "x.txt#2");
    assert_string_equal(dataset_group(d, 0)->name, "one");
    assert_int_equal(dataset_group(d, 0)->n_sources, 2);
    dataset_close(d);
    /* one that changes is another input */
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    assert_ok(data_build_input(&t.build, before));
    tiny_file(f->dir, "one/sub/y.txt", "c<sep>e\n");
    assert_ok(data_build_input(&t.build, after));
    assert_string_not_equal(before, after);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(folders_give_the_files_that_hold_rows),
        TEST(other_splits_are_left_out_beside_train),
        TEST(patterns_give_what_they_match),
        TEST(pipes_are_refused_before_they_are_opened),
        TEST(names_are_text),
        TEST(hashes_follow_every_file),
        TEST(datasets_name_their_files_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
