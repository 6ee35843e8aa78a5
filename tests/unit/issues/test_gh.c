/* SPDX-License-Identifier: Apache-2.0
 * The stand-in asked by GitHub's own command line, gh, a client that knows nothing of ours: pages,
 * redirects, posts and errors must come out right there too; and what gh writes is read by
 * posts_read, whichever of its forms. gh speaks plain http to github.localhost alone, through a
 * proxy that http_proxy names: the stand-in takes itself for one, so neither port 80 nor a line in
 * /etc/hosts is needed. Without gh this is skipped.
 * Under test: tests/github/, issues/post.h. */
#include "tests/github/client.h"

#include "issues/post.h"

static struct standin standin;

/* Runs gh with its output in `out` of the test's folder; its exit code. */
static int gh(const char *const *args) {
    extern char **environ;
    const char *argv[16] = {"gh"};
    int status, n = 1;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    while (*args) argv[n++] = *args++;
    setenv("http_proxy", standin.url, 1);
    setenv("GH_HOST", "github.localhost", 1);
    setenv("GH_TOKEN", TEST_TOKEN, 1);
    setenv("HOME", folder, 1);
    setenv("GH_CONFIG_DIR", folder, 1);
    setenv("GH_NO_UPDATE_NOTIFIER", "1", 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, in_folder("out"), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_addopen(&actions, 2, in_folder("err"), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    int why = posix_spawnp(&pid, "gh", &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    unsetenv("http_proxy");
    assert_int_equal(why, 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
#define GH(...) gh((const char *const[]){__VA_ARGS__, NULL})

static json_t *output(void) {
    struct str text = {0};
    json_t *values;
    assert_ok(file_read(in_folder("out"), 1 << 26, &text));
    assert_ok(json_parse_all(str_text(&text), text.len, "gh's output", &values));
    str_release(&text);
    return values;
}

/* All items of the output's lists, in their order, are those of the file. */
static void assert_gives(const char *name) {
    json_t *values = output(), *list = json_array(), *saved, *value;
    size_t i;
    json_array_foreach(values, i, value) assert_int_equal(json_array_extend(list, value), 0);
    char path[256];
    snprintf(path, sizeof path, "%s/repos/%s", folder, name);
    assert_ok(json_parse_file(path, &saved));
    assert_true(json_equal(list, saved));
    json_decref(saved);
    json_decref(list);
    json_decref(values);
}

/* posts_read makes of gh's output what it makes of the file. */
static void assert_posts(const char *name) {
    struct post_list ours = {0}, saved = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/repos/%s", folder, name);
    assert_ok(posts_read(in_folder("out"), &ours));
    assert_ok(posts_read(path, &saved));
    assert_int_equal(ours.n, saved.n);
    for (int64_t i = 0; i < ours.n; i++) {
        assert_string_equal(ours.items[i].id, saved.items[i].id);
        assert_string_equal(ours.items[i].digest, saved.items[i].digest);
    }
    post_list_release(&ours);
    post_list_release(&saved);
}

static void write_all(void) {
    json_t *issues = json_array(), *comments = json_array();
    for (int i = 64; i >= 1; i--) {
        json_t *issue = test_issue("a/b", i, "dev", i % 2 ? "bug" : NULL);
        if (i % 7 == 0) assert_ok(json_put(issue, "pull_request", json_object()));
        if (i % 5 == 0) assert_ok(json_put(issue, "user", json_null()));
        assert_ok(json_push(issues, issue));
    }
    for (int i = 1; i <= 230; i++)
        assert_ok(
            json_push(comments, test_comment("a/b", 1, i, i % 9 ? "dev" : NULL,
                                             i % 4 ? "\xE6\xBA\x90\r\n\xE2\x80\x8B<&>" : NULL)));
    write_json("a/b/issues.json", issues);
    write_json("a/b/issues/1/comments.json", comments);
}

static void pages_are_what_the_folder_has(void **state) {
    (void)state;
    write_all();
    STANDIN(&standin, "--rename", "old/name=a/b");
    assert_int_equal(GH("api", "--paginate", "repos/a/b/issues?state=all&per_page=10"), 0);
    assert_gives("a/b/issues.json");
    assert_posts("a/b/issues.json");
    assert_asked(&standin, "GET /repos/a/b/issues?state=all&per_page=10 200 auth plain\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=2 200 auth\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=3 200 auth\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=4 200 auth\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=5 200 auth\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=6 200 auth\n"
                           "GET /repositories/1000/issues?state=all&per_page=10&page=7 200 auth\n");
    assert_int_equal(GH("api", "--paginate", "repos/a/b/issues/1/comments?per_page=100"), 0);
    assert_gives("a/b/issues/1/comments.json");
    assert_posts("a/b/issues/1/comments.json");
    assert_int_equal(GH("api", "--paginate", "repos/a/b/issues/1/comments"), 0);
    assert_gives("a/b/issues/1/comments.json"); /* thirty a page */
    assert_int_equal(GH("api", "--paginate", "repos/old/name/issues/1/comments"), 0);
    assert_gives("a/b/issues/1/comments.json");
    standin_stop(&standin);
    assert_no_token();
}

/* gh's other forms: one item a line, one list a line, a single object, one page. */
static void every_form_is_read(void **state) {
    (void)state;
    struct post_list one = {0};
    write_all();
    STANDIN(&standin, "--limit", "100");
    assert_int_equal(GH("api", "--paginate", "repos/a/b/issues/1/comments", "--jq", ".[]"), 0);
    assert_posts("a/b/issues/1/comments.json");
    assert_int_equal(GH("api", "--paginate", "repos/a/b/issues/1/comments", "--jq", "."), 0);
    assert_posts("a/b/issues/1/comments.json");
    assert_int_equal(GH("api", "repos/a/b/issues/7"), 0);
    assert_ok(posts_read(in_folder("out"), &one));
    assert_int_equal(one.n, 1);
    assert_string_equal(one.items[0].id, "a/b#7");
    assert_true(one.items[0].pull_request);
    post_list_release(&one);
    assert_int_equal(GH("api", "repos/a/b/issues?state=all&labels=bug&per_page=100"), 0);
    assert_ok(posts_read(in_folder("out"), &one));
    assert_int_equal(one.n, 32);
    post_list_release(&one);
    standin_stop(&standin);
}

static void posts_and_errors(void **state) {
    (void)state;
    write_all();
    STANDIN(&standin, "--fault",
            "GET /repos/a/b/issues/3 status=403 retry-after=60 "
            "message=\"You have exceeded a secondary rate limit\"");
    assert_int_equal(GH("api", "repos/a/b/issues/2/comments", "-f", "body=hello \xE6\xBA\x90"), 0);
    json_t *values = output();
    const json_t *comment = json_array_get(values, 0);
    assert_string_equal(json_string_value(json_object_get(comment, "body")), "hello \xE6\xBA\x90");
    assert_int_equal(json_integer_value(json_object_get(comment, "id")), 3000000000);
    json_decref(values);
    assert_int_equal(GH("api", "repos/a/b/issues/2/comments", "--jq", ".[].body"), 0);
    struct str text = {0};
    assert_ok(file_read(in_folder("out"), 1 << 16, &text));
    assert_string_equal(text.data, "hello \xE6\xBA\x90\n");
    static const char *const bad[][2] = {{"repos/a/b/issues/99", "Not Found (HTTP 404)"},
                                         {"repos/a/b/issues/3", "secondary rate limit (HTTP 403)"},
                                         {"repos/a/b/issues?since=x", "(HTTP 422)"}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(GH("api", bad[i][0]), 1);
        str_clear(&text);
        assert_ok(file_read(in_folder("err"), 1 << 16, &text));
        if (!strstr(text.data, bad[i][1])) fail_msg("'%s' without '%s'", text.data, bad[i][1]);
    }
    str_release(&text);
    standin_stop(&standin);
}

/* The real thread, where the folder with it is there. */
static void the_recorded_thread(void **state) {
    (void)state;
    char path[512], link[128];
    shared_path("data/github/repos", path, sizeof path);
    snprintf(link, sizeof link, "%s/repos", folder);
    assert_int_equal(symlink(path, link), 0);
    STANDIN(&standin, "--limit", "100");
    assert_int_equal(GH("api", "--paginate", "repos/IEIT-Yuan/Yuan-2.0/issues/22/comments"), 0);
    assert_gives("IEIT-Yuan/Yuan-2.0/issues/22/comments.json");
    assert_posts("IEIT-Yuan/Yuan-2.0/issues/22/comments.json");
    assert_int_equal(GH("api", "--paginate", "repos/IEIT-Yuan/Yuan-2.0/issues/22", "--jq", "[.]"),
                     0);
    assert_posts("IEIT-Yuan/Yuan-2.0/issues/22.json");
    standin_stop(&standin);
    assert_int_equal(unlink(link), 0);
}

int main(void) {
    extern char **environ;
    pid_t pid;
    int status = 1;
    const char *const argv[] = {"gh", "--version", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, "gh", &actions, NULL, (char *const *)argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        fputs("skipped: no gh here (Debian's package gh)\n", stderr);
        return 77;
    }
    posix_spawn_file_actions_destroy(&actions);
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(pages_are_what_the_folder_has),
        FOLDER_TEST(every_form_is_read),
        FOLDER_TEST(posts_and_errors),
        FOLDER_TEST(the_recorded_thread),
    };
    return STANDIN_RUN(tests);
}
