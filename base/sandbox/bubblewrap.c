/* SPDX-License-Identifier: Apache-2.0
 * The sandbox of bubblewrap (bwrap 0.7 and newer), which distributions ship and desktops rely
 * on. It builds the same file system from the same table as our own and holds the program back
 * until the limits are set on it from outside. Root runs it as nobody, so that root is never in
 * there.
 * Source: bwrap(1).
 * Read next: base/sandbox/namespaces.c. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors as bwrap is told of them; the files follow. FD_HELD is FD_GO once more, because bwrap
 * closes that one. */
enum { FD_INPUT, FD_OUT, FD_ERROR, FD_GO, FD_STATUS, FD_HELD, FD_FILTER, FD_FILES };

/* bwrap ties its life to ours (--die-with-parent) only once it has built most of the sandbox. So
 * the last word is asked for by what it starts, which finds nobody there any more and ends, and
 * all ends with it. What remains: killed in the microseconds between that tie and its word to
 * its child, bwrap leaves that child waiting for ever, an idle process with no program. Our own
 * namespaces have no such gap. */
static const char hold_back[] = "echo >&5; read -r go <&5 || exit 1; exec 5>&-; exec \"$@\"";

/* bwrap's first process runs without the filter, so its memory must not be there to be written to:
 * an empty folder covers its own in /proc, and one the machine's settings. */
/* clang-format off */
static const char *const fixed[] = {
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
    "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
    "--block-fd", "3", "--json-status-fd", "4", "--seccomp", "6",
    "--proc", "/proc",
    "--perms", "0000", "--size", "4096", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1",
    "--perms", "0000", "--size", "4096", "--tmpfs", "/proc/sys", "--remount-ro", "/proc/sys",
};
/* clang-format on */
_Static_assert(BOX_INSIDE_ID == 1000 && FD_GO == 3 && FD_STATUS == 4 && FD_HELD == 5 &&
                   FD_FILTER == 6,
               "in `fixed`");

static const char *find_bwrap(void) {
    static const char *const paths[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"};
    for (int i = 0; i < 3; i++)
        if (access(paths[i], X_OK) == 0) return paths[i];
    return NULL;
}

static err add(struct name_list *words, const char *one, const char *two, const char *three) {
    TRY(name_list_add(words, one));
    if (two) TRY(name_list_add(words, two));
    return three ? name_list_add(words, three) : ERR_OK;
}

static err add_places(struct name_list *words) {
    for (int i = 0; i < n_places; i++) {
        char target[PATH_MAX];
        enum place_kind kind;
        const char *path = places[i].path;
        if (!place_look(&places[i], &kind, target, sizeof target)) continue;
        if (kind == PLACE_FOLDER)
            TRY(add(words, "--dir", path, NULL));
        else if (kind == PLACE_LINK)
            TRY(add(words, "--symlink", places[i].kind == kind ? places[i].target : target, path));
        else
            TRY(add(words, kind == PLACE_SHOWN ? "--ro-bind" : "--dev-bind", path, path));
    }
    return ERR_OK;
}

static err add_folder(const struct box *b, struct name_list *words) {
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)box_folder_bytes(&b->limits));
    TRY(add(words, "--perms", "0700", NULL));
    TRY(add(words, "--size", number, NULL));
    TRY(add(words, "--tmpfs", "/tmp", NULL));
    for (size_t i = 0; i < b->options->n_files; i++) {
        char *path = path_join("/tmp", b->options->files[i].name);
        snprintf(number, sizeof number, "%d", FD_FILES + (int)i);
        err e = path
                    ? add(words, "--perms", b->options->files[i].executable ? "0755" : "0644", NULL)
                    : ERR_MEMORY;
        if (e == ERR_OK) e = add(words, "--file", number, path);
        mem_free(path);
        if (e != ERR_OK) return e;
    }
    TRY(add(words, "--remount-ro", "/", NULL)); /* not what is mounted below */
    return add(words, "--chdir", "/tmp", NULL);
}

/* bwrap's arguments; the list's names end with NULL. */
static err add_words(const struct box *b, struct name_list *words) {
    TRY(name_list_add(words, "bwrap"));
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) TRY(name_list_add(words, fixed[i]));
    TRY(add_places(words));
    TRY(add_folder(b, words));
    TRY(add(words, "--", "/bin/sh", "-c"));
    TRY(add(words, hold_back, "sh", b->program));
    for (size_t i = 1; b->options->argv[i]; i++) TRY(name_list_add(words, b->options->argv[i]));
    TRY(name_list_add(words, "")); /* a place for the end, which name_list_release may not meet */
    mem_free(words->names[--words->n]);
    words->names[words->n] = NULL;
    return ERR_OK;
}

struct plan {
    const struct box *box;
    const char *bwrap;
    struct name_list words;
    int fds[FD_FILES + SANDBOX_MAX_FILES];
    int n_fds;
    bool as_root;
};

