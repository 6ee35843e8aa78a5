/* SPDX-License-Identifier: Apache-2.0
 * The filter of system calls, from its table to the code that the kernel runs. libseccomp knows the
 * numbers on every architecture and refuses those of the others.
 * Read next: base/sandbox/calls.def. */
#include "base/sandbox/box_int.h"

#ifdef COTRAIN_SECCOMP

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/termios.h>
#include <unistd.h>

#define CLONE_NEW_ANY                                                                              \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

struct call_row {
    const char *name;
    bool conditional;
    unsigned argument;
    uint64_t mask, value;
};
static const struct call_row rows[] = {
#define CALL(name) {#name, false, 0, 0, 0},
#define CALL_WHEN(name, argument, mask, value) {#name, true, argument, mask, value},
#include "base/sandbox/calls.def"
#undef CALL
#undef CALL_WHEN
};

enum { MOST_CODE = 4096 }; /* BPF_MAXINSNS */
static struct sock_filter code[MOST_CODE];
static size_t n_code;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static err failed(int result, const char *what) {
    return fail_errno(result == -ENOMEM ? ERR_MEMORY : ERR_IO, -result,
                      "filter of system calls: %s", what);
}

static err add_rows(scmp_filter_ctx filter) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct call_row *row = &rows[i];
        const int number = seccomp_syscall_resolve_name(row->name);
        if (number == __NR_SCMP_ERROR) continue; /* newer than the library */
        const int result = row->conditional
                               ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                                  SCMP_CMP(row->argument, SCMP_CMP_MASKED_EQ,
                                                           row->mask, row->value))
                               : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (result != 0) return failed(result, row->name);
    }
    return ERR_OK;
}

static err read_code(int fd) {
    const off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || (size_t)size > sizeof code) return failed(-E2BIG, "its code");
    if (pread(fd, code, (size_t)size, 0) != (ssize_t)size) return failed(-EIO, "its code");
    n_code = (size_t)size / sizeof *code;
    return ERR_OK;
}

static err make(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) return failed(-ENOMEM, "start");
    const int fd = memfd_create("filter", MFD_CLOEXEC);
    err e = fd >= 0 ? add_rows(filter) : failed(-errno, "memory file");
    int result =
        e == ERR_OK ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : 0;
    if (result == 0 && e == ERR_OK) result = seccomp_export_bpf(filter, fd);
    if (result != 0) e = failed(result, "export");
    if (e == ERR_OK) e = read_code(fd);
    if (fd >= 0) close(fd);
    seccomp_release(filter);
    return e;
}

err filter_get(struct filter *out) {
    pthread_mutex_lock(&making);
    const err e = n_code > 0 ? ERR_OK : make();
    pthread_mutex_unlock(&making);
    *out = (struct filter){code, (unsigned short)n_code};
    return e;
}

#else

err filter_get(struct filter *out) {
    *out = (struct filter){0};
    fail(ERR_UNSUPPORTED, "this program was built without libseccomp");
    return fail_hint(ERR_UNSUPPORTED, "install libseccomp-dev and build again");
}

#endif
