/* SPDX-License-Identifier: Apache-2.0
 * Arena: many small allocations with one lifetime, released together. Grows in chunks from
 * base/mem. For parse trees, names and tables; the planned memory of a run is compute/plan.h.
 * Blocks live until arena_release; there is no freeing of one. */
#ifndef COTRAIN_BASE_ARENA_H
#define COTRAIN_BASE_ARENA_H

#include "base/err.h"
#include <stddef.h>

struct arena {
    struct arena_chunk *chunks;
    struct arena_file *file; /* NULL: chunks are memory */
};

/* For more than should stay in memory: from now on blocks lie in a file of the folder `dir` that
 * has no name (it is gone when the process ends, however it ends), mapped, so that their pages
 * leave memory where that is short and come back when they are read. Room on the disk is taken a
 * chunk at a time, before it is used; where there is none, arena_alloc fails and has recorded
 * ERR_IO. */
MUST_CHECK err arena_use_file(struct arena *a, const char *dir);

/* A zeroed struct arena is ready. NULL results have recorded ERR_MEMORY. Memory is zeroed. */
void *arena_alloc(struct arena *a, size_t n, size_t size) __attribute__((warn_unused_result));
char *arena_strdup(struct arena *a, const char *text) __attribute__((warn_unused_result));
char *arena_strndup(struct arena *a, const char *text, size_t n)
    __attribute__((warn_unused_result));
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3)
    __attribute__((warn_unused_result));
/* Hands every block of `from` over to `to`; `from` is empty then. */
void arena_join(struct arena *to, struct arena *from);
void arena_release(struct arena *a);

#endif
