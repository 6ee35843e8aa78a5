/* SPDX-License-Identifier: Apache-2.0
 * What a tree of processes uses, read from /proc outside of the sandbox. Orphans of a namespace
 * go to its first process, so the tree below that is all there is. A process that ends while it
 * is looked at counts as far as it was read; one that cannot be read counts as a process and no
 * more.
 * Read next: base/sandbox/watch.c. */
#include "base/sandbox/box_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TREE = 1024 }; /* beyond every limit of processes, so a larger tree is over it */

struct member {
    pid_t pid;
    bool vforked;  /* its parent waits for it to exec; until then it runs on the parent's memory */
    bool executed; /* else its memory is its parent's, copied */
};
struct tree {
    struct member members[MOST_TREE];
    int n;
};

/* The beginning of a file of /proc, or "". */
static void read_text(const char *path, char *text, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    for (ssize_t got = 1; fd >= 0 && got > 0 && n<size - 1; n += got> 0 ? (size_t)got : 0)
        got = read(fd, text + n, size - 1 - n);
    if (fd >= 0) close(fd);
    text[n] = '\0';
}

/* proc(5), stat: behind the name in parentheses, which may hold anything, stand the state, the
 * flags as 7th and the user and system time of the process and of those it has waited for as
 * 12th to 15th. */
struct stat_text {
    char state;
    bool executed;
    unsigned long long ticks, ticks_below;
};
static bool read_stat(const char *path, struct stat_text *out) {
    enum { FORKED_AND_NOT_EXECUTED = 0x40 }; /* PF_FORKNOEXEC of the kernel's sched.h */
    char text[1024];
    read_text(path, text, sizeof text);
    const char *behind_name = strrchr(text, ')');
    unsigned flags;
    unsigned long long user, system_, user_below, system_below;
    if (behind_name == NULL ||
        sscanf(behind_name + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %llu %llu %llu %llu",
               &out->state, &flags, &user, &system_, &user_below, &system_below) != 6)
        return false;
    out->executed = (flags & FORKED_AND_NOT_EXECUTED) == 0;
    out->ticks = user + system_;
    out->ticks_below = user_below + system_below;
    return true;
}

/* Who waits for a child of vfork is in an uninterruptible sleep, and that child is its latest. */
static void add_children(struct tree *tree, pid_t pid, const char *task) {
    char path[64], text[8192]; /* 1024 numbers of up to seven digits */
    struct stat_text stat;
    const int first = tree->n;
    snprintf(path, sizeof path, "/proc/%d/task/%.10s/children", (int)pid, task);
    read_text(path, text, sizeof text);
    char *at = text;
    for (char *end; tree->n < MOST_TREE; at = end) {
        const long child = strtol(at, &end, 10);
        if (end == at || (*end != ' ' && *end != '\0')) break;
        tree->members[tree->n++] = (struct member){.pid = (pid_t)child};
    }
    if (tree->n == first) return;
    snprintf(path, sizeof path, "/proc/%d/task/%.10s/stat", (int)pid, task);
    tree->members[tree->n - 1].vforked = read_stat(path, &stat) && stat.state == 'D';
}

/* Number of threads; their children go to the end of the tree. */
static int64_t look_at_threads(struct tree *tree, pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL) return 1;
    int64_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        n++;
        add_children(tree, pid, entry->d_name);
    }
    closedir(dir);
    return n;
}

static int64_t resident_bytes(pid_t pid) {
    char path[64], text[128];
    long long size, resident;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    read_text(path, text, sizeof text);
    if (sscanf(text, "%lld %lld", &size, &resident) != 2) return 0;
    return resident * sysconf(_SC_PAGESIZE);
}

/* Its share of what it holds that is no file: pages in n processes count a nth in each. -1: not
 * told. */
static int64_t proportional_bytes(pid_t pid) {
    static const char *const keys[] = {"\nPss_Anon:", "\nPss_Shmem:"};
    char path[64], text[2048];
    int64_t bytes = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    read_text(path, text, sizeof text);
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(text, keys[i]);
        if (at == NULL) return -1;
        bytes += strtoll(at + strlen(keys[i]), NULL, 10) << 10;
    }
    return bytes;
}

/* Adds its time; whether it has executed a program since it was forked. */
static bool look_at_stat(pid_t pid, bool itself, int64_t *cpu_ms) {
    char path[64];
    struct stat_text stat;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_stat(path, &stat)) return false;
    const unsigned long long ticks = stat.ticks_below + (itself ? stat.ticks : 0);
    *cpu_ms += (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
    return stat.executed;
}

static int64_t memory_of(const struct tree *tree, int first, bool exact) {
    int64_t bytes = 0;
    for (int i = first; i < tree->n; i++) {
        const struct member *m = &tree->members[i];
        if (m->vforked && !m->executed) continue;
        const int64_t share = exact ? proportional_bytes(m->pid) : -1;
        bytes += share >= 0 ? share : resident_bytes(m->pid);
    }
    return bytes;
}

void tree_look(pid_t root, bool with_root, int64_t exact_over_bytes, struct tree_use *out) {
    struct tree tree = {.n = 1};
    const int first = with_root ? 0 : 1;
    tree.members[0].pid = root;
    *out = (struct tree_use){0};
    for (int i = 0; i < tree.n; i++) {
        struct member *m = &tree.members[i];
        const int64_t n_threads = look_at_threads(&tree, m->pid);
        m->executed = look_at_stat(m->pid, i >= first, &out->cpu_ms);
        if (i >= first) out->n_processes += n_threads;
    }
    /* the program's own process is a copy of this one until it has begun */
    if (tree.n <= first || !tree.members[first].executed) return;
    out->memory_bytes = memory_of(&tree, first, false);
    if (out->memory_bytes > exact_over_bytes) out->memory_bytes = memory_of(&tree, first, true);
}
