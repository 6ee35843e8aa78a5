/* SPDX-License-Identifier: Apache-2.0
 * Runs a program that nobody vouches for, such as one that a language model wrote, so that nothing
 * of it reaches the machine: no network, no files but the system's own (read-only) and one small
 * folder that is gone afterwards, limits on all it can use up, and no process that outlives the
 * call. How it is held depends on what the machine allows: base/sandbox/methods.def.
 * Read next: docs/sandbox.md, which says what holds what, and what is not held. */
#ifndef COTRAIN_BASE_SANDBOX_H
#define COTRAIN_BASE_SANDBOX_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A field of 0 is the preset of base/sandbox/limits.def; over the highest there is ERR_RANGE. */
struct sandbox_limits {
#define LIMIT(name, word, field, preset, highest, meaning) int64_t field;
#include "base/sandbox/limits.def"
#undef LIMIT
};

/* Which limit ended it. SANDBOX_WITHIN: none; the program ended by itself. A program that is
 * refused something before the sandbox has noticed that a limit is reached (an allocation larger
 * than all its memory, a thread too many) sees the refusal itself, and how it ends is then its
 * own doing. */
enum sandbox_limit {
    SANDBOX_WITHIN,
#define LIMIT(name, word, field, preset, highest, meaning) SANDBOX_##name,
#include "base/sandbox/limits.def"
#undef LIMIT
    SANDBOX_LIMIT_COUNT
};
const char *sandbox_limit_name(enum sandbox_limit limit); /* "none", "time", "memory", ... */

enum { SANDBOX_MAX_FILES = 64, SANDBOX_MAX_ARGUMENTS = 4096, SANDBOX_MAX_ARGUMENT_BYTES = 1 << 20 };

struct sandbox_file {
    const char *name; /* one part of a path; twice the same is refused */
    const void *data;
    size_t size_bytes;
    bool executable;
};

struct sandbox_options {
    /* Ends with NULL. argv[0] without a slash is looked for in /usr/local/bin, /usr/bin and /bin;
     * "./name" is one of the files, marked executable. */
    const char *const *argv;
    const void *input; /* its standard input */
    size_t input_bytes;
    const struct sandbox_file *files; /* in its working folder, /tmp inside */
    size_t n_files;
    struct sandbox_limits limits;
    const char *method; /* NULL: the first that works here */
    /* Run it even where nothing can hold it: only time, CPU, memory, file size and output are then
     * limited, and the program reaches whatever this process reaches. */
    bool unsafe;
};

struct sandbox_result {
    const char *method; /* its name; static */
    enum sandbox_limit limit;
    /* What it ended by: `signal` when not 0, else `exit_status`. bubblewrap tells an end by signal
     * only as an exit status of 128 + signal, so these are read as signals there. */
    int exit_status, signal;
    struct str out, error;   /* standard output and error, each cut at limits.output_bytes */
    int64_t wall_ms, cpu_ms; /* cpu_ms: as far as it was seen before the end */
};

/* Returns when the program and all that it started are gone. That the program failed or ran into
 * a limit is no error; `result` says so (exit status 127: it could not be started).
 * ERR_UNSUPPORTED: nothing here can hold a program (the message says why, the hint what to do);
 * ERR_MISSING: no such program; ERR_RANGE, ERR_LIMIT, ERR_EXISTS: what is asked for. Any number
 * may run at once, in as many threads. If this process dies, by whatever signal, everything that
 * it runs contained dies with it. After an error the result is empty; otherwise release it. */
MUST_CHECK err sandbox_run(const struct sandbox_options *options, struct sandbox_result *result);
void sandbox_result_release(struct sandbox_result *result);

/* How programs are held on this machine, found out by running one; ERR_UNSUPPORTED as above. */
MUST_CHECK err sandbox_describe(struct str *out);

/* The table of methods. */
struct sandbox_method_row {
    const char *name, *summary;
    bool contains; /* false: for `unsafe` only */
};
extern const struct sandbox_method_row sandbox_methods[];
extern const int n_sandbox_methods;

#endif
