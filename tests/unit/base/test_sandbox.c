/* SPDX-License-Identifier: Apache-2.0
 * Programs that behave and programs that do not, each under every method that works here, as root
 * and as an ordinary user: how they end, and that the host is as it was.
 * Under test: base/sandbox.h. The programs: tests/data/sandbox/programs.py. */
#include "tests/unit/test.h"

#include "tests/unit/base/sandbox_host.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>

#define ANY (-1)
#define MEBI (1LL << 20)

struct program {
    const char *name;
    struct sandbox_limits limits;
    enum sandbox_limit limit;
    int exit_status, signal; /* ANY: its own affair */
    const char *out;         /* all that it prints, or NULL: its own affair */
    bool without;            /* holds without a sandbox too */
};

#define LIMITS(wall, cpu, memory)                                                                  \
    {                                                                                              \
        .wall_ms = (wall), .cpu_ms = (cpu), .memory_bytes = (memory)*MEBI, .n_processes = 16,      \
        .disk_bytes = 4 * MEBI                                                                     \
    }
#define USUAL LIMITS(30000, 30000, 64)
#define SHORT LIMITS(300, 30000, 64)
#define BRIEF LIMITS(30000, 200, 64)
#define ROOMY LIMITS(30000, 30000, 96)

static const struct program table[] = {
    {"good", USUAL, SANDBOX_WITHIN, 3, 0, "hello 42\n", true},
    {"comforts", USUAL, SANDBOX_WITHIN, 0, 0, "all there 7\n", false},
    {"environment", USUAL, SANDBOX_WITHIN, 0, 0,
     "HOME LANG MALLOC_ARENA_MAX OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PWD "
     "PYTHONDONTWRITEBYTECODE "
     "PYTHONHASHSEED TMPDIR 0 1 2 3 1000 1000\nroot's files belong to 65534\n['main.py', 'run.sh'] "
     "0o755\n",
     false},
    {"abort", USUAL, SANDBOX_WITHIN, 0, SIGABRT, "", true},
    {"reads_nothing", USUAL, SANDBOX_WITHIN, 0, 0, "did not look\n", true},
    {"fork_bomb", USUAL, SANDBOX_PROCESSES, 0, SIGKILL, "", false},
    {"thread_bomb", USUAL, SANDBOX_PROCESSES, 0, SIGKILL, "", true},
    {"fill_disk", USUAL, SANDBOX_DISK, ANY, ANY, "", false},
    {"many_files", USUAL, SANDBOX_DISK, ANY, ANY, "", false},
    {"fill_memory", USUAL, SANDBOX_MEMORY, 0, SIGKILL, "", true},
    {"share_memory", USUAL, SANDBOX_MEMORY, 0, SIGKILL, "", true},
    {"map_memory", USUAL, SANDBOX_MEMORY, 0, SIGKILL, "", true},
    {"inherit_memory", ROOMY, SANDBOX_WITHIN, 0, 0, "held 33554432\n", true},
    {"start_many", USUAL, SANDBOX_WITHIN, 0, 0, "held 41943040\n", true},
    {"ask_for_much", USUAL, SANDBOX_WITHIN, 1, 0, "", true},
    {"sleep", SHORT, SANDBOX_TIME, 0, SIGKILL, "", true},
    {"ignore_signals", SHORT, SANDBOX_TIME, 0, SIGKILL, "", true},
    {"stop", SHORT, SANDBOX_TIME, 0, SIGKILL, "", true},
    {"spin", BRIEF, SANDBOX_CPU, 0, SIGKILL, "", true},
    {"spin_in_children", BRIEF, SANDBOX_CPU, 0, SIGKILL, "", true},
    {"spin_in_turns", BRIEF, SANDBOX_CPU, 0, SIGKILL, "", true},
    {"recurse", USUAL, SANDBOX_WITHIN, 0, SIGSEGV, "", true},
    {"open_for_ever", USUAL, SANDBOX_WITHIN, 0, 0, "EMFILE True\n", true},
    {"close_all", SHORT, SANDBOX_TIME, 0, SIGKILL, "", true},
    {"close_all_and_end", USUAL, SANDBOX_WITHIN, 5, 0, "", true},
    {"raise_limits", USUAL, SANDBOX_WITHIN, 0, 0,
     "24 128 4194304 536870912 32 0 8388608\nraised nothing\n", false},
    {"read_secrets", USUAL, SANDBOX_WITHIN, 0, 0, "read nothing\n", false},
    {"show_processes", USUAL, SANDBOX_WITHIN, 0, 0, NULL, false},
    {"write_outside", USUAL, SANDBOX_WITHIN, 0, 0, "wrote nothing\n", false},
    {"links", USUAL, SANDBOX_WITHIN, 0, 0, "followed nothing\n", false},
    {"connect", USUAL, SANDBOX_WITHIN, 0, 0, "reached nothing\n", false},
    {"kill_others", USUAL, SANDBOX_WITHIN, 0, 0, "sent nothing\nalive\n", false},
    {"kill_group", USUAL, SANDBOX_WITHIN, 0, SIGKILL, "", true},
    {"leave_child", USUAL, SANDBOX_WITHIN, 0, 0, "parent ends\n", true},
    {"leave_daemon", USUAL, SANDBOX_WITHIN, 0, 0, NULL, false},
    {"trace", USUAL, SANDBOX_WITHIN, 0, 0, "traced nothing\n", false},
    {"take_rights", USUAL, SANDBOX_WITHIN, 0, 0, "got nothing\n0 0 0 1 2\n", false},
};
enum { N_PROGRAMS = sizeof table / sizeof *table };

