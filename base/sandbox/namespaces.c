/* SPDX-License-Identifier: Apache-2.0
 * Our own sandbox, of what the kernel gives every user: one clone into new user, mount,
 * process, network, IPC, host name and cgroup namespaces. That child builds the file system
 * (tmpfs roots are the only memory it takes), starts the program and stays as the namespace's
 * first process: when it ends, the kernel ends everything in there. It ends when its parent
 * does, and cannot be reached from inside: signals of its own namespace pass by it, and its
 * memory, a copy of the caller's, is closed.
 * Source: namespaces(7), user_namespaces(7), pivot_root(2).
 * Read next: base/sandbox/child.c. */
#include "base/sandbox/box_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <unistd.h>

/* The new root is put together here: a folder that every system has, and that hides nothing that is
 * to be shown. */
#define NEW_ROOT "/tmp"

/* What the child does, and what is said where that fails. */
#define STEPS(X)                                                                                   \
    X(READY, "")                                                                                   \
    X(ENDED, "")                                                                                   \
    X(USER, "cannot take the sandbox's user")                                                      \
    X(PARENT, "cannot bind its life to its parent's")                                              \
    X(PRIVATE, "cannot make its mounts its own")                                                   \
    X(ROOT, "cannot mount a file system in memory")                                                \
    X(SHOW, "cannot show the system's folders read-only")                                          \
    X(PROC, "cannot mount /proc")                                                                  \
    X(FOLDER, "cannot mount its working folder")                                                   \
    X(PIVOT, "cannot change the root")                                                             \
    X(FILES, "cannot write the files it was given")                                                \
    X(FORK, "cannot start a process")                                                              \
    X(LIMITS, "cannot set limits")                                                                 \
    X(RIGHTS, "cannot give up rights")                                                             \
    X(FILTER, "cannot filter system calls")                                                        \
    X(START, "")
enum step {
#define X(name, text) STEP_##name,
    STEPS(X)
#undef X
        STEP_COUNT
};
static const char *const step_texts[] = {
#define X(name, text) text,
    STEPS(X)
#undef X
};

/* From the child; shorter than what a pipe takes in one piece. */
struct note {
    int32_t step, value; /* an errno, or the program's wait status */
};

enum { FD_INPUT, FD_OUT, FD_ERROR, FD_GO, FD_STATUS, FD_COUNT };

struct plan {
    struct box *box;
    struct box_rlimit limits[BOX_MAX_RLIMITS];
    int n_limits;
    char folder_options[96];
    bool as_root; /* of the host: the sandbox's user is another */
};

static void tell(enum step step, int value) {
    const struct note note = {(int32_t)step, value};
    if (write(FD_STATUS, &note, sizeof note) != sizeof note) _exit(1);
}

static void need(bool done, enum step step) {
    if (done) return;
    tell(step, errno);
    _exit(1);
}

static void await_go(void) {
    char byte;
    ssize_t n;
    do n = read(FD_GO, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1) _exit(1); /* the parent is gone */
}

/* include/uapi/linux/mount.h, since 5.12; with all mounts below, which the older call cannot. */
static bool set_mount(const char *path, uint64_t set, unsigned flags) {
    struct {
        uint64_t set, clear, propagation, userns;
    } attributes = {.set = set};
    enum { SYS_MOUNT_SETATTR = 442 }; /* the same on every architecture */
    return syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, &attributes, sizeof attributes) == 0;
}
enum { MOUNT_RDONLY = 1, MOUNT_NOSUID = 2, MOUNT_NODEV = 4, MOUNT_RECURSIVE = 0x8000 };

static bool make_file(const char *path) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    return fd >= 0 && close(fd) == 0;
}

