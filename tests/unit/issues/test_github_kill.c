/* SPDX-License-Identifier: Apache-2.0
 * Collections that are ended by a kill at any request, by a full disk or a kill at any file
 * operation, or short of memory at any allocation: gone on with, they give the same bytes, no page
 * is fetched whole twice, and nothing is left behind.
 * Under test: issues/github/collect.h, issues/github/github.h (github_begin). Read next:
 * test_github_resume.c. */
#include "tests/github/session.h"

#include "base/fault.h"
#include "issues/github/collect.h"

/* A programme's month: issue 1 with comments on three pages, requests by label, reports. */
static void write_programme(void) {
    json_t *issues = json_array(), *comments = json_array();
    for (int i = 12; i >= 1; i--) {
        char login[16];
        snprintf(login, sizeof login, "dev-%d", i % 3);
        json_t *issue = test_issue("a/b", i, login, i % 4 ? NULL : "co-training");
        if (i == 5) assert_ok(json_put(issue, "pull_request", json_object()));
        assert_ok(json_push(issues, issue));
    }
    for (int i = 1; i <= 230; i++) {
        char login[16];
        snprintf(login, sizeof login, "dev-%d", i % 2);
        assert_ok(json_push(comments,
                            test_comment("a/b", 1, i, i % 50 ? login : NULL, "\xE6\xBA\x90\r\n")));
    }
    write_json("a/b/issues.json", issues);
    write_json("a/b/issues/1/comments.json", comments);
}

static err collect_text(struct github *g, struct str *out) {
    json_t *json;
    struct collect_options o = {.github = g,
                                .repository = "a/b",
                                .issue = 1,
                                .label = "co-training",
                                .from_s = 1709251200,
                                .to_s = 1711929600};
    TRY(collect(&o, &json));
    err e = json_text(json, 0, out);
    json_decref(json);
    return e;
}

/* A process that collects until it is told to die. */
static pid_t collecting_child(void) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) return child;
    struct github *g;
    struct str text = {0};
    _exit(github_new(&options, &g) == ERR_OK && collect_text(g, &text) == ERR_OK ? 0 : 1);
}

/* The result of another run over the same cache, and how much it asked. */
static void rerun_gives(const char *wanted, const char *killed_at) {
    struct str text = {0}, log = {0};
    new_run();
    assert_ok(collect_text(client, &text));
    if (strcmp(text.data, wanted) != 0) fail_msg("another result after a kill %s", killed_at);
    str_release(&text);
    assert_int_equal(count_unfinished(), 0);
    /* no page was fetched whole twice */
    standin_log(&standin, &log);
    for (char *line = log.data, *next; line && *line; line = next) {
        char *end = strchr(line, '\n'), *mark = strstr(line, " 200 ");
        next = end + 1;
        if (!mark || mark > end) continue;
        size_t n = (size_t)(mark - line) + 5;
        for (char *other = next; *other; other = strchr(other, '\n') + 1)
            if (strncmp(line, other, n) == 0) fail_msg("fetched twice: %.*s", (int)n, line);
    }
    str_release(&log);
}

/* Kills the process with its request number `n` under way: before the answer, or within it. */
static void kill_at(int64_t n, const char *how, const char *wanted) {
    char fault[64], line[512];
    int status;
    snprintf(fault, sizeof fault, "* * times=1 after=%lld %s", (long long)n, how);
    START("--fault", fault);
    pid_t child = collecting_child();
    assert_non_null(fgets(line, sizeof line, standin.out));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    rerun_gives(wanted, fault);
    stop();
    assert_ok(dir_remove(in_folder("cache")));
}

static void a_kill_at_any_request_changes_nothing(void **state) {
    (void)state;
    struct str wanted = {0};
    write_programme();
    START("--reset", "1710003600");
    assert_ok(collect_text(client, &wanted));
    int64_t n = github_requests(client);
    assert_int_equal(n, 8); /* the issue, 3 pages, the label, three people */
    stop();
    assert_ok(dir_remove(in_folder("cache")));
    assert_ok(file_remove(standin.log));
    for (int64_t i = 0; i < n; i++) {
        kill_at(i, "hold", wanted.data);
        kill_at(i, "stall=20", wanted.data);
    }
    str_release(&wanted);
}

/* The Nth write, sync or rename fails as on a full disk, or ends the process. */
static void a_fault_at_any_file_operation_changes_nothing(void **state) {
    (void)state;
    struct str wanted = {0}, text = {0};
    write_thread(2);
    START("--reset", "1710003600");
    assert_ok(collect_text(client, &wanted));
    err e = ERR_IO;
    for (int64_t n = 1; e != ERR_OK; n++) {
        assert_ok(dir_remove(in_folder("cache")));
        new_run();
        fault_arm(FAULT_IO, FAULT_FAIL, n);
        e = collect_text(client, &text);
        fault_arm(FAULT_IO, FAULT_FAIL, 0);
        if (e == ERR_OK) assert_string_equal(text.data, wanted.data);
        str_clear(&text);
        assert_ok(file_remove(standin.log));
        rerun_gives(wanted.data, "(a full disk)");
    }
    for (int64_t n = 1;; n++) {
        int status;
        assert_ok(dir_remove(in_folder("cache")));
        new_run();
        pid_t child = fork();
        if (child == 0) {
            fault_arm(FAULT_IO, FAULT_KILL, n);
            _exit(collect_text(client, &text) == ERR_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_ok(file_remove(standin.log));
        rerun_gives(wanted.data, "(at a file operation)");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    }
    str_release(&wanted);
    str_release(&text);
    stop();
}

/* Short of memory at the Nth allocation: told so, and nothing of it is lost. Few posts will do. */
static void no_allocation_may_be_missed(void **state) {
    (void)state;
    struct str wanted = {0}, text = {0};
    write_thread(2);
    START("--reset", "1710003600");
    assert_ok(collect_text(client, &wanted));
    err e = ERR_MEMORY;
    for (int64_t n = 1; e != ERR_OK; n += 1 + n / 64) {
        int64_t before = mem_stats().live_blocks;
        struct github *g = NULL;
        assert_ok(dir_remove(in_folder("cache")));
        fault_arm(FAULT_MEM, FAULT_FAIL, n);
        e = github_new(&options, &g);
        if (e == ERR_OK) e = collect_text(g, &text);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        if (e != ERR_OK && e != ERR_MEMORY)
            fail_msg("allocation %lld: %s: %s", (long long)n, err_name(e), err_message());
        if (e == ERR_OK) assert_string_equal(text.data, wanted.data);
        github_free(g);
        str_release(&text);
        assert_int_equal(mem_stats().live_blocks, before);
    }
    str_release(&wanted);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_kill_at_any_request_changes_nothing),
        FOLDER_TEST(a_fault_at_any_file_operation_changes_nothing),
        FOLDER_TEST(no_allocation_may_be_missed),
    };
    return STANDIN_RUN(tests);
}
