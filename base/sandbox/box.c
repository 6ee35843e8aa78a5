/* SPDX-License-Identifier: Apache-2.0
 * What the methods share: the table of places, the kernel's limits of a process, files in memory.
 * Parts of it run between clone and exec, where only system calls may be made.
 * Read next: base/sandbox/box_int.h. */
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

const struct place places[] = {
#define PLACE(kind, path, target) {PLACE_##kind, path, target},
#include "base/sandbox/places.def"
#undef PLACE
};
const int n_places = sizeof places / sizeof *places;

bool place_look(const struct place *place, enum place_kind *kind, char *target, size_t size) {
    struct stat info;
    *kind = place->kind;
    if (place->kind == PLACE_FOLDER || place->kind == PLACE_LINK) return true;
    if (lstat(place->path, &info) != 0) return false;
    if (place->kind == PLACE_DEVICE || !S_ISLNK(info.st_mode)) return true;
    *kind = PLACE_LINK;
    const ssize_t n = readlink(place->path, target, size - 1);
    if (n < 0) return false;
    target[n] = '\0';
    return true;
}

int64_t box_folder_bytes(const struct sandbox_limits *limits) {
    return (limits->disk_bytes + BOX_PAGE_BYTES - 1) / BOX_PAGE_BYTES * BOX_PAGE_BYTES;
}

int64_t box_folder_files(const struct sandbox_limits *limits) {
    return box_folder_bytes(limits) / BOX_PAGE_BYTES + SANDBOX_MAX_FILES + 1;
}

/* Before Linux 5.14 all processes of a user count for his limit, in and out of the sandbox, and
 * a desktop has hundreds. The watch alone is too slow for a program that does nothing but fork:
 * it starves. */
err box_check_kernel(void) {
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
        return fail(ERR_UNSUPPORTED, "the kernel does not tell its version");
    if (major > 5 || (major == 5 && minor >= 14)) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "Linux %s cannot limit the processes of a sandbox; 5.14 can",
                name.release);
}

/* The watch ends what comes over a limit; these hold what is quicker than it looks, so those
 * that it also looks at lie higher. Address space is twice the memory, and room for code and
 * stacks, because runtimes reserve more than they touch. */
int box_rlimits(const struct sandbox_limits *limits, bool contained, struct box_rlimit *out) {
    enum { STACK_BYTES = 8 << 20, CODE_BYTES = 256 << 20 };
    const rlim_t memory =
        (rlim_t)(limits->memory_bytes * 2 + limits->n_processes * STACK_BYTES + CODE_BYTES);
    const rlim_t seconds = (rlim_t)(limits->cpu_ms + 999) / 1000 + 1;
    const rlim_t processes = (rlim_t)limits->n_processes + BOX_SPARE_PROCESSES;
    const rlim_t file = (rlim_t)box_folder_bytes(limits);
    const struct box_rlimit rows[] = {
        {RLIMIT_AS, {memory, memory}},
        {RLIMIT_CPU, {seconds, seconds + 1}},
        {RLIMIT_FSIZE, {file, file}},
        {RLIMIT_NOFILE, {128, 128}},
        {RLIMIT_STACK, {STACK_BYTES, STACK_BYTES}},
        {RLIMIT_CORE, {0, 0}},
        {RLIMIT_MEMLOCK, {1 << 16, 1 << 16}},
        {RLIMIT_MSGQUEUE, {0, 0}},
        {RLIMIT_NPROC, {processes, processes}},
    };
    int n = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool by_user = rows[i].resource == RLIMIT_NPROC;
        if (!by_user || contained) out[n++] = rows[i];
    }
    return n;
}

bool box_set_rlimits(pid_t pid, const struct box_rlimit *limits, int n) {
    for (int i = 0; i < n; i++) {
        struct rlimit value = limits[i].value, old;
        if (prlimit(pid, limits[i].resource, NULL, &old) != 0) return false;
        if (value.rlim_max > old.rlim_max) value.rlim_max = old.rlim_max; /* raising needs rights */
        if (value.rlim_cur > value.rlim_max) value.rlim_cur = value.rlim_max;
        if (prlimit(pid, limits[i].resource, &value, NULL) != 0) return false;
    }
    return true;
}

err box_not_started(struct box *b, int errno_value) {
    b->result->exit_status = 127;
    return str_printf(&b->result->error, "sandbox: '%s' cannot be started: %s\n", b->program,
                      strerror(errno_value));
}

int box_memory_file(const void *data, size_t n) {
    const int fd = memfd_create("sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const char *at = data;
    size_t left = n;
    for (ssize_t put = 0; fd >= 0 && left > 0; left -= (size_t)put, at += put) {
        put = write(fd, at, left);
        if (put < 0 && errno == EINTR) put = 0;
        if (put < 0) break;
    }
    if (fd >= 0 && left == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return fd;
    fail_errno(ERR_IO, errno, "cannot keep %zu bytes in a memory file", n);
    if (fd >= 0) close(fd);
    return -1;
}
