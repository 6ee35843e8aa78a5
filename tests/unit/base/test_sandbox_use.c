/* SPDX-License-Identifier: Apache-2.0
 * Running a program contained, from the caller's side: what is refused, what is given and comes
 * back, many at once, memory that runs out, and a caller that is killed at any moment.
 * Under test: base/sandbox.h. The programs: tests/data/sandbox/programs.py. */
#include "tests/unit/test.h"

#include "tests/unit/base/sandbox_host.h"

#include "base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#define MEBI (1LL << 20)

static const char *working[4]; /* methods that contain here; ends with NULL */

static void refuses(const struct sandbox_options *options, err code, const char *part) {
    struct sandbox_result r = {.exit_status = 1};
    assert_fails(sandbox_run(options, &r), code, part);
    assert_int_equal(r.exit_status, 0);
    assert_null(r.out.data);
}

#define ASK(...) (&(struct sandbox_options){.argv = true_argv, __VA_ARGS__})
#define FILES(...)                                                                                 \
    .files = (const struct sandbox_file[]) {                                                       \
        __VA_ARGS__                                                                                \
    }

static void what_is_refused(void **state) {
    (void)state;
    static const char *const true_argv[] = {"true", NULL}, *const none[] = {NULL};
    static const char *const unknown[] = {"no-such-program", NULL}, *const above[] = {"../x", NULL};
    static const char *const plain[] = {"./plain", NULL};
    static const char *many[SANDBOX_MAX_ARGUMENTS + 2];
    static char big[128 << 10];
    memset(big, 'x', sizeof big - 1);
    const char *const one_big[] = {"true", big, NULL};
    for (int i = 0; i <= SANDBOX_MAX_ARGUMENTS; i++) many[i] = "true";
    const size_t live = (size_t)mem_stats().live_blocks, descriptors = count_descriptors();

    refuses(&(struct sandbox_options){.argv = none}, ERR_MISSING, "no program is named");
    refuses(&(struct sandbox_options){.argv = unknown}, ERR_MISSING,
            "no program 'no-such-program'");
    refuses(&(struct sandbox_options){.argv = above}, ERR_MISSING, "no program '../x'");
    refuses(&(struct sandbox_options){.argv = many}, ERR_LIMIT, "more than 4096 arguments");
    refuses(&(struct sandbox_options){.argv = one_big}, ERR_LIMIT, "argument 1 has 131071 bytes");
    refuses(&(struct sandbox_options){.argv = plain, FILES({"plain", "", 0, false}), .n_files = 1},
            ERR_MISSING, "no program './plain'");
    static const char *const names[] = {"", ".", "..", "a/b", "/etc/passwd", "../up"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refuses(ASK(FILES({names[i], "", 0, false}), .n_files = 1), ERR_RANGE,
                "is no name of a file");
    refuses(ASK(FILES({"a", "", 0, false}, {"b", "", 0, false}, {"a", "", 0, true}), .n_files = 3),
            ERR_EXISTS, "two files are named 'a'");
    refuses(ASK(FILES({"a", big, sizeof big, false}), .n_files = 1, .limits.disk_bytes = 65536),
            ERR_LIMIT, "the files take 131072 bytes");
    refuses(ASK(.n_files = SANDBOX_MAX_FILES + 1), ERR_LIMIT, "65 files; 64 are possible");
    refuses(ASK(.limits.wall_ms = -1), ERR_RANGE, "limit 'wall_ms' is -1");
    refuses(ASK(.limits.n_processes = 257), ERR_RANGE, "limit 'n_processes' is 257; 1 to 256");
    refuses(ASK(.method = "jail"), ERR_MISSING, "no sandbox 'jail'");
    refuses(ASK(.method = "unsafe"), ERR_DENIED, "the caller does not allow that");
    assert_int_equal(mem_stats().live_blocks, live);
    assert_int_equal(count_descriptors(), descriptors);
}

static void how_it_is_described(void **state) {
    (void)state;
    struct str text = {0};
    assert_ok(sandbox_describe(&text));
    assert_true(str_starts(str_text(&text), working[0]));
    str_release(&text);
    for (int i = 0; i < SANDBOX_LIMIT_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(sandbox_limit_name((enum sandbox_limit)i),
                                    sandbox_limit_name((enum sandbox_limit)k));
}

static void preset(void **state) {
    (void)state;
    struct host h;
    struct sandbox_result r;
    host_set_up(&h);
    assert_ok(host_run(&h, &(struct request){.name = "good", .input = "1 2 3"}, &r));
    assert_string_equal(r.method, working[0]);
    assert_string_equal(str_text(&r.out), "hello 6\n");
    assert_int_equal(r.exit_status, 3);
    sandbox_result_release(&r);
    /* allowing none is not asking for none */
    assert_ok(host_run(&h, &(struct request){.name = "good", .unsafe = true}, &r));
    assert_string_equal(r.method, working[0]);
    sandbox_result_release(&r);
    host_check(&h, true);
    host_take_down(&h);
}

/* One script or program of a file, by itself. */
static void run_file(const char *method, const char *text, bool direct, struct sandbox_result *r) {
    const struct sandbox_file file = {"program", text, strlen(text), true};
    const char *const argv[] = {direct ? "./program" : "python3", direct ? NULL : "program", NULL};
    const struct sandbox_options options = {
        .argv = argv, .files = &file, .n_files = 1, .method = method, .unsafe = true};
    assert_ok(sandbox_run(&options, r));
    assert_int_equal(r->limit, SANDBOX_WITHIN);
}

static void how_programs_start(void **state) {
    const char *method = *state;
    struct sandbox_result r;
    run_file(method, "def (\n", false, &r);
    assert_int_equal(r.exit_status, 1);
    assert_non_null(strstr(str_text(&r.error), "SyntaxError"));
    sandbox_result_release(&r);
    run_file(method, "#!/bin/sh\necho $0 $(pwd) >/dev/stderr\nexit 9\n", true, &r);
    assert_int_equal(r.exit_status, 9);
    assert_true(str_starts(str_text(&r.error), "./program /"));
    sandbox_result_release(&r);
    run_file(method, "#!/no/such/interpreter\n", true, &r);
    assert_int_equal(r.exit_status, 127);
    assert_true(r.error.len > 0);
    sandbox_result_release(&r);
    run_file(method, "import sys; sys.exit(137)", false, &r);
    const bool as_signal = strcmp(method, "bubblewrap") == 0; /* sandbox.h says so */
    assert_int_equal(r.exit_status, as_signal ? 0 : 137);
    assert_int_equal(r.signal, as_signal ? SIGKILL : 0);
    sandbox_result_release(&r);
}

static void output_is_cut(void **state) {
    struct host h;
    struct sandbox_result r;
    host_set_up(&h);
    struct request request = {.name = "print_for_ever",
                              .method = *state,
                              .limits = {.output_bytes = 100001},
                              .unsafe = true};
    assert_ok(host_run(&h, &request, &r));
    assert_int_equal(r.limit, SANDBOX_OUTPUT);
    assert_int_equal(r.out.len, 100001);
    assert_int_equal(r.error.len, 0);
    assert_int_equal(strncmp(r.out.data, "out out ", 8), 0);
    sandbox_result_release(&r);
    request.name = "complain_for_ever";
    assert_ok(host_run(&h, &request, &r));
    assert_int_equal(r.limit, SANDBOX_OUTPUT);
    assert_int_equal(r.out.len, 0);
    assert_int_equal(r.error.len, 100001);
    sandbox_result_release(&r);
    request.name = "good"; /* all that is allowed, to the byte */
    request.input = "1";
    request.limits.output_bytes = 10;
    assert_ok(host_run(&h, &request, &r));
    assert_int_equal(r.limit, SANDBOX_WITHIN);
    assert_string_equal(str_text(&r.out), "hello 1\n");
    assert_string_equal(str_text(&r.error), "to stderr\n");
    sandbox_result_release(&r);
    host_check(&h, request.method != NULL && strcmp(request.method, "unsafe") != 0);
    host_take_down(&h);
}

static void much_is_given(void **state) {
    static const char script[] = "import sys\nprint(len(sys.argv), sum(map(len, sys.argv[1:])))\n"
                                 "data = sys.stdin.buffer.read()\nprint(len(data), data[-1])\n";
    enum { N_BYTES = 8 << 20, N_WORDS = 1000 };
    static char input[N_BYTES], word[1000];
    static const char *argv[N_WORDS + 3] = {"python3", "main.py"};
    memset(input, 'i', sizeof input - 1);
    memset(word, 'w', sizeof word - 1);
    for (int i = 0; i < N_WORDS; i++) argv[2 + i] = word;
    const struct sandbox_file file = {"main.py", script, sizeof script - 1, false};
    const struct sandbox_options options = {.argv = argv,
                                            .input = input,
                                            .input_bytes = sizeof input,
                                            .files = &file,
                                            .n_files = 1,
                                            .method = *state,
                                            .unsafe = true};
    struct sandbox_result r;
    assert_ok(sandbox_run(&options, &r));
    assert_string_equal(str_text(&r.out), "1001 999000\n8388608 0\n");
    sandbox_result_release(&r);
}

/* Threads that allocate all the time beside those that run programs: a child that took a lock of
 * malloc's between clone and exec would hang. */
struct crowd {
    const struct host *host;
    const char *method;
    bool stop, failed;
};

static void *allocate(void *given) {
    struct crowd *crowd = given;
    while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) free(malloc(100000));
    return NULL;
}

static void *run_several(void *given) {
    struct crowd *crowd = given;
    for (int i = 0; i < 6; i++) {
        char input[32], want[32];
        struct sandbox_result r;
        snprintf(input, sizeof input, "%d %d", i, (int)gettid());
        snprintf(want, sizeof want, "hello %d\n", i + (int)gettid());
        const struct request request = {
            .name = i % 3 == 2 ? "leave_daemon" : "good", .method = crowd->method, .input = input};
        const bool done = host_run(crowd->host, &request, &r) == ERR_OK;
        const bool right = done && r.limit == SANDBOX_WITHIN &&
                           (i % 3 == 2 || strcmp(str_text(&r.out), want) == 0);
        if (!right)
            print_error("%s: %s\n", request.name, done ? str_text(&r.error) : err_message());
        if (!right) __atomic_store_n(&crowd->failed, true, __ATOMIC_RELAXED);
        sandbox_result_release(&r);
    }
    return NULL;
}

static void many_at_once(void **state) {
    enum { N_THREADS = 8 };
    pthread_t threads[N_THREADS], busy;
    struct host h;
    host_set_up(&h);
    struct crowd crowd = {.host = &h, .method = *state};
    assert_int_equal(pthread_create(&busy, NULL, allocate, &crowd), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_several, &crowd), 0);
    for (int i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
    __atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
    pthread_join(busy, NULL);
    assert_false(crowd.failed);
    host_check(&h, true);
    host_take_down(&h);
}

static void memory_runs_out(void **state) {
    struct host h;
    struct sandbox_result r;
    host_set_up(&h);
    const struct request request = {.name = "good", .method = *state, .input = "1", .unsafe = true};
    int64_t n = 1;
    for (bool done = false; !done; n++) {
        fault_arm(FAULT_MEM, FAULT_FAIL, n);
        const err e = host_run(&h, &request, &r);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        done = e == ERR_OK;
        if (!done) {
            assert_int_equal(e, ERR_MEMORY);
            assert_null(r.out.data);
        }
        if (done) sandbox_result_release(&r);
        host_check(&h, strcmp(request.method, "unsafe") != 0);
    }
    assert_true(n > 5);
    host_take_down(&h);
}

/* Reaps until there is no child. Gives up after looking through all processes many times. */
static bool all_end(const struct host *h) {
    for (int rounds = 0; rounds < 3000;) {
        const pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0 && errno == ECHILD) return true;
        if (ended != 0) continue;
        count_marked(h->marker, "");
        rounds++;
    }
    return false;
}

