/* SPDX-License-Identifier: Apache-2.0
 * Host memory: every allocation is counted and can be made to fail (base/fault.h).
 * A NULL return has already recorded ERR_MEMORY with fail(); the caller returns ERR_MEMORY.
 * Sizes multiply checked. Blocks of 64 bytes or more are aligned to 64 (vector loads). */
#ifndef COTRAIN_BASE_MEM_H
#define COTRAIN_BASE_MEM_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
void *mem_zalloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
/* Grows or shrinks; on failure `p` stays valid. */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
/* Room for one more item behind the `n` of a list that doubles: `items` points to the pointer to
 * its first one (NULL: none yet), `capacity` says how many fit. On failure both stay as they are.
 */
MUST_CHECK err mem_grow(void *items, int64_t *capacity, int64_t n, size_t size);
char *mem_strdup(const char *text) __attribute__((malloc, warn_unused_result));
void mem_free(void *p);
/* Nobody needs the contents of the range within a block any more: its whole pages go back to the
 * system until they are written again. What is read there is zero or as it was. */
void mem_forget(void *p, size_t bytes);
/* Gives what was freed, by libraries too, back to the system. */
void mem_trim(void);

struct mem_stats {
    int64_t live_blocks, live_bytes, peak_bytes, calls;
};
struct mem_stats mem_stats(void);
/* The peak is counted anew, from what is live now. */
void mem_peak_restart(void);

#endif
