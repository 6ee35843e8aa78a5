/* SPDX-License-Identifier: Apache-2.0
 * One contained run from the inside: what the methods, the watch and sandbox_run share.
 * A method starts the program up to the point where only its go-ahead is missing; the rest (limits
 * from outside, output, the end) is the same for all.
 * Read next: base/sandbox/namespaces.c. */
#ifndef COTRAIN_BASE_SANDBOX_BOX_INT_H
#define COTRAIN_BASE_SANDBOX_BOX_INT_H

#include "base/sandbox.h"

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
    BOX_INSIDE_ID = 1000,  /* user and group inside */
    BOX_NOBODY_ID = 65534, /* outside, when this process is root: root is never handed in */
    N_FOLDER_VARIABLES = 3,
    BOX_PAGE_BYTES = 4096,  /* what tmpfs counts in, everywhere at least */
    BOX_SPARE_PROCESSES = 8 /* so that one too many is seen before it is refused */
};

/* Written both by the kernel and by us: read end first. */
struct channel {
    int read, write;
};

struct filter {
    const struct sock_filter *code;
    unsigned short n;
};
/* Made once and kept. ERR_UNSUPPORTED when built without libseccomp. */
MUST_CHECK err filter_get(struct filter *out);

struct box {
    const struct sandbox_options *options;
    struct sandbox_limits limits;
    const struct sandbox_method *method;
    struct sandbox_result *result;
    char *program;                       /* path of argv[0] inside */
    char **env;                          /* ends with NULL */
    char *variables[N_FOLDER_VARIABLES]; /* those of env that name its folder */
    char *folder;                        /* unsafe: its working folder on the host */
    int input;                           /* sealed */
    struct channel out, error;           /* the program's */
    struct channel status, go;           /* from and to what holds it */
    pid_t child, root;                   /* our child; the process whose tree is the program's */
    int child_fd, root_fd;               /* of these; root_fd may be child_fd */
    int folder_fd;                       /* its folder's file system, or -1 */
    int n_over_memory;                   /* looks in a row that saw too much memory */
    struct filter filter;                /* of system calls */
    bool reaped;
    int wait_status;
};

/* Takes over what is asked for: limits, arguments, files, program. */
MUST_CHECK err box_check(struct box *b);

struct sandbox_method {
    /* Sets child, child_fd, root and root_fd, and returns with everything in place but the program,
     * which waits for a byte through `go`. After an error whoever calls ends the child. */
    err (*start)(struct box *b);
    /* Fills exit_status and signal of the result once the child is reaped. */
    err (*end)(struct box *b);
    bool root_is_program; /* else the root only holds it */
};

/* What stands in the sandbox beside /proc and /tmp (base/sandbox/places.def). */
enum place_kind { PLACE_FOLDER, PLACE_SHOWN, PLACE_DEVICE, PLACE_LINK };
struct place {
    enum place_kind kind;
    const char *path, *target;
};
extern const struct place places[];
extern const int n_places;
/* Of a row on this host: the link's target in `target`, or false: there is nothing. Safe in a
 * child. */
bool place_look(const struct place *place, enum place_kind *kind, char *target, size_t size);

/* The kernel's own limits of one process. */
struct box_rlimit {
    int resource;
    struct rlimit value;
};
enum { BOX_MAX_RLIMITS = 12 };
MUST_CHECK err box_check_kernel(void); /* that these hold in a sandbox */
int box_rlimits(const struct sandbox_limits *limits, bool contained, struct box_rlimit *out);
/* pid 0: of the caller. False with errno. Safe in a child. */
bool box_set_rlimits(pid_t pid, const struct box_rlimit *limits, int n);
int64_t box_folder_bytes(const struct sandbox_limits *limits); /* whole pages */
int64_t box_folder_files(const struct sandbox_limits *limits);
/* A file in memory, read from its start (-1: failed, recorded). */
int box_memory_file(const void *data, size_t n);

/* As a shell tells it: exit status 127, and the reason on standard error. */
MUST_CHECK err box_not_started(struct box *b, int errno_value);

/* What only the child needs; once it has its own. */
void box_close_child_ends(struct box *b);

/* Follows the program until its child has ended. Fills limit, out, error and wall_ms. */
MUST_CHECK err box_watch(struct box *b);
void box_end(const struct box *b);            /* kills all of it, and waits for that */
bool box_folder_is_full(const struct box *b); /* of bytes or of files */

/* What a tree of processes uses now. `exact_over_bytes`: memory that may be shared between
 * processes is counted once where counting it in each would give more than that. */
struct tree_use {
    int64_t n_processes, cpu_ms, memory_bytes;
};
void tree_look(pid_t root, bool with_root, int64_t exact_over_bytes, struct tree_use *out);

/* In and for children of a process with several threads: between clone and exec nothing but system
 * calls, on memory that was prepared before. */
pid_t child_clone(unsigned long flags,
                  int *out_pidfd);             /* as fork; signals are blocked in the child */
void child_place_descriptors(int *fds, int n); /* these become 0 .. n - 1; all others are closed */
void child_reset_signals(void);
bool child_become_nobody(void);

#endif
