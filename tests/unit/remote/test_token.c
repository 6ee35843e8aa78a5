/* SPDX-License-Identifier: Apache-2.0
 * Tokens: from the environment and from files, who may own and read those, and that no error
 * repeats one.
 * Under test: remote/token.h. */
#include "tests/unit/folder_test.h"

#include "remote/token.h"
#include <sys/stat.h>

static const enum env_name names[] = {ENV_GH_TOKEN, ENV_GITHUB_TOKEN};

#define TOKEN "ghp_SECRETsecret0123456789"

static const char *token_file(const char *text, size_t n, mode_t mode) {
    static char path[256];
    snprintf(path, sizeof path, "%s/token", folder);
    assert_ok(file_remove(path));
    assert_ok(file_write(path, text, n));
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void gives(const char *path, const char *wanted) {
    struct str token = {0};
    assert_ok(token_read(path, names, 2, &token));
    assert_string_equal(str_text(&token), wanted);
    token_release(&token);
    assert_null(token.data);
}

static void refuses(const char *path, err code, const char *part) {
    struct str token = {0};
    assert_fails(token_read(path, names, 2, &token), code, part);
    assert_null(strstr(err_message(), "SECRET"));
    assert_null(strstr(err_hint(), "SECRET"));
    assert_int_equal(token.len, 0);
    token_release(&token);
}

static void from_the_environment(void **state) {
    (void)state;
    unsetenv("GH_TOKEN");
    unsetenv("GITHUB_TOKEN");
    gives(NULL, "");
    setenv("GITHUB_TOKEN", "one", 1);
    gives(NULL, "one");
    setenv("GH_TOKEN", "two\n", 1);
    gives(NULL, "two");
    setenv("GH_TOKEN", "", 1);
    gives(NULL, "one");
    setenv("GH_TOKEN", TOKEN "\r\nX-Other: 1", 1);
    refuses(NULL, ERR_PARSE, "GH_TOKEN holds a character");
    setenv("GH_TOKEN", " \n", 1);
    refuses(NULL, ERR_PARSE, "GH_TOKEN holds no token");
    unsetenv("GH_TOKEN");
    unsetenv("GITHUB_TOKEN");
}

static void from_a_file(void **state) {
    (void)state;
    setenv("GH_TOKEN", "other", 1); /* the file goes before it */
    gives(token_file(TOKEN, strlen(TOKEN), 0600), TOKEN);
    gives(token_file(TOKEN "\r\n", strlen(TOKEN) + 2, 0600), TOKEN);
    gives(token_file(TOKEN "\n", strlen(TOKEN) + 1, 0400), TOKEN);
    unsetenv("GH_TOKEN");
    refuses(token_file("", 0, 0600), ERR_PARSE, "holds no token");
    refuses(token_file(TOKEN "\nmore", strlen(TOKEN) + 5, 0600), ERR_PARSE, "a character");
    refuses(token_file(TOKEN "\0", strlen(TOKEN) + 1, 0600), ERR_PARSE, "a character");
    refuses(token_file(TOKEN "\xC3\xA4", strlen(TOKEN) + 2, 0600), ERR_PARSE, "a character");
    char many[1200];
    memset(many, 'a', sizeof many);
    refuses(token_file(many, sizeof many, 0600), ERR_LIMIT, "over 1024 bytes");
    gives(token_file(many, 1024, 0600), (many[1024] = '\0', many));
    refuses("/nonexistent/token", ERR_IO, "/nonexistent/token");
    refuses(folder, ERR_DENIED, "is no file");
}

static void files_that_others_can_read(void **state) {
    (void)state;
    static const mode_t modes[] = {0644, 0640, 0604, 0620, 0660, 0601, 0610, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        refuses(token_file(TOKEN, strlen(TOKEN), modes[i]), ERR_DENIED, "by others (mode 06");
        assert_non_null(strstr(err_hint(), "chmod 600"));
    }
}

static void files_of_other_users(void **state) {
    (void)state;
    const char *path = token_file(TOKEN, strlen(TOKEN), 0600);
    if (geteuid() != 0) skip(); /* only root can give a file away */
    assert_int_equal(chown(path, 65534, 65534), 0);
    refuses(path, ERR_DENIED, "belongs to another user");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_environment),
        FOLDER_TEST(from_a_file),
        FOLDER_TEST(files_that_others_can_read),
        FOLDER_TEST(files_of_other_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
