/* SPDX-License-Identifier: Apache-2.0
 * No sandbox: a program in a temporary folder of the host, in a process group that is killed at the
 * end, under the kernel's limits of one process. For callers that say so in as many words.
 * Read next: base/sandbox.h, `unsafe`. */
#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

static err write_files(const struct box *b) {
    for (size_t i = 0; i < b->options->n_files; i++) {
        const struct sandbox_file *file = &b->options->files[i];
        char *path = path_join(b->folder, file->name);
        err e = path ? file_write(path, file->data, file->size_bytes) : ERR_MEMORY;
        if (e == ERR_OK && chmod(path, file->executable ? 0755 : 0644) != 0)
            e = fail_errno(ERR_IO, errno, "cannot set the mode of '%s'", path);
        mem_free(path);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}

static void child_main(const struct box *b, const struct box_rlimit *limits, int n_limits) {
    int fds[] = {b->input, b->out.write, b->error.write, b->go.read, b->status.write};
    char byte;
    child_place_descriptors(fds, 5);
    setsid();
    umask(022);
    fcntl(4, F_SETFD, FD_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || read(3, &byte, 1) != 1) _exit(127);
    close(3);
    if (chdir(b->folder) == 0 && box_set_rlimits(0, limits, n_limits)) {
        child_reset_signals();
        execve(b->program, (char *const *)b->options->argv, b->env);
    }
    const int why = errno;
    if (write(4, &why, sizeof why) < 0) _exit(126);
    _exit(127);
}

static err start(struct box *b) {
    struct box_rlimit limits[BOX_MAX_RLIMITS];
    const int n_limits = box_rlimits(&b->limits, false, limits);
    TRY(write_files(b));
    b->child = child_clone(0, &b->child_fd);
    if (b->child == 0) child_main(b, limits, n_limits);
    if (b->child < 0) return fail_errno(ERR_IO, errno, "cannot start a process");
    box_close_child_ends(b);
    b->root = b->child;
    b->root_fd = b->child_fd;
    return ERR_OK;
}

static err end(struct box *b) {
    int why;
    if (read(b->status.read, &why, sizeof why) == sizeof why) return box_not_started(b, why);
    if (WIFSIGNALED(b->wait_status))
        b->result->signal = WTERMSIG(b->wait_status);
    else
        b->result->exit_status = WEXITSTATUS(b->wait_status);
    return ERR_OK;
}

const struct sandbox_method sandbox_unsafe = {
    .start = start,
    .end = end,
    .root_is_program = true,
};
