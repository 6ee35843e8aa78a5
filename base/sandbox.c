/* SPDX-License-Identifier: Apache-2.0
 * One run from the caller's side: what is asked for is checked, a method is chosen, everything the
 * child needs is prepared before it exists, and everything is taken apart again however it went.
 * Read next: base/sandbox/watch.c, what happens in between. */
#include "base/sandbox.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define METHOD(name, contains, summary) extern const struct sandbox_method sandbox_##name;
#include "base/sandbox/methods.def"
#undef METHOD

const struct sandbox_method_row sandbox_methods[] = {
#define METHOD(name, contains, summary) {#name, summary, contains},
#include "base/sandbox/methods.def"
#undef METHOD
};
const int n_sandbox_methods = sizeof sandbox_methods / sizeof *sandbox_methods;

static const struct sandbox_method *const methods[] = {
#define METHOD(name, contains, summary) &sandbox_##name,
#include "base/sandbox/methods.def"
#undef METHOD
};

static char *variable(const char *name, const char *value) {
    struct str text = {0};
    if (str_printf(&text, "%s=%s", name, value) == ERR_OK) return text.data;
    str_release(&text);
    return NULL;
}

/* The whole environment. A library that starts a thread for every core would be at its limit of
 * processes on a large machine, and glibc reserves 64 MiB of address space for each thread. */
static err make_env(struct box *b) {
    static const char *const fixed[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "LANG=C.UTF-8",
        "OMP_NUM_THREADS=1",
        "OPENBLAS_NUM_THREADS=1",
        "MALLOC_ARENA_MAX=2",
        "PYTHONHASHSEED=0",
        "PYTHONDONTWRITEBYTECODE=1",
    };
    static const char *const folders[N_FOLDER_VARIABLES] = {"HOME", "TMPDIR", "PWD"};
    enum { N_FIXED = sizeof fixed / sizeof *fixed };
    b->env = mem_zalloc(N_FIXED + N_FOLDER_VARIABLES + 1, sizeof *b->env);
    if (b->env == NULL) return ERR_MEMORY;
    memcpy(b->env, fixed, sizeof fixed);
    for (int i = 0; i < N_FOLDER_VARIABLES; i++) {
        b->variables[i] = variable(folders[i], b->folder ? b->folder : "/tmp");
        if (b->variables[i] == NULL) return ERR_MEMORY;
        b->env[N_FIXED + i] = b->variables[i];
    }
    return ERR_OK;
}

static err make_folder(struct box *b) {
    struct str path = {0};
    const err e = dir_make_temporary(&path);
    if (e == ERR_OK)
        b->folder = path.data;
    else
        str_release(&path);
    return e;
}

/* `other_owner`: also the program's to open by name (/dev/stdout), where it runs as another
 * user. */
static err open_output(struct channel *c, bool other_owner) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(ERR_IO, errno, "cannot make a pipe");
    *c = (struct channel){ends[0], ends[1]};
    if (other_owner && fchown(ends[1], BOX_NOBODY_ID, BOX_NOBODY_ID) != 0)
        return fail_errno(ERR_UNSUPPORTED, errno, "cannot hand a pipe to nobody");
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return ERR_OK;
    return fail_errno(ERR_IO, errno, "cannot read a pipe without waiting");
}

static err open_channels(struct box *b) {
    const bool other_owner = geteuid() == 0 && b->folder == NULL;
    int ends[2];
    TRY(open_output(&b->out, other_owner));
    TRY(open_output(&b->error, other_owner));
    if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(ERR_IO, errno, "cannot make a pipe");
    b->status = (struct channel){ends[0], ends[1]};
    /* a socket, because writing to a pipe that nobody reads any more raises a signal */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(ERR_IO, errno, "cannot make a pair of sockets");
    b->go = (struct channel){ends[0], ends[1]};
    b->input = box_memory_file(b->options->input, b->options->input_bytes);
    return b->input >= 0 ? ERR_OK : ERR_IO;
}

static void close_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void box_close_child_ends(struct box *b) {
    close_one(&b->out.write);
    close_one(&b->error.write);
    close_one(&b->status.write);
    close_one(&b->go.read);
    close_one(&b->input);
}

static void reap(struct box *b) {
    struct rusage use = {0};
    pid_t pid;
    if (b->child <= 0 || b->reaped) return;
    do pid = wait4(b->child, &b->wait_status, 0, &use);
    while (pid < 0 && errno == EINTR);
    b->reaped = true; /* or its end was ignored on purpose (SIGCHLD), and the kernel did it */
    const int64_t cpu_ms = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
                           (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
    if (cpu_ms > b->result->cpu_ms) b->result->cpu_ms = cpu_ms;
}

static err box_close(struct box *b, err e) {
    if (b->child > 0 && !b->reaped) {
        box_end(b);
        if (b->child_fd >= 0) kill(b->child, SIGKILL);
        reap(b);
    }
    box_close_child_ends(b);
    if (b->root_fd != b->child_fd) close_one(&b->root_fd);
    int *const fds[] = {&b->child_fd,   &b->folder_fd,   &b->out.read,
                        &b->error.read, &b->status.read, &b->go.write};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) close_one(fds[i]);
    if (b->folder) {
        const err removed = e == ERR_OK ? dir_remove(b->folder) : dir_give_up(e, b->folder);
        if (e == ERR_OK) e = removed;
    }
    mem_free(b->folder);
    mem_free(b->program);
    mem_free(b->env);
    for (int i = 0; i < N_FOLDER_VARIABLES; i++) mem_free(b->variables[i]);
    return e;
}

/* From outside, while the program waits. What cannot be had here only makes the watch blind to
 * it. */