struct row {
    const struct program *program;
    const char *method;
    bool contains;
    char name[96];
};

static void runs(void **state) {
    const struct row *row = *state;
    const struct program *p = row->program;
    struct host h;
    struct sandbox_result r;
    host_set_up(&h);
    const struct request request = {p->name, row->method, "40 2", p->limits, !row->contains};
    assert_ok(host_run(&h, &request, &r));
    if (r.limit != p->limit || (p->signal != ANY && r.signal != p->signal) ||
        (p->exit_status != ANY && r.exit_status != p->exit_status) ||
        (p->out && strcmp(str_text(&r.out), p->out) != 0))
        fail_msg("limit %s, exit status %d, signal %d after %lld ms (%lld of CPU)\n"
                 "stdout: %.2000s\nstderr: %.2000s",
                 sandbox_limit_name(r.limit), r.exit_status, r.signal, (long long)r.wall_ms,
                 (long long)r.cpu_ms, str_text(&r.out), str_text(&r.error));
    assert_string_equal(r.method, row->method);
    assert_null(r.out.data ? memmem(r.out.data, r.out.len, SECRET_TEXT, strlen(SECRET_TEXT))
                           : NULL);
    if (strcmp(p->name, "good") == 0) assert_string_equal(str_text(&r.error), "to stderr\n");
    if (strcmp(p->name, "show_processes") == 0)
        assert_non_null(memmem(r.out.data, r.out.len, "shown True", 10));
    sandbox_result_release(&r);
    host_check(&h, row->contains);
    host_take_down(&h);
}

/* Under every method that works for this user; how many tests failed, or SKIPPED. */
static int run_all(const char *user) {
    static struct row rows[3 * N_PROGRAMS];
    static struct CMUnitTest tests[3 * N_PROGRAMS];
    size_t n = 0;
    bool contained = false;
    for (int m = 0; m < n_sandbox_methods; m++) {
        const struct sandbox_method_row *method = &sandbox_methods[m];
        if (!method_works(method->name)) continue;
        contained |= method->contains;
        for (int i = 0; i < N_PROGRAMS; i++) {
            if (!method->contains && !table[i].without) continue;
            rows[n] = (struct row){&table[i], method->name, method->contains, ""};
            snprintf(rows[n].name, sizeof rows[n].name, "%s, %s: %s", user, method->name,
                     table[i].name);
            tests[n] = (struct CMUnitTest){rows[n].name, runs, NULL, NULL, &rows[n]};
            n++;
        }
    }
    const int failed = _cmocka_run_group_tests("sandbox", tests, n, NULL, NULL);
    return failed != 0 || contained ? failed : SKIPPED;
}

int main(void) {
    if (access("/usr/bin/python3", X_OK) != 0) {
        print_message("skipped: no /usr/bin/python3\n");
        return SKIPPED;
    }
    load_programs();
    const int failed = run_all(geteuid() == 0 ? "root" : "user");
    if (geteuid() != 0) return failed;
    /* In a child, because there is no way back. */
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
            setresuid(65534, 65534, 65534) != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
            _exit(SKIPPED);
        _exit(run_all("user"));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
    const int failed_there = WEXITSTATUS(status);
    return failed != 0 && failed != SKIPPED ? failed : failed_there;
}
