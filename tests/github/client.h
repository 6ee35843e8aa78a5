/* SPDX-License-Identifier: Apache-2.0
 * For cmocka programs that ask GitHub's stand-in: a process of it for one test, its log, a clock
 * that waits for nothing and notes every wait, and threads of any length written as GitHub has
 * them. Everything lies in the test's `folder`. Where the stand-in was not built, main() skips.
 * Read next: tests/github/standin.c, its options; tests/unit/folder_test.h. */
#ifndef COTRAIN_TESTS_GITHUB_CLIENT_H
#define COTRAIN_TESTS_GITHUB_CLIENT_H

#include "tests/unit/folder_test.h"

#include "base/json.h"
#include "base/mem.h"
#include "issues/github/github.h"
#include "issues/post.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#ifdef GITHUB_STANDIN
#define STANDIN_PROGRAM GITHUB_STANDIN
#define STANDIN_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)
#else
#define STANDIN_PROGRAM ""
#define STANDIN_RUN(tests)                                                                         \
    ((void)(tests), fputs("skipped: GitHub's stand-in was not built\n", stderr), 77)
#endif

/* A token that is looked for in everything that is written. */
#define TEST_TOKEN "ghp_SECRETsecret0123456789SECRETsecret01"

struct standin {
    pid_t pid;
    int in;    /* its standard input: it ends when this is closed */
    FILE *out; /* its standard output */
    char url[64], log[128];
};

enum { STANDIN_ARGS_MAX = 32 };
/* STANDIN(&s, "--fault", "...", ...): serves the JSON below `folder`. */
#define STANDIN(s, ...) standin_start(s, (const char *const[]){"", __VA_ARGS__, NULL})