/* In the order of the descriptors above. */
static err open_files(struct plan *plan) {
    const struct box *b = plan->box;
    const int own[] = {b->input,   b->out.write,    b->error.write,
                       b->go.read, b->status.write, b->go.read};
    for (int i = 0; i < FD_FILTER; i++) plan->fds[i] = own[i];
    plan->n_fds = FD_FILTER;
    const int filter = box_memory_file(b->filter.code, b->filter.n * sizeof *b->filter.code);
    if (filter < 0) return ERR_IO;
    plan->fds[plan->n_fds++] = filter;
    for (size_t i = 0; i < b->options->n_files; i++) {
        const int fd = box_memory_file(b->options->files[i].data, b->options->files[i].size_bytes);
        if (fd < 0) return ERR_IO;
        plan->fds[plan->n_fds++] = fd;
    }
    return ERR_OK;
}

static void child_main(struct plan *plan) {
    child_place_descriptors(plan->fds, plan->n_fds);
    setsid();
    umask(022);
    if (plan->as_root && !child_become_nobody()) {
        static const char text[] = "bwrap: cannot become nobody\n";
        if (write(FD_ERROR, text, sizeof text - 1) < 0) _exit(126);
        _exit(127);
    }
    child_reset_signals();
    execve(plan->bwrap, plan->words.names, plan->box->env);
    _exit(127);
}

/* What bwrap complained about, or what came instead. */
static err bwrap_error(struct box *b, err code) {
    char text[512];
    const ssize_t n = read(b->error.read, text, sizeof text - 1);
    const char *printed = str_text(&b->result->error);
    if (n > 0) {
        text[n] = '\0';
        printed = text;
    }
    printed += strncmp(printed, "bwrap: ", 7) == 0 ? 7 : 0;
    if (*printed == '\0') return fail(code, "bwrap ended without a word");
    return fail(code, "bwrap: %.*s", (int)strcspn(printed, "\n"), printed);
}

/* The first line that bwrap tells: {"child-pid": N, ...}. False: it ended instead. */
static bool read_root(const struct box *b, long *out_pid) {
    char text[1024];
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < sizeof text - 1 && !memchr(text, '\n', n);
         n += (size_t)got) {
        do got = read(b->status.read, text + n, sizeof text - 1 - n);
        while (got < 0 && errno == EINTR);
        if (got < 0) got = 0;
    }
    text[n] = '\0';
    const char *at = strstr(text, "\"child-pid\":");
    *out_pid = at ? strtol(at + 12, NULL, 10) : 0;
    return *out_pid > 0;
}

/* Only who is the same user may, not even root in every container; then a child of that user
 * does. */
static err set_limits(const struct plan *plan, pid_t pid) {
    struct box_rlimit limits[BOX_MAX_RLIMITS];
    const int n = box_rlimits(&plan->box->limits, true, limits);
    if (!plan->as_root && box_set_rlimits(pid, limits, n)) return ERR_OK;
    int why = errno;
    if (plan->as_root) {
        int fd, status = 0;
        const pid_t child = child_clone(0, &fd);
        if (child == 0)
            _exit(child_become_nobody() && box_set_rlimits(pid, limits, n) ? 0 : errno & 255);
        why = errno;
        if (fd >= 0) close(fd);
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (child > 0 && status == 0) return ERR_OK;
        if (child > 0) why = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
    }
    return fail_errno(ERR_UNSUPPORTED, why, "cannot set limits on the sandbox of bwrap");
}

static err start_with(struct plan *plan, struct box *b) {
    long root;
    TRY(add_words(b, &plan->words));
    TRY(open_files(plan));
    b->child = child_clone(0, &b->child_fd);
    if (b->child == 0) child_main(plan);
    if (b->child < 0) return fail_errno(ERR_IO, errno, "cannot start a process");
    box_close_child_ends(b); /* or its end could not be seen */
    if (!read_root(b, &root)) return bwrap_error(b, ERR_UNSUPPORTED);
    b->root_fd = (int)syscall(SYS_pidfd_open, root, 0);
    if (b->root_fd < 0) return bwrap_error(b, ERR_UNSUPPORTED);
    b->root = (pid_t)root;
    TRY(set_limits(plan, b->root));
    char ready;
    if (send(b->go.write, "b", 1, MSG_NOSIGNAL) != 1 || recv(b->go.write, &ready, 1, 0) != 1)
        return bwrap_error(b, ERR_UNSUPPORTED);
    return ERR_OK;
}

static err start(struct box *b) {
    struct plan plan = {.box = b, .bwrap = find_bwrap(), .as_root = geteuid() == 0};
    if (plan.bwrap == NULL) return fail(ERR_UNSUPPORTED, "bwrap is not installed");
    const err e = start_with(&plan, b);
    for (int i = FD_FILTER; i < plan.n_fds; i++) close(plan.fds[i]);
    name_list_release(&plan.words);
    return e;
}

/* {"exit-code": N}, which bwrap tells only where the program was started. */
static err end(struct box *b) {
    char text[256];
    const ssize_t n = read(b->status.read, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, "\"exit-code\":");
    if (b->result->limit != SANDBOX_WITHIN || WIFSIGNALED(b->wait_status)) {
        b->result->signal = SIGKILL; /* ended by the watch, or from outside */
        return ERR_OK;
    }
    if (at == NULL) return bwrap_error(b, ERR_IO);
    const long code = strtol(at + 12, NULL, 10);
    if (code > 128 && code <= 128 + SIGRTMAX)
        b->result->signal = (int)code - 128;
    else
        b->result->exit_status = (int)code;
    return ERR_OK;
}

const struct sandbox_method sandbox_bubblewrap = {
    .start = start,
    .end = end,
};
