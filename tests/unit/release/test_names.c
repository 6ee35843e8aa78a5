/* SPDX-License-Identifier: Apache-2.0
 * Which paths a release may have, what a survey of its folder refuses, and which lines of
 * SHA256SUMS are read: each refused before anything of the folder is opened.
 * Under test: release/names.c, release/survey.c, release/seal.c. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "release/names.h"
#include "release/seal.h"
#include "release/survey.h"
#include <sys/stat.h>

static void good_paths(void **state) {
    (void)state;
    static const char *const good[] = {"README.md",      "adapter/adapter_config.json",
                                       "a b/c",          "..a/b..",
                                       ".gitattributes", "LICENSE-源2.0",
                                       "a/b/c/d"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ok(release_name_check(good[i]));
}

static void bad_paths(void **state) {
    (void)state;
    char longer[RELEASE_NAME_BYTES + 2];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const rows[][2] = {
        {"", "is empty"},
        {"/etc/passwd", "is absolute"},
        {"..", "leaves the folder"},
        {"../x", "leaves the folder"},
        {"a/../../x", "leaves the folder"},
        {"a/..", "leaves the folder"},
        {"./x", "has a part '.'"},
        {"a/./x", "has a part '.'"},
        {"a//x", "has an empty part"},
        {"a/", "has an empty part"},
        {"a\\x", "has a backslash"},
        {"a\r", "control character at byte 2"},
        {"a\nb", "control character at byte 2"},
        {"\x7f", "control character at byte 1"},
        {" a", "has a space at the end"},
        {"a /b", "has a space at the end"},
        {"a\xff", "is no UTF-8"},
        {longer, "is over 512"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(release_name_check(rows[i][0]), ERR_GATE, rows[i][1]);
}

static void titles(void **state) {
    (void)state;
    char longest[RELEASE_TITLE_BYTES + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = {"", "a/b", ".a", "..", " a", "a ", "a\\b", "a\nb", "a\xff", longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(release_title_check(bad[i]), ERR_RANGE, "release name");
    longest[RELEASE_TITLE_BYTES] = '\0';
    const char *const good[] = {"Yuan2-2B-Mars", "\u706b\u661f 2", "a.b", longest};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ok(release_title_check(good[i]));
}

static void many_paths(void **state) {
    (void)state;
    static const struct {
        const char *names[3];
        const char *says; /* NULL: good */
    } rows[] = {{{"A", "a/b", "c"}, NULL},
                {{"a", "b", "b"}, "'b' stands there twice"},
                {{"a", "c", "b"}, "'b' is out of order"},
                {{"README.md", "config.json", "readme.MD"}, "differ by case alone"},
                {{"A/b", "B", "a/B"}, "differ by case alone"},
                {{"a", "b", "../c"}, "leaves the folder"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct name_list list = {(char **)rows[i].names, 3};
        if (rows[i].says == NULL)
            assert_ok(release_names_check(&list));
        else
            assert_fails(release_names_check(&list), ERR_GATE, rows[i].says);
    }
    assert_ok(release_names_check(&(struct name_list){0}));
}

