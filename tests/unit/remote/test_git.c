/* SPDX-License-Identifier: Apache-2.0
 * A programme's repository: commits of named paths alone and with the same ids, what is left of
 * other people's work, removal, what has changed, merges of texts, and repositories that somebody
 * else is in the middle of something with. What git itself says of them is asked where git is.
 * Under test: remote/git.h. */
#include "tests/unit/folder_test.h"

#include "base/mem.h"
#include "remote/git.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

static struct git_repo *repo;
static char home[128]; /* beside the repository: nobody's settings count */

static const char *in_repo(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/repo%s%s", folder, *name ? "/" : "", name);
    return path;
}

static int repo_make(void **state) {
    folder_make(state);
    snprintf(home, sizeof home, "%s/home", folder);
    assert_ok(dir_make(home));
    setenv("HOME", home, 1);
    setenv("XDG_CONFIG_HOME", home, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    assert_ok(git_repo_init(in_repo(""), &repo));
    return 0;
}

static int repo_remove(void **state) {
    git_repo_free(repo);
    repo = NULL;
    return folder_remove(state);
}

static void put(const char *name, const char *text) {
    char *parent = path_dir(in_repo(name));
    assert_ok(dir_make(parent));
    mem_free(parent);
    assert_ok(file_write(in_repo(name), text, strlen(text)));
}

/* COMMIT(&made, "message", "path", ...) */
#define COMMIT(made, message, ...)                                                                 \
    commit_paths(repo, made, message, (const char *const[]){__VA_ARGS__, NULL})
static err commit_paths(struct git_repo *to, bool *made, const char *message,
                        const char *const *paths) {
    struct git_commit_of c = {.name = "Programme",
                              .email = "programme@example.com",
                              .time_s = 1709719200,
                              .offset_minutes = 480,
                              .message = message,
                              .paths = paths};
    while (paths[c.n]) c.n++;
    return git_repo_commit(to, &c, made);
}

static void is_changed(const char *wanted) {
    struct name_list names;
    struct str text = {0};
    assert_ok(git_repo_changed(repo, &names));
    for (size_t i = 0; i < names.n; i++) assert_ok(str_printf(&text, "%s ", names.names[i]));
    assert_string_equal(str_text(&text), wanted);
    str_release(&text);
    name_list_release(&names);
}

static void head_has(const char *path, const char *wanted) {
    struct str text = {0};
    bool found;
    assert_ok(git_repo_read(repo, path, &text, &found));
    assert_int_equal(found, wanted != NULL);
    assert_string_equal(str_text(&text), wanted ? wanted : "");
    str_release(&text);
}

/* git's own word on the repository; without git nothing is asked. */
static void git_says(const char *const *args, int wanted_rc, const char *wanted_out) {
    extern char **environ;
    const char *argv[12] = {"git", "-C", in_repo("")};
    char out[256];
    int status, n = 3;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    while (*args) argv[n++] = *args++;
    snprintf(out, sizeof out, "%s/out", folder);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int why = posix_spawnp(&pid, "git", &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (why != 0) return;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct str text = {0};
    assert_ok(file_read(out, 1 << 20, &text));
    assert_int_equal(WEXITSTATUS(status), wanted_rc);
    assert_string_equal(str_text(&text), wanted_out);
    str_release(&text);
}
#define GIT_SAYS(rc, out, ...) git_says((const char *const[]){__VA_ARGS__, NULL}, rc, out)

static void a_new_repository(void **state) {
    (void)state;
    char id[GIT_ID_SIZE];
    int64_t time_s;
    struct git_repo *again;
    assert_ok(git_repo_head(repo, id, &time_s));
    assert_string_equal(id, "");
    assert_int_equal(time_s, 0);
    is_changed("");
    head_has("a", NULL);
    GIT_SAYS(0, "main\n", "symbolic-ref", "--short", "HEAD");
    assert_fails(git_repo_init(in_repo(""), &again), ERR_EXISTS, "is a git repository already");
    assert_null(again);
    assert_ok(git_repo_open(in_repo(""), &again));
    git_repo_free(again);
    put("below/x", "");
    assert_fails(git_repo_open(in_repo("below"), &again), ERR_MISSING, "below'"); /* not upwards */
    assert_null(again);
    assert_fails(git_repo_open("/nonexistent", &again), ERR_MISSING, "'/nonexistent'");
}

static void the_same_input_gives_the_same_ids(void **state) {
    (void)state;
    /* as git itself gives it for the same files, person and time */
    static const char wanted[] = "60a10eac8e37e5886e9015b3abeece66c900a169";
    char id[GIT_ID_SIZE];
    int64_t time_s;
    bool made;
    put("a.txt", "one\r\ntwo\n");
    put("b/c.txt", "\xE6\xBA\x90\n");
    assert_ok(COMMIT(&made, "first\n", "a.txt", "b/c.txt"));
    assert_true(made);
    assert_ok(git_repo_head(repo, id, &time_s));
    assert_int_equal(time_s, 1709719200);
    assert_string_equal(id, wanted);
    head_has("a.txt", "one\r\ntwo\n");
    head_has("b/c.txt", "\xE6\xBA\x90\n");
    is_changed("");
    GIT_SAYS(0, "", "status", "--porcelain");
    GIT_SAYS(0, "", "fsck", "--strict");
    GIT_SAYS(0, "Programme <programme@example.com> 2024-03-06T18:00:00+08:00 first\n", "log", "-1",
             "--format=%an <%ae> %aI %s");
    assert_ok(COMMIT(&made, "again\n", "a.txt")); /* the tree is the same: there is no commit */
    assert_false(made);
    assert_ok(git_repo_head(repo, id, &time_s));
    assert_string_equal(id, wanted);
}

static void others_work_is_left_alone(void **state) {
    (void)state;
    bool made;
    put("a", "1");
    put("b", "1");
    assert_ok(COMMIT(&made, "first\n", "a", "b"));
    put("a", "2");
    put("b", "2");
    put("staged", "s");
    put("new/file", "n");
    GIT_SAYS(0, "", "add", "staged", "b");
    is_changed("a b new/file staged ");
    assert_ok(COMMIT(&made, "second\n", "a"));
    assert_true(made);
    head_has("a", "2");
    head_has("b", "1");
    head_has("staged", NULL);
    is_changed("b new/file staged ");
    put(".gitignore", "new/\n");
    is_changed(".gitignore b staged ");
}

static void what_is_not_there_is_removed(void **state) {
    (void)state;
    bool made;
    put("a", "1");
    put("d/b", "1");
    assert_ok(COMMIT(&made, "first\n", "a", "d/b"));
    assert_ok(file_remove(in_repo("d/b")));
    is_changed("d/b ");
    assert_ok(COMMIT(&made, "second\n", "d/b", "never/there"));
    assert_true(made);
    head_has("d/b", NULL);
    head_has("a", "1");
    is_changed("");
    GIT_SAYS(0, "", "status", "--porcelain");
}

static void paths_stay_inside(void **state) {
    (void)state;
    bool made;
    char id[GIT_ID_SIZE];
    int64_t time_s;
    put("../outside", "x");
    put(".git/planted", "x");
    assert_int_not_equal(COMMIT(&made, "m\n", "../outside"), ERR_OK);
    assert_int_not_equal(COMMIT(&made, "m\n", ".git/planted"), ERR_OK);
    assert_ok(git_repo_head(repo, id, &time_s));
    assert_string_equal(id, "");
}

static void a_merge_under_way_is_refused(void **state) {
    (void)state;
    bool made;
    char id[GIT_ID_SIZE], line[GIT_ID_SIZE + 1];
    int64_t time_s;
    struct git_repo *again;
    put("a", "1");
    assert_ok(COMMIT(&made, "first\n", "a"));
    assert_ok(git_repo_head(repo, id, &time_s));
    snprintf(line, sizeof line, "%s\n", id);
    assert_ok(file_write(in_repo(".git/MERGE_HEAD"), line, strlen(line)));
    assert_fails(git_repo_open(in_repo(""), &again), ERR_MISMATCH,
                 "a merge or rebase is under way");
    assert_null(again);
    assert_non_null(strstr(err_hint(), "git status"));
    assert_ok(file_remove(in_repo(".git/MERGE_HEAD")));
    assert_ok(git_repo_open(in_repo(""), &again));
    git_repo_free(again);
}

static void locks_are_told(void **state) {
    (void)state;
    bool made;
    char before[GIT_ID_SIZE], after[GIT_ID_SIZE];
    int64_t time_s;
    put("a", "1");
    assert_ok(COMMIT(&made, "first\n", "a"));
    assert_ok(git_repo_head(repo, before, &time_s));
    put("a", "2");
    put(".git/refs/heads/main.lock", ""); /* the branch: nothing is committed */
    assert_fails(COMMIT(&made, "second\n", "a"), ERR_IO, "git commit in '");
    assert_non_null(strstr(err_hint(), "another git process works there"));
    assert_ok(git_repo_head(repo, after, &time_s));
    assert_string_equal(after, before);
    assert_ok(file_remove(in_repo(".git/refs/heads/main.lock")));
    put(".git/index.lock", ""); /* the index: the commit is there, and the next run mends it */
    assert_fails(COMMIT(&made, "second\n", "a"), ERR_IO, "git index of '");
    assert_non_null(strstr(err_hint(), "left its lock file"));
    head_has("a", "2");
    assert_ok(file_remove(in_repo(".git/index.lock")));
    assert_ok(COMMIT(&made, "second\n", "a"));
    assert_false(made);
    is_changed("");
    GIT_SAYS(0, "", "status", "--porcelain");
}

/* Two handles, as two processes have them, one after the other. */
static void commits_of_others_are_built_upon(void **state) {
    (void)state;
    bool made;
    struct git_repo *other;
    static const char *const paths[] = {"b", NULL};
    put("a", "1");
    put("b", "1");
    assert_ok(git_repo_open(in_repo(""), &other));
    assert_ok(COMMIT(&made, "first\n", "a"));
    assert_ok(commit_paths(other, &made, "second\n", paths));
    git_repo_free(other);
    head_has("a", "1");
    head_has("b", "1");
    GIT_SAYS(0, "2\n", "rev-list", "--count", "HEAD");
}

static void bare_ones_are_refused(void **state) {
    (void)state;
    struct git_repo *other;
    GIT_SAYS(0, "", "clone", "--quiet", "--bare", ".", "../bare");
    char path[256];
    snprintf(path, sizeof path, "%s/bare", folder);
    if (!dir_exists(path)) skip(); /* no git */
    assert_fails(git_repo_open(path, &other), ERR_UNSUPPORTED, "is a bare repository");
}

static void a_person_as_configured(void **state) {
    (void)state;
    struct arena a = {0};
    const char *name, *email;
    assert_ok(git_repo_person(repo, &a, &name, &email));
    assert_null(name);
    assert_null(email);
    static const char text[] = "[user]\n\tname = \"A. \xE6\xBA\x90\"\n\temail = a@example.com\n";
    assert_ok(file_append(in_repo(".git/config"), text, strlen(text)));
    git_repo_free(repo);
    assert_ok(git_repo_open(in_repo(""), &repo));
    assert_ok(git_repo_person(repo, &a, &name, &email));
    assert_string_equal(name, "A. \xE6\xBA\x90");
    assert_string_equal(email, "a@example.com");
    arena_release(&a);
}

static void merges(const char *base, const char *ours, const char *theirs, const char *wanted,
                   int64_t wanted_conflicts) {
    struct git_texts texts = {base, ours, theirs, "ours", "theirs"};
    struct str out = {0};
    int64_t conflicts;
    assert_ok(str_add(&out, "kept: "));
    assert_ok(git_merge_texts(&texts, &out, &conflicts));
    assert_int_equal(strncmp(out.data, "kept: ", 6), 0);
    assert_string_equal(out.data + 6, wanted);
    assert_int_equal(conflicts, wanted_conflicts);
    str_release(&out);
}

static void texts_are_merged_line_by_line(void **state) {
    (void)state;
    merges("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n", 0);
    merges("a\n", "a\n", "b\n", "b\n", 0);
    merges("a\n", "b\n", "b\n", "b\n", 0);
    merges("", "", "", "", 0);
    merges("a\nb\n", "a\n", "a\nb\n", "a\n", 0);
    merges("\xE6\xBA\x90\n", "\xE6\xBA\x90\nx\n", "\xE6\xBA\x90\n", "\xE6\xBA\x90\nx\n", 0);
    merges("a\n", "b\n", "c\n", "<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n", 1);
    merges(
        "a\n1\n2\n3\n4\n5\nz\n", "b\n1\n2\n3\n4\n5\ny\n", "c\n1\n2\n3\n4\n5\nx\n",
        "<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n1\n2\n3\n4\n5\n<<<<<<< ours\ny\n=======\nx\n"
        ">>>>>>> theirs\n",
        2);
    merges("", "a\n", "b\n", "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n", 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, repo_make, repo_remove)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(a_new_repository),
        EACH(the_same_input_gives_the_same_ids),
        EACH(others_work_is_left_alone),
        EACH(what_is_not_there_is_removed),
        EACH(paths_stay_inside),
        EACH(a_merge_under_way_is_refused),
        EACH(locks_are_told),
        EACH(commits_of_others_are_built_upon),
        EACH(bare_ones_are_refused),
        EACH(a_person_as_configured),
        cmocka_unit_test(texts_are_merged_line_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
