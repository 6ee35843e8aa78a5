/* SPDX-License-Identifier: Apache-2.0
 * What this machine has, as far as the program cares: cores, vector units, memory, disk; and what
 * this process holds of it. Asked of the system each time; nothing is kept.
 * Read next: cli/cmd_doctor.c, which shows it, and cli/memory.h. */
#ifndef COTRAIN_CLI_MACHINE_H
#define COTRAIN_CLI_MACHINE_H

#include "base/json.h"
#include <stdbool.h>
#include <stdint.h>

struct machine {
    int64_t n_cores, n_threads; /* online; used by this program */
    char processor[128];        /* "" when the system does not tell */
    const char *vectors;        /* "avx2 fma avx512f", "neon", "" */
    bool fast_products;         /* the vector units that the fast products are made for */
    int64_t memory_bytes, memory_free_bytes;
    int64_t disk_free_bytes; /* where the program was started */
};
/* Numbers that the system does not tell are -1. */
MUST_CHECK err machine_look(struct machine *out);
/* Which program on which machine, for the record of a run: {"program", "compiler", "system",
 * "processor", "vectors", "cores", "threads", "memory_bytes"}. No name of a host or a person is in
 * it. The caller json_decref()s. */
MUST_CHECK err machine_json(json_t **out);
/* Bytes that a program may still take: what is available, of the machine and of the group that the
 * process is in (cgroup v1 or v2); -1 when nothing tells. */
MUST_CHECK err machine_memory_left(int64_t *out);

/* Of /proc/self/status; zero where that is not. */
struct process_memory {
    int64_t anonymous_bytes;     /* not of a file: what was allocated and touched */
    int64_t peak_resident_bytes; /* the most that was in memory at a time, mapped files too */
};
MUST_CHECK err process_memory(struct process_memory *out);

#endif