static void take_hold(struct box *b) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)b->root);
    const int fd = open(path, O_WRONLY | O_CLOEXEC); /* the first to go where memory runs out */
    if (fd >= 0) {
        if (write(fd, "1000", 4) < 0) errno = 0;
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/%d/root/tmp", (int)b->root);
    if (b->folder == NULL) b->folder_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What the kernel's own limits ended. */
static void name_limit(struct box *b) {
    struct sandbox_result *r = b->result;
    if (r->limit != SANDBOX_WITHIN || (r->signal == 0 && r->exit_status == 0)) return;
    if (r->signal == SIGXCPU || (r->signal == SIGKILL && r->cpu_ms >= b->limits.cpu_ms))
        r->limit = SANDBOX_CPU;
    else if (r->signal == SIGXFSZ || box_folder_is_full(b))
        r->limit = SANDBOX_DISK;
}

static err run_in(struct box *b) {
    TRY(box_check(b));
    if (b->method == &sandbox_unsafe) {
        TRY(make_folder(b));
    } else {
        TRY(box_check_kernel());
        TRY(filter_get(&b->filter));
    }
    TRY(make_env(b));
    TRY(open_channels(b));
    TRY(b->method->start(b));
    take_hold(b);
    if (send(b->go.write, "\n", 1, MSG_NOSIGNAL) != 1)
        return fail_errno(ERR_IO, errno, "the sandbox ended before the program began");
    TRY(box_watch(b));
    reap(b);
    TRY(b->method->end(b));
    name_limit(b);
    return ERR_OK;
}

static err run_by(int method, const struct sandbox_options *options,
                  struct sandbox_result *result) {
    struct box b = {
        .options = options,
        .method = methods[method],
        .result = result,
        .input = -1,
        .out = {-1, -1},
        .error = {-1, -1},
        .status = {-1, -1},
        .go = {-1, -1},
        .child_fd = -1,
        .root_fd = -1,
        .folder_fd = -1,
    };
    *result = (struct sandbox_result){.method = sandbox_methods[method].name};
    err e = box_close(&b, run_in(&b));
    if (e == ERR_OK) return ERR_OK;
    sandbox_result_release(result);
    return fail_in(e, "sandbox (%s)", sandbox_methods[method].name);
}

/* The method that works here, found out once by running a program that does nothing. */
static struct {
    pthread_mutex_t lock;
    bool known;
    int method; /* -1: none */
    char why[ERR_TEXT_SIZE], advice[ERR_TEXT_SIZE];
} choice = {.lock = PTHREAD_MUTEX_INITIALIZER};

static err try_all(int *out_method, struct str *why) {
    static const char *const nothing[] = {"true", NULL};
    const struct sandbox_options options = {.argv = nothing};
    for (*out_method = 0; *out_method < n_sandbox_methods; ++*out_method) {
        struct sandbox_result result;
        if (!sandbox_methods[*out_method].contains) continue;
        err e = run_by(*out_method, &options, &result);
        if (e == ERR_MEMORY) return e;
        if (e == ERR_OK && result.exit_status == 0 && result.signal == 0) {
            sandbox_result_release(&result);
            return ERR_OK;
        }
        if (e == ERR_OK) {
            e = fail(ERR_UNSUPPORTED, "sandbox (%s): 'true' failed in it: %.200s", result.method,
                     str_text(&result.error));
            sandbox_result_release(&result);
        }
        TRY(str_printf(why, "%s%s", why->len > 0 ? "; " : "", err_message()));
        const char *advice = err_hint();
        if (advice[0] == '\0')
            advice = "install bubblewrap, and let users make namespaces (docs/sandbox.md)";
        snprintf(choice.advice, sizeof choice.advice, "%s", advice);
    }
    *out_method = -1;
    err_clear();
    return ERR_OK;
}

static err choose(int *out_method) {
    pthread_mutex_lock(&choice.lock);
    err e = ERR_OK;
    if (!choice.known) {
        struct str why = {0};
        e = try_all(&choice.method, &why);
        snprintf(choice.why, sizeof choice.why, "%s", str_text(&why));
        choice.known = e == ERR_OK;
        str_release(&why);
    }
    *out_method = choice.method;
    pthread_mutex_unlock(&choice.lock);
    if (e != ERR_OK || *out_method >= 0) return e;
    fail(ERR_UNSUPPORTED, "programs cannot be held in a sandbox here: %s", choice.why);
    return fail_hint(ERR_UNSUPPORTED, "%s", choice.advice);
}

static err method_of(const struct sandbox_options *options, int *out_method) {
    if (options->method == NULL) {
        err e = choose(out_method);
        if (e != ERR_UNSUPPORTED || !options->unsafe) return e;
    }
    const char *name = options->method ? options->method : "unsafe";
    for (int i = 0; i < n_sandbox_methods; i++) {
        if (strcmp(sandbox_methods[i].name, name) != 0) continue;
        *out_method = i;
        if (sandbox_methods[i].contains || options->unsafe) return ERR_OK;
        return fail(ERR_DENIED,
                    "sandbox '%s' holds nothing back, and the caller does not allow that", name);
    }
    return fail(ERR_MISSING, "no sandbox '%s'", name);
}

err sandbox_run(const struct sandbox_options *options, struct sandbox_result *result) {
    int method;
    *result = (struct sandbox_result){0};
    TRY(method_of(options, &method));
    return run_by(method, options, result);
}

void sandbox_result_release(struct sandbox_result *result) {
    str_release(&result->out);
    str_release(&result->error);
    *result = (struct sandbox_result){0};
}

err sandbox_describe(struct str *out) {
    int method;
    TRY(choose(&method));
    return str_printf(out, "%s: %s", sandbox_methods[method].name, sandbox_methods[method].summary);
}