static const char *in(const char *dir, const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void surveys(void **state) {
    (void)state;
    struct name_list files;
    const char *dir = test_folder();
    assert_ok(file_write(in(dir, "b"), "1", 1));
    assert_ok(dir_make(in(dir, "a")));
    assert_ok(dir_make(in(dir, ".git/objects")));
    assert_ok(survey_files(dir, &files));
    assert_int_equal(files.n, 2);
    assert_string_equal(files.names[0], "a/");
    assert_string_equal(files.names[1], "b");
    name_list_release(&files);

    char elsewhere[512];
    snprintf(elsewhere, sizeof elsewhere, "%s/.git/elsewhere", dir);
    assert_int_equal(link(in(dir, "b"), elsewhere), 0);
    assert_fails(survey_files(dir, &files), ERR_GATE, "'b' is a hard link: the file has 2 names");
    assert_ok(file_remove(elsewhere));
    assert_int_equal(mkfifo(in(dir, "a/pipe"), 0600), 0);
    assert_fails(survey_files(dir, &files), ERR_GATE, "'a/pipe' is no regular file but a FIFO");
    assert_ok(file_remove(in(dir, "a/pipe")));
    assert_int_equal(mknod(in(dir, "s"), S_IFSOCK | 0600, 0), 0);
    assert_fails(survey_files(dir, &files), ERR_GATE, "'s' is no regular file but a socket");
    assert_ok(file_remove(in(dir, "s")));
    assert_int_equal(symlink(".", in(dir, "loop")), 0);
    assert_fails(survey_files(dir, &files), ERR_GATE, "'loop' is no regular file but a symbolic");
    assert_ok(file_remove(in(dir, "loop")));
    assert_ok(file_write(in(dir, "new\nline"), "", 0));
    assert_fails(survey_files(dir, &files), ERR_GATE, "control character");
    test_folder_remove(dir);
}

/* A seal around one file, whose list of sums is `line`. */
static void seal_with(const char *dir, const char *line) {
    char release[SHA256_HEX_SIZE], sums[SHA256_HEX_SIZE], check[SHA256_HEX_SIZE];
    struct str text = {0};
    assert_ok(sha256_file(in(dir, "manifest.json"), release));
    assert_ok(file_write(in(dir, "SHA256SUMS"), line, strlen(line)));
    assert_ok(sha256_bytes(line, strlen(line), sums));
    assert_ok(str_printf(&text, "release %s\nsums %s\n", release, sums));
    assert_ok(sha256_bytes(text.data, text.len, check));
    assert_ok(str_printf(&text, "check %s\n", check));
    assert_ok(file_write(in(dir, "RELEASE"), text.data, text.len));
    str_release(&text);
}

static void lines_of_sums(void **state) {
    (void)state;
#define SUM "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    static const char *const rows[][2] = {
        {SUM "  manifest.json\n", NULL},
        {SUM "  manifest.json\r\n", "line 1 ends with CR LF"},
        {"\\" SUM "  manifest.json\n", "line 1 has an escaped path"},
        {SUM " *manifest.json\n", "line 1 has no two spaces"},
        {SUM " manifest.json\n", "line 1 has no two spaces"},
        {SUM "  manifest.json", "line 1 has no end"},
        {"x" SUM "  manifest.json\n", "line 1 does not begin with a SHA-256"},
        {SUM "0  manifest.json\n", "line 1 does not begin with a SHA-256"},
        {"\n", "line 1 does not begin with a SHA-256"},
        {SUM "  manifest.json\n" SUM "  manifest.json\n", "'manifest.json' stands there twice"},
        {SUM "  manifest.json\n" SUM "  a\n", "'a' is out of order"},
        {SUM "  /etc/passwd\n", "path '/etc/passwd' is absolute"},
        {SUM "  ../manifest.json\n", "path '../manifest.json' leaves the folder"},
        {SUM "  Manifest.json\n" SUM "  manifest.json\n", "differ by case alone"},
        {SUM "  model.sig\n", "line 1 names a file that has no sum"},
        {SUM "  SHA256SUMS\n", "line 1 names a file that has no sum"},
        {SUM "  manifest.json\n" SUM "  z\n", "'z' is missing"},
        {"", "'manifest.json' does not belong"},
    };
    const char *dir = test_folder();
    assert_ok(file_write(in(dir, "manifest.json"), "{}", 2));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seal s;
        seal_with(dir, rows[i][0]);
        if (rows[i][1] == NULL)
            assert_ok(seal_check(&s, dir));
        else
            assert_fails(seal_check(&s, dir), ERR_GATE, rows[i][1]);
        seal_clear(&s);
    }
    test_folder_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_paths), cmocka_unit_test(bad_paths), cmocka_unit_test(titles),
        cmocka_unit_test(many_paths), cmocka_unit_test(surveys),   cmocka_unit_test(lines_of_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
