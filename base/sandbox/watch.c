/* SPDX-License-Identifier: Apache-2.0
 * Follows a running program: takes what it prints, and looks every few milliseconds at what it
 * uses. What comes to a limit is killed, which gives a sure answer to why it ended; the
 * kernel's own limits (box_rlimits) hold whatever is quicker than that. Everything here is seen
 * from outside, so it is the same for every method.
 * Read next: base/sandbox/tree.c. */
#include "base/clock.h"
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LOOK_MS = 10, READ_BYTES = 1 << 16 };

static void box_kill(const struct box *b) {
    if (b->root_fd >= 0) syscall(SYS_pidfd_send_signal, b->root_fd, SIGKILL, NULL, 0);
    if (b->method->root_is_program && b->root > 0 && !b->reaped) kill(-b->root, SIGKILL);
}

/* What holds the program may have told its end before the last of the others were gone. A process
 * that began a namespace is gone only when all in there are. */
void box_end(const struct box *b) {
    struct pollfd gone = {.fd = b->root_fd, .events = POLLIN};
    box_kill(b);
    while (b->root_fd >= 0 && poll(&gone, 1, -1) < 0 && errno == EINTR) {
    }
}

static void end_by(struct box *b, enum sandbox_limit limit) {
    if (b->result->limit == SANDBOX_WITHIN) b->result->limit = limit;
    box_kill(b);
}

/* Takes what is there; closes the channel at its end. */
static err take_output(struct box *b, int *fd, struct str *text) {
    static const size_t most = READ_BYTES;
    char bytes[READ_BYTES];
    while (*fd >= 0) {
        const ssize_t n = read(*fd, bytes, most);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return ERR_OK;
        if (n <= 0) {
            close(*fd);
            *fd = -1;
            return ERR_OK;
        }
        const size_t room = (size_t)b->limits.output_bytes - text->len;
        TRY(str_append(text, bytes, (size_t)n < room ? (size_t)n : room));
        if ((size_t)n <= room) continue;
        end_by(b, SANDBOX_OUTPUT); /* until then it must not see that nobody listens any more */
        return ERR_OK;
    }
    return ERR_OK;
}

bool box_folder_is_full(const struct box *b) {
    struct statfs use;
    if (b->folder_fd < 0 || fstatfs(b->folder_fd, &use) != 0) return false;
    return use.f_bfree == 0 || (int64_t)(use.f_files - use.f_ffree) >= box_folder_files(&b->limits);
}

static void look(struct box *b) {
    struct tree_use use;
    tree_look(b->root, b->method->root_is_program, b->limits.memory_bytes, &use);
    if (use.cpu_ms > b->result->cpu_ms) b->result->cpu_ms = use.cpu_ms;
    /* twice, because a process that is just making another may seem to be there twice */
    b->n_over_memory = use.memory_bytes > b->limits.memory_bytes ? b->n_over_memory + 1 : 0;
    if (b->n_over_memory >= 2)
        end_by(b, SANDBOX_MEMORY);
    else if (use.n_processes > b->limits.n_processes)
        end_by(b, SANDBOX_PROCESSES);
    else if (use.cpu_ms >= b->limits.cpu_ms)
        end_by(b, SANDBOX_CPU);
    else if (box_folder_is_full(b))
        end_by(b, SANDBOX_DISK);
}

static int64_t passed_ms(double since_s) {
    return (int64_t)((clock_seconds() - since_s) * 1e3);
}

/* One round: waits until there is something to do. */
static err follow(struct box *b, double start_s, double *looked_s, bool *out_ended) {
    struct pollfd wait[] = {{.fd = b->out.read, .events = POLLIN},
                            {.fd = b->error.read, .events = POLLIN},
                            {.fd = b->child_fd, .events = POLLIN}};
    if (poll(wait, 3, LOOK_MS) < 0 && errno != EINTR)
        return fail_errno(ERR_IO, errno, "cannot wait for the program");
    TRY(take_output(b, &b->out.read, &b->result->out));
    TRY(take_output(b, &b->error.read, &b->result->error));
    *out_ended = (wait[2].revents & POLLIN) != 0;
    if (*out_ended) return ERR_OK;
    if (passed_ms(start_s) >= b->limits.wall_ms) end_by(b, SANDBOX_TIME);
    if (passed_ms(*looked_s) >= LOOK_MS) {
        look(b);
        *looked_s = clock_seconds();
    }
    return ERR_OK;
}

err box_watch(struct box *b) {
    const double start_s = clock_seconds();
    double looked_s = start_s;
    err e = ERR_OK;
    for (bool ended = false; e == ERR_OK && !ended;) e = follow(b, start_s, &looked_s, &ended);
    b->result->wall_ms = passed_ms(start_s);
    box_end(b);
    if (e == ERR_OK) e = take_output(b, &b->out.read, &b->result->out);
    if (e == ERR_OK) e = take_output(b, &b->error.read, &b->result->error);
    return e;
}
