/* SPDX-License-Identifier: Apache-2.0
 * Runs another program for a test: an independent reader or renderer that judges what ours wrote.
 * A test whose program is not there says so and ends as skipped (exit code 77).
 * Include behind tests/unit/test.h. */
#ifndef COTRAIN_TESTS_UNIT_SPAWN_H
#define COTRAIN_TESTS_UNIT_SPAWN_H

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

enum { TEST_SKIPPED = 77 };
extern char **environ;

/* Its exit code, or -1 when it could not be started; `out` takes its stdout and stderr. */
static inline int test_run(const char *const argv[], const char *out) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

#endif
