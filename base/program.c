/* SPDX-License-Identifier: Apache-2.0
 * Another program's run (base/program.h). Its three streams are nameless files in memory and not
 * pipes, so nobody waits for anybody to read, and a program that reads none of its input raises no
 * signal.
 * Read next: release/ssh.c, which uses it. */
#include "base/program.h"

#include "base/mem.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STREAMS = 3, LOOK_MS = 50, END_MS = 5000 };

static err write_input(int fd, const struct program *p) {
    const char *at = p->input;
    for (size_t left = at != NULL ? p->n_input : 0; left > 0;) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(ERR_IO, errno, "cannot hand input to '%s'", p->words[0]);
        at += n;
        left -= (size_t)n;
    }
    if (lseek(fd, 0, SEEK_SET) == 0) return ERR_OK;
    return fail_errno(ERR_IO, errno, "cannot hand input to '%s'", p->words[0]);
}

static err read_output(int fd, const char *name, struct str *out) {
    struct stat info;
    if (fstat(fd, &info) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return fail_errno(ERR_IO, errno, "cannot read what '%s' wrote", name);
    if (info.st_size > PROGRAM_MAX_BYTES)
        return fail(ERR_LIMIT, "'%s' wrote more than %d bytes", name, PROGRAM_MAX_BYTES);
    for (off_t left = info.st_size; left > 0;) {
        char piece[4096];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(ERR_IO, errno, "cannot read what '%s' wrote", name);
        if (n == 0) break;
        TRY(str_append(out, piece, (size_t)n));
        left -= n;
    }
    return ERR_OK;
}

static err start(const struct program *p, const int fds[STREAMS], pid_t *out) {
    posix_spawn_file_actions_t actions;
    int why = posix_spawn_file_actions_init(&actions);
    if (why != 0) return fail(ERR_MEMORY, "out of memory for starting '%s'", p->words[0]);
    for (int i = 0; i < STREAMS && why == 0; i++)
        why = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (why == 0)
        why = posix_spawnp(out, p->words[0], &actions, NULL, (char *const *)p->words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (why == 0) return ERR_OK;
    return fail_errno(why == ENOENT ? ERR_MISSING : ERR_IO, why, "program '%s'", p->words[0]);
}

static void pause_ms(long ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

/* One that does not end where it is told to is killed. */
static void end_it(pid_t child) {
    (void)kill(child, SIGTERM);
    for (long ms = 0; ms < END_MS; ms += LOOK_MS) {
        if (waitpid(child, NULL, WNOHANG) == child) return;
        pause_ms(LOOK_MS);
    }
    (void)kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
}

/* Its status, or what the watch says instead. */
static err wait_watched(pid_t child, const struct program *p, int *status) {
    for (long ms = 1;; ms = ms < LOOK_MS ? 2 * ms : LOOK_MS) {
        pid_t ended = waitpid(child, status, WNOHANG);
        if (ended == child) return ERR_OK;
        if (ended < 0 && errno != EINTR)
            return fail_errno(ERR_IO, errno, "waiting for '%s'", p->words[0]);
        err e = p->watch(p->context);
        if (e != ERR_OK) {
            end_it(child);
            return e;
        }
        pause_ms(ms);
    }
}

static err wait_for(pid_t child, struct program *p) {
    int status = 0;
    if (p->watch) TRY(wait_watched(child, p, &status));
    while (!p->watch && waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail_errno(ERR_IO, errno, "waiting for '%s'", p->words[0]);
    p->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ERR_OK;
}

static err run_with(struct program *p, const int fds[STREAMS]) {
    pid_t child = 0;
    TRY(write_input(fds[0], p));
    TRY(start(p, fds, &child));
    TRY(wait_for(child, p));
    TRY(read_output(fds[1], p->words[0], &p->output));
    return read_output(fds[2], p->words[0], &p->errors);
}

err program_run(struct program *p) {
    int fds[STREAMS] = {-1, -1, -1};
    err result = ERR_OK;
    program_clear(p);
    for (int i = 0; i < STREAMS && result == ERR_OK; i++) {
        fds[i] = memfd_create("cotrain", MFD_CLOEXEC);
        if (fds[i] < 0) result = fail_errno(ERR_IO, errno, "cannot start '%s'", p->words[0]);
    }
    if (result == ERR_OK) result = run_with(p, fds);
    for (int i = 0; i < STREAMS; i++)
        if (fds[i] >= 0) close(fds[i]);
    if (result != ERR_OK) program_clear(p);
    return result;
}

void program_clear(struct program *p) {
    str_release(&p->output);
    str_release(&p->errors);
    p->exit_code = 0;
}

err program_complaint(const struct program *p, struct str *out) {
    const char *text = str_text(&p->errors);
    return str_append(out, text, strcspn(text, "\r\n"));
}
