/* SPDX-License-Identifier: Apache-2.0
 * What happens between clone and exec. The parent has several threads, any of which may hold a
 * lock at that moment, so nothing here allocates, prints or calls what might: system calls
 * alone, some of them raw, because glibc's own setresuid talks to threads that are not there in
 * the child.
 * Read next: base/sandbox/namespaces.c. */
#include "base/sandbox/box_int.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's fork would run handlers of libraries; the raw call also takes the namespaces' flags. */
pid_t child_clone(unsigned long flags, int *out_pidfd) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *out_pidfd = -1;
    pid_t pid = (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | (unsigned long)SIGCHLD, NULL,
                               out_pidfd, NULL, NULL);
    if (pid != 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

void child_place_descriptors(int *fds, int n) {
    for (int i = 0; i < n; i++) fds[i] = fcntl(fds[i], F_DUPFD, n); /* out of each other's way */
    for (int i = 0; i < n; i++)
        if (dup2(fds[i], i) < 0) _exit(127);
    if (syscall(SYS_close_range, n, ~0U, 0) == 0) return;
    struct rlimit most = {.rlim_cur = 65536};
    getrlimit(RLIMIT_NOFILE, &most);
    for (int fd = n; fd < 1 << 20 && (rlim_t)fd < most.rlim_cur; fd++) close(fd);
}

void child_reset_signals(void) {
    struct sigaction preset = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++) sigaction(i, &preset, NULL); /* KILL and STOP refuse; fine */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool child_become_nobody(void) {
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, BOX_NOBODY_ID, BOX_NOBODY_ID, BOX_NOBODY_ID) == 0 &&
           syscall(SYS_setresuid, BOX_NOBODY_ID, BOX_NOBODY_ID, BOX_NOBODY_ID) == 0;
}