static bool show(const struct place *place) {
    char target[PATH_MAX], path[64] = NEW_ROOT;
    enum place_kind kind;
    struct stat info;
    if (!place_look(place, &kind, target, sizeof target)) return true;
    memcpy(path + sizeof NEW_ROOT - 1, place->path, strlen(place->path) + 1);
    if (kind == PLACE_FOLDER) return mkdir(path, 0755) == 0;
    if (kind == PLACE_LINK)
        return symlink(place->kind == PLACE_LINK ? place->target : target, path) == 0;
    if (stat(place->path, &info) != 0) return false;
    if (S_ISDIR(info.st_mode) ? mkdir(path, 0755) != 0 : !make_file(path)) return false;
    if (mount(place->path, path, NULL, MS_BIND | MS_REC, NULL) != 0) return false;
    return kind == PLACE_DEVICE ||
           set_mount(path, MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV, MOUNT_RECURSIVE);
}

/* A container may keep /proc to itself; programs do without it. With subset=pid it holds processes
 * of this namespace and nothing of the machine. */
static bool mount_proc(void) {
    if (mkdir(NEW_ROOT "/proc", 0555) != 0) return false;
    return mount("proc", NEW_ROOT "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "subset=pid") == 0 ||
           errno == EPERM;
}

static void build_root(const struct plan *plan) {
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, STEP_PRIVATE);
    need(mount("tmpfs", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV,
               "mode=755,size=256k,nr_inodes=128") == 0,
         STEP_ROOT);
    for (int i = 0; i < n_places; i++) need(show(&places[i]), STEP_SHOW);
    need(mount_proc(), STEP_PROC);
    need(mkdir(NEW_ROOT "/tmp", 0700) == 0, STEP_FOLDER);
    need(mount("tmpfs", NEW_ROOT "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, plan->folder_options) == 0,
         STEP_FOLDER);
    /* the old root ends up below the new one, at the same place, and is let go of there */
    need(chdir(NEW_ROOT) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
             umount2(".", MNT_DETACH) == 0 && chdir("/") == 0,
         STEP_PIVOT);
    need(set_mount("/", MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV, 0), STEP_PIVOT);
    need(chdir("/tmp") == 0, STEP_FOLDER);
}

static bool write_file(const struct sandbox_file *file) {
    const int fd = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                        file->executable ? 0755 : 0644);
    const char *at = file->data;
    size_t left = file->size_bytes;
    for (ssize_t n = 0; fd >= 0 && left > 0; left -= (size_t)n, at += n) {
        n = write(fd, at, left);
        if (n < 0 && errno == EINTR) n = 0;
        if (n < 0) return false;
    }
    return fd >= 0 && close(fd) == 0;
}

static bool give_up_rights(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    return syscall(SYS_capset, &head, none) == 0;
}

static void start_program(const struct plan *plan) {
    const struct box *b = plan->box;
    const struct sock_fprog filter = {b->filter.n, (struct sock_filter *)b->filter.code};
    setsid();
    close(FD_GO);
    fcntl(FD_STATUS, F_SETFD, FD_CLOEXEC);
    need(box_set_rlimits(0, plan->limits, plan->n_limits), STEP_LIMITS);
    need(give_up_rights() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, STEP_RIGHTS);
    child_reset_signals();
    need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0, STEP_FILTER);
    execve(b->program, (char *const *)b->options->argv, b->env);
    need(false, STEP_START);
}

/* The namespace's first process: takes in orphans, and tells how the program ended. */
static void hold(pid_t program) {
    give_up_rights();
    syscall(SYS_close_range, 0, FD_GO, 0);
    for (int status;;) {
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended == program) {
            tell(STEP_ENDED, status);
            _exit(0);
        }
        if (ended < 0 && errno != EINTR) _exit(1);
    }
}

