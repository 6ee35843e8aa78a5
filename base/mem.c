/* SPDX-License-Identifier: Apache-2.0
 * Counted, failable allocation. A block carries its size in front of it, so that live bytes and the
 * peak are exact; the header is 64 bytes, which keeps the block aligned for vector loads.
 * Read next: base/mem.h, the contract. */
#include "base/mem.h"

#include "base/fault.h"
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER_BYTES = 64, FIRST_CAPACITY = 64 };

static _Atomic int64_t live_blocks, live_bytes, peak_bytes, calls;

static void count(int64_t blocks, int64_t bytes) {
    live_blocks += blocks;
    int64_t now = atomic_fetch_add(&live_bytes, bytes) + bytes;
    int64_t peak = peak_bytes;
    while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now)) continue;
}

static void *allocate(size_t n, size_t size, bool zero) {
    size_t bytes, whole;
    calls++;
    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)HEADER_BYTES, &whole)) {
        (void)fail(ERR_MEMORY, "an allocation of %zu times %zu bytes is too large", n, size);
        return NULL;
    }
    void *memory; /* ends with the last byte asked for, so that a sanitizer sees the one behind */
    if (fault_now(FAULT_MEM) || posix_memalign(&memory, HEADER_BYTES, whole) != 0) {
        (void)fail(ERR_MEMORY, "out of memory (%zu bytes wanted)", bytes);
        return NULL;
    }
    char *block = memory;
    memcpy(block, &bytes, sizeof bytes);
    if (zero) memset(block + HEADER_BYTES, 0, bytes);
    count(1, (int64_t)bytes);
    return block + HEADER_BYTES;
}

static size_t block_bytes(const void *p) {
    size_t bytes;
    memcpy(&bytes, (const char *)p - HEADER_BYTES, sizeof bytes);
    return bytes;
}

void *mem_alloc(size_t n, size_t size) {
    return allocate(n, size, false);
}

void *mem_zalloc(size_t n, size_t size) {
    return allocate(n, size, true);
}

void *mem_resize(void *p, size_t n, size_t size) {
    void *wider = allocate(n, size, false);
    if (wider == NULL || p == NULL) return wider;
    size_t old = block_bytes(p), now = block_bytes(wider);
    memcpy(wider, p, old < now ? old : now);
    mem_free(p);
    return wider;
}

err mem_grow(void *items, int64_t *capacity, int64_t n, size_t size) {
    void *list;
    if (n < *capacity) return ERR_OK;
    const int64_t wider = *capacity > 0 ? 2 * *capacity : FIRST_CAPACITY;
    memcpy(&list, items, sizeof list); /* a pointer of any type */
    list = mem_resize(list, (size_t)wider, size);
    if (list == NULL) return ERR_MEMORY;
    memcpy(items, &list, sizeof list);
    *capacity = wider;
    return ERR_OK;
}

char *mem_strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = mem_alloc(n, 1);
    if (copy != NULL) memcpy(copy, text, n);
    return copy;
}

void mem_free(void *p) {
    if (p == NULL) return;
    count(-1, -(int64_t)block_bytes(p));
    free((char *)p - HEADER_BYTES);
}

void mem_forget(void *p, size_t bytes) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)p + page - 1) / page * page,
                    end = ((uintptr_t)p + bytes) / page * page;
    if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED); /* only advice */
}

void mem_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void mem_peak_restart(void) {
    peak_bytes = live_bytes;
}

struct mem_stats mem_stats(void) {
    return (struct mem_stats){live_blocks, live_bytes, peak_bytes, calls};
}