/* The test takes in orphans, so once it has no child there is none of theirs. */
static void the_caller_is_killed(void **state) {
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM};
    struct host h;
    host_set_up(&h);
    const struct request request = {.name = "sleep", .method = *state, .limits = {3600000}};
    /* bwrap has a gap while it builds, which base/sandbox/bubblewrap.c tells of */
    const bool whole = strcmp(request.method, "bubblewrap") != 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    for (int i = 0; i < (whole ? 40 : 6); i++) {
        const pid_t caller = fork();
        if (caller == 0) {
            struct sandbox_result r;
            if (host_run(&h, &request, &r) != ERR_OK) _exit(1);
            _exit(2);
        }
        assert_true(caller > 0);
        if (i % 4 == 3 || !whole) /* in the midst of it */
            while (count_marked(h.marker, "python3") == 0) sched_yield();
        else /* while it is being built, somewhere */
            for (int k = 0; k < i * i * 8; k++) sched_yield();
        kill(caller, signals[i % 3]);
        assert_true(all_end(&h));
        host_check(&h, true);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    host_take_down(&h);
}

/* What a caller may look like: no standard streams, children that nobody waits for. */
static void an_odd_caller(void **state) {
    struct host h;
    host_set_up(&h);
    const struct request request = {
        .name = "good", .method = *state, .input = "20 1", .unsafe = true};
    fflush(NULL);
    const pid_t caller = fork();
    if (caller == 0) {
        struct sandbox_result r;
        for (int fd = 0; fd < 3; fd++) close(fd);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        const bool done = host_run(&h, &request, &r) == ERR_OK && r.limit == SANDBOX_WITHIN &&
                          strcmp(str_text(&r.out), "hello 21\n") == 0 &&
                          strcmp(str_text(&r.error), "to stderr\n") == 0;
        _exit(done ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(caller, &status, 0), caller);
    assert_int_equal(status, 0);
    host_check(&h, true);
    host_take_down(&h);
}

/* Each test of a method, under each. */
static int run_all(void) {
    static const struct {
        const char *name;
        CMUnitTestFunction test;
        bool without; /* holds for `unsafe` too */
    } each[] = {
        {"how programs start", how_programs_start, true},
        {"output is cut", output_is_cut, true},
        {"much is given", much_is_given, true},
        {"many at once", many_at_once, false},
        {"memory runs out", memory_runs_out, true},
        {"the caller is killed", the_caller_is_killed, false},
        {"an odd caller", an_odd_caller, false},
    };
    enum { N_EACH = sizeof each / sizeof *each };
    static char names[4 * N_EACH][64];
    struct CMUnitTest tests[3 + 4 * N_EACH] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(how_it_is_described),
        cmocka_unit_test(preset),
    };
    size_t n = 3;
    for (int m = 0; m < 4 && (working[m] || m == 0 || working[m - 1]); m++)
        for (size_t i = 0; i < N_EACH; i++) {
            const char *method = working[m] ? working[m] : "unsafe";
            if (working[m] == NULL && !each[i].without) continue;
            snprintf(names[n - 3], sizeof names[0], "%s: %s", method, each[i].name);
            tests[n] = (struct CMUnitTest){names[n - 3], each[i].test, NULL, NULL, (void *)method};
            n++;
        }
    return _cmocka_run_group_tests("sandbox", tests, n, NULL, NULL);
}

int main(void) {
    if (access("/usr/bin/python3", X_OK) != 0) {
        print_message("skipped: no /usr/bin/python3\n");
        return SKIPPED;
    }
    load_programs();
    int n = 0;
    for (int i = 0; i < n_sandbox_methods; i++)
        if (sandbox_methods[i].contains && method_works(sandbox_methods[i].name))
            working[n++] = sandbox_methods[i].name;
    return n > 0 ? run_all() : SKIPPED;
}