static void child_main(const struct plan *plan) {
    const struct box *b = plan->box;
    int fds[FD_COUNT] = {b->input, b->out.write, b->error.write, b->go.read, b->status.write};
    child_place_descriptors(fds, FD_COUNT);
    setsid();
    umask(022);
    await_go(); /* the parent has mapped the users */
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    need((!plan->as_root || syscall(SYS_setgroups, 0, NULL) == 0) &&
             syscall(SYS_setresgid, BOX_INSIDE_ID, BOX_INSIDE_ID, BOX_INSIDE_ID) == 0 &&
             syscall(SYS_setresuid, BOX_INSIDE_ID, BOX_INSIDE_ID, BOX_INSIDE_ID) == 0,
         STEP_USER);
    need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, STEP_PARENT);
    syscall(SYS_sethostname, "sandbox", 7);
    build_root(plan);
    for (size_t i = 0; i < b->options->n_files; i++)
        need(write_file(&b->options->files[i]), STEP_FILES);
    tell(STEP_READY, 0);
    await_go();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const pid_t program = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, NULL);
    need(program >= 0, STEP_FORK);
    if (program == 0) start_program(plan);
    hold(program);
}

static err write_map(pid_t pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    const int why = errno;
    if (fd >= 0) close(fd);
    return done ? ERR_OK : fail_errno(ERR_UNSUPPORTED, why, "cannot write its %s", name);
}

/* Who does not own the machine may map only himself, and only once he cannot leave a group by
 * it. */
static err map_users(const struct plan *plan, pid_t pid) {
    const unsigned user = plan->as_root ? BOX_NOBODY_ID : geteuid();
    const unsigned group = plan->as_root ? BOX_NOBODY_ID : getegid();
    char text[64];
    if (!plan->as_root) TRY(write_map(pid, "setgroups", "deny"));
    snprintf(text, sizeof text, "%d %u 1\n", BOX_INSIDE_ID, group);
    TRY(write_map(pid, "gid_map", text));
    snprintf(text, sizeof text, "%d %u 1\n", BOX_INSIDE_ID, user);
    return write_map(pid, "uid_map", text);
}

/* False: the child is gone without a word. */
static bool read_note(const struct box *b, struct note *note) {
    ssize_t n;
    do n = read(b->status.read, note, sizeof *note);
    while (n < 0 && errno == EINTR);
    return n == sizeof *note && note->step >= 0 && note->step < STEP_COUNT;
}

static err note_error(const struct note *note) {
    return fail_errno(ERR_UNSUPPORTED, note->value, "%s", step_texts[note->step]);
}

static err start(struct box *b) {
    struct plan plan = {.box = b, .as_root = geteuid() == 0};
    plan.n_limits = box_rlimits(&b->limits, true, plan.limits);
    snprintf(plan.folder_options, sizeof plan.folder_options, "mode=700,size=%lld,nr_inodes=%lld",
             (long long)box_folder_bytes(&b->limits), (long long)box_folder_files(&b->limits));
    const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    b->child = child_clone(flags, &b->child_fd);
    if (b->child == 0) child_main(&plan);
    if (b->child < 0)
        return fail_errno(ERR_UNSUPPORTED, errno, "the kernel gives this user no namespaces");
    box_close_child_ends(b);
    b->root = b->child;
    b->root_fd = b->child_fd;
    struct note note;
    TRY(map_users(&plan, b->child));
    if (send(b->go.write, "\n", 1, MSG_NOSIGNAL) != 1 || !read_note(b, &note))
        return fail(ERR_IO, "its first process ended before the program began");
    return note.step == STEP_READY ? ERR_OK : note_error(&note);
}

static err end(struct box *b) {
    struct note note;
    if (!read_note(b, &note)) {
        b->result->signal =
            SIGKILL; /* the whole namespace was ended: by the watch, or from outside */
        return ERR_OK;
    }
    if (note.step == STEP_START) return box_not_started(b, note.value);
    if (note.step != STEP_ENDED) return note_error(&note);
    if (WIFSIGNALED(note.value))
        b->result->signal = WTERMSIG(note.value);
    else
        b->result->exit_status = WEXITSTATUS(note.value);
    return ERR_OK;
}

const struct sandbox_method sandbox_namespaces = {.start = start, .end = end};