static inline void standin_start(struct standin *s, const char *const *args) {
    const char *argv[STANDIN_ARGS_MAX + 8] = {STANDIN_PROGRAM, "--folder", folder, "--log", s->log};
    char line[32] = "";
    int in[2], out[2], n = 5;
    posix_spawn_file_actions_t actions;
    char *repos = path_join(folder, "repos");
    assert_ok(dir_make(repos));
    mem_free(repos);
    alarm(600); /* one that hangs shall end as failed */
    snprintf(s->log, sizeof s->log, "%s/requests.log", folder);
    for (int i = 1; args[i]; i++) argv[n++] = args[i];
    assert_true(n < STANDIN_ARGS_MAX);
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    extern char **environ;
    assert_int_equal(posix_spawn(&s->pid, argv[0], &actions, NULL, (char *const *)argv, environ),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    s->out = fdopen(out[0], "r");
    assert_non_null(fgets(line, sizeof line, s->out));
    line[strcspn(line, "\n")] = '\0';
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%s", line);
}

static inline void standin_stop(struct standin *s) {
    int status;
    close(s->in);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_int_equal(status, 0);
    fclose(s->out);
}

/* The rate limit begins anew. */
static inline void standin_new_hour(struct standin *s) {
    char line[32];
    assert_int_equal(write(s->in, "\n", 1), 1);
    assert_non_null(fgets(line, sizeof line, s->out));
    assert_string_equal(line, "a new hour\n");
}

/* What was asked since the last look: "METHOD PATH STATUS auth|anonymous cond|plain" lines. */
static inline void standin_log(const struct standin *s, struct str *out) {
    str_clear(out);
    if (file_exists(s->log)) assert_ok(file_read(s->log, 1 << 24, out));
    assert_ok(file_remove(s->log));
}

/* Each line of `wanted` is the beginning of a line of the log, and there are no others. */
static inline void assert_asked(const struct standin *s, const char *wanted) {
    struct str log = {0};
    standin_log(s, &log);
    const char *is = str_text(&log), *want = wanted;
    while (*is && *want) {
        size_t n = strcspn(want, "\n");
        if (strncmp(is, want, n) != 0) break;
        is += strcspn(is, "\n") + 1;
        want += n + (want[n] == '\n');
    }
    if (*is || *want) fail_msg("asked was\n%s\ninstead of\n%s", str_text(&log), wanted);
    str_release(&log);
}

/* Time that stands still but for waits, which are noted. */
struct test_clock {
    int64_t now_s, waits[64];
    int n;
    void (*during)(struct test_clock *clock); /* called at each wait; NULL: nothing happens */
};
enum { TEST_NOW = 1710000000 }; /* 2024-03-09T16:00:00Z */

static inline int64_t test_now(void *context) {
    return ((struct test_clock *)context)->now_s;
}
static inline err test_wait(void *context, int64_t seconds) {
    struct test_clock *clock = context;
    assert_true(clock->n < 64);
    clock->waits[clock->n++] = seconds;
    clock->now_s += seconds;
    if (clock->during) clock->during(clock);
    return ERR_OK;
}

/* ASSERT_WAITS(clock, 1, 2, 4): these and no others; then they are forgotten. */
#define ASSERT_WAITS(clock, ...)                                                                   \
    assert_waits(clock, (const int64_t[]){0, ##__VA_ARGS__},                                       \
                 (int)(sizeof((const int64_t[]){0, ##__VA_ARGS__}) / sizeof(int64_t)) - 1)
static inline void assert_waits(struct test_clock *clock, const int64_t *wanted, int n) {
    if (clock->n != n) fail_msg("%d waits instead of %d", clock->n, n);
    for (int i = 0; i < n; i++)
        if (clock->waits[i] != wanted[1 + i])
            fail_msg("wait %d: %lld s instead of %lld", i, (long long)clock->waits[i],
                     (long long)wanted[1 + i]);
    clock->n = 0;
}

/* A client of the stand-in with the test's clock, a token, and a cache of that name in the test's
 * folder (NULL: none). */
static inline struct github_options test_options(const struct standin *s, struct test_clock *clock,
                                                 const char *cache) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, cache ? cache : "");
    clock->now_s = clock->now_s ? clock->now_s : TEST_NOW;
    return (struct github_options){
        .api_url = s->url,
        .token = TEST_TOKEN,
        .cache_dir = cache ? path : NULL,
        .clock = {test_now, test_wait, clock},
    };
}

static inline const char *in_folder(const char *name) { /* one at a time */
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline void write_json(const char *name, json_t *value) {
    char path[256];
    snprintf(path, sizeof path, "%s/repos/%s", folder, name);
    char *parent = path_dir(path);
    assert_ok(dir_make(parent));
    mem_free(parent);
    assert_ok(json_write_file(path, value));
    json_decref(value);
}

/* Minute `n` after 2024-03-01T00:00:00Z. */
static inline json_t *test_time(int64_t n) {
    char text[32];
    time_t when = (time_t)(1709251200 + 60 * n);
    struct tm t;
    assert_true(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &t)) > 0);
    return json_string(text);
}

static inline json_t *test_comment(const char *repository, int issue, int64_t n, const char *login,
                                   const char *body) {
    json_t *user =
        login ? json_pack("{s:s,s:I,s:s}", "login", login, "id", (json_int_t)n, "type", "User")
              : json_null();
    json_t *json = json_pack(
        "{s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:s}", "id", (json_int_t)(2200000000 + n), "node_id",
        "IC_x", "url",
        json_sprintf("https://api.github.com/repos/%s/issues/comments/%lld", repository,
                     2200000000LL + n),
        "html_url",
        json_sprintf("https://github.com/%s/issues/%d#issuecomment-%lld", repository, issue,
                     2200000000LL + n),
        "issue_url", json_sprintf("https://api.github.com/repos/%s/issues/%d", repository, issue),
        "user", user, "created_at", test_time(n), "updated_at", test_time(n), "author_association",
        "NONE");
    assert_non_null(json);
    assert_ok(json_put(json, "body", body ? json_string(body) : json_null()));
    return json;
}

static inline json_t *test_issue(const char *repository, int number, const char *login,
                                 const char *label) {
    json_t *json = json_pack(
        "{s:I,s:i,s:s,s:s,s:o,s:o,s:o,s:{s:s,s:s},s:o,s:o,s:s,s:[]}", "id",
        (json_int_t)(3100000000LL + number), "number", number, "title", "a title", "state", "open",
        "url", json_sprintf("https://api.github.com/repos/%s/issues/%d", repository, number),
        "repository_url", json_sprintf("https://api.github.com/repos/%s", repository), "html_url",
        json_sprintf("https://github.com/%s/issues/%d", repository, number), "user", "login", login,
        "type", "User", "created_at", test_time(number), "updated_at", test_time(number), "body",
        "text", "labels");
    assert_non_null(json);
    if (label)
        assert_ok(json_push(json_object_get(json, "labels"), json_pack("{s:s}", "name", label)));
    return json;
}

/* a/b with issue 1 and n comments under it. */
static inline void write_thread(int n) {
    json_t *comments = json_array();
    for (int i = 1; i <= n; i++)
        assert_ok(json_push(comments, test_comment("a/b", 1, i, "dev-1", "a comment")));
    write_json("a/b/issues.json", json_pack("[o]", test_issue("a/b", 1, "maint", NULL)));
    write_json("a/b/issues/1/comments.json", comments);
}

/* Ids of a list's items are 2200000000 + first, ... in this order. */
static inline void assert_ids(const json_t *list, int64_t first, int64_t n) {
    assert_int_equal(json_array_size(list), n);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, (size_t)i), "id")),
                         2200000000 + first + i);
}

/* No file below the folder holds the token. */
static inline void assert_no_token(void) {
    struct name_list names = {0};
    assert_ok(dir_walk(folder, &names));
    for (size_t i = 0; i < names.n; i++) {
        struct str text = {0};
        assert_ok(file_read(in_folder(names.names[i]), 1 << 28, &text));
        if (text.data && memmem(text.data, text.len, TEST_TOKEN, strlen(TEST_TOKEN)))
            fail_msg("'%s' holds the token", names.names[i]);
        str_release(&text);
    }
    name_list_release(&names);
}

/* A path below the folder COTRAIN_SHARED, or ../shared; skips the test where it is not there. */
static inline void shared_path(const char *name, char *out, size_t capacity) {
    const char *set = getenv("COTRAIN_SHARED");
    snprintf(out, capacity, "%s/%s", set ? set : SOURCE_DIR "/../shared", name);
    if (file_exists(out)) return;
    print_message("skipped: no %s\n", out);
    skip();
}

#endif
