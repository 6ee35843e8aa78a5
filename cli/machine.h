/* SPDX-License-Identifier: Apache-2.0
 * What this machine has, as far as the program cares: cores, vector units, memory, disk. Asked of
 * the system each time; nothing is kept. Shown by `cotrain doctor`.
 * Read next: cli/cmd_doctor.c. */
#ifndef COTRAIN_CLI_MACHINE_H
#define COTRAIN_CLI_MACHINE_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct machine {
    int64_t n_cores, n_threads; /* online; used by this program */
    char processor[128];        /* "" when the system does not tell */
    const char *vectors;        /* "avx2 fma avx512f", "neon", "" */
    bool fast_products;         /* the vector units that the fast products are made for */
    int64_t memory_bytes, memory_free_bytes;
    int64_t disk_free_bytes; /* where the program was started */
    bool nvidia_driver;
};
/* Numbers that the system does not tell are -1. */
MUST_CHECK err machine_look(struct machine *out);

#endif
