/* SPDX-License-Identifier: Apache-2.0
 * Arena of chunks. A chunk holds many small blocks; a block larger than a quarter of a chunk gets a
 * chunk of its own, so little is wasted.
 * Read next: base/arena.h, the contract. */
#include "base/arena.h"

#include "base/fault.h"
#include "base/file_int.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16384, ALIGN_BYTES = 16, PAGE_BYTES = 4096 };
enum { FILE_CHUNK_MIN = 1 << 16, FILE_CHUNK_MAX = 1 << 26 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    size_t mapped_bytes; /* of the chunk's mapping; 0: it is memory */
    _Alignas(ALIGN_BYTES) char data[];
};

struct arena_file {
    int fd;
    off_t used_bytes;
    char *dir;
};

err arena_use_file(struct arena *a, const char *dir) {
    struct arena_file *file = mem_zalloc(1, sizeof *file);
    BUG_IF(a->file != NULL);
    if (file == NULL) return ERR_MEMORY;
    file->dir = mem_strdup(dir);
    err e = file->dir != NULL ? file_nameless(dir, &file->fd) : ERR_MEMORY;
    if (e == ERR_OK) {
        a->file = file;
        return ERR_OK;
    }
    mem_free(file->dir);
    mem_free(file);
    return e;
}

static void file_close(struct arena_file *file) {
    if (file == NULL) return;
    close(file->fd);
    mem_free(file->dir);
    mem_free(file);
}

/* Chunks double with the file, so that a small one stays small and a large one has few of them. */
static size_t file_chunk_bytes(const struct arena_file *file, size_t wanted) {
    size_t bytes = (size_t)file->used_bytes;
    if (bytes < FILE_CHUNK_MIN) bytes = FILE_CHUNK_MIN;
    if (bytes > FILE_CHUNK_MAX) bytes = FILE_CHUNK_MAX;
    if (bytes < wanted) bytes = wanted;
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static struct arena_chunk *chunk_in_file(struct arena_file *file, size_t bytes) {
    size_t mapped = file_chunk_bytes(file, sizeof(struct arena_chunk) + bytes);
    int why =
        fault_now(FAULT_IO) ? ENOSPC : posix_fallocate(file->fd, file->used_bytes, (off_t)mapped);
    void *at = MAP_FAILED;
    if (why == 0) {
        at = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, file->used_bytes);
        why = errno;
    }
    if (at == MAP_FAILED) {
        err e = fail_errno(ERR_IO, why, "cannot keep %zu MB of texts in '%s'",
                           ((size_t)file->used_bytes + mapped) >> 20, file->dir);
        (void)fail_hint(e, "free some space and run the same command again");
        return NULL;
    }
    struct arena_chunk *c = at;
    file->used_bytes += (off_t)mapped;
    c->mapped_bytes = mapped;
    c->size = mapped - sizeof *c;
    return c;
}

static struct arena_chunk *chunk_new(struct arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        (void)fail(ERR_MEMORY, "an allocation of %zu bytes is too large", bytes);
        return NULL;
    }
    if (a->file != NULL) {
        /* The one before is full: its pages are the file's now. */
        struct arena_chunk *full = a->chunks;
        if (full != NULL && full->mapped_bytes > 0)
            madvise(full, full->mapped_bytes, MADV_DONTNEED);
        return chunk_in_file(a->file, bytes);
    }
    struct arena_chunk *c = mem_zalloc(1, sizeof *c + bytes);
    if (c != NULL) c->size = bytes;
    return c;
}

void *arena_alloc(struct arena *a, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)(ALIGN_BYTES - 1), &bytes)) {
        (void)fail(ERR_MEMORY, "an allocation of %zu times %zu bytes is too large", n, size);
        return NULL;
    }
    bytes &= ~(size_t)(ALIGN_BYTES - 1);
    struct arena_chunk *c = a->chunks;
    if (c == NULL || c->size - c->used < bytes) {
        size_t wanted = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
        struct arena_chunk *fresh = chunk_new(a, wanted);
        if (fresh == NULL) return NULL;
        if (wanted == bytes && c != NULL &&
            fresh->mapped_bytes == 0) { /* a large block goes behind the chunk in use */
            fresh->next = c->next;
            c->next = fresh;
        } else {
            fresh->next = c;
            a->chunks = fresh;
        }
        c = fresh;
    }
    void *p = c->data + c->used;
    c->used += bytes;
    return p;
}

char *arena_strndup(struct arena *a, const char *text, size_t n) {
    char *copy = arena_alloc(a, n + 1, 1);
    if (copy != NULL) memcpy(copy, text, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *text) {
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(a, (size_t)n + 1, 1);
    if (text != NULL) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

void arena_join(struct arena *to, struct arena *from) {
    struct arena_chunk **end = &to->chunks;
    while (*end != NULL) end = &(*end)->next;
    *end = from->chunks;
    from->chunks = NULL;
    file_close(from->file); /* mappings stay */
    from->file = NULL;
}

void arena_release(struct arena *a) {
    for (struct arena_chunk *c = a->chunks, *next; c != NULL; c = next) {
        next = c->next;
        if (c->mapped_bytes > 0)
            munmap(c, c->mapped_bytes);
        else
            mem_free(c);
    }
    a->chunks = NULL;
    file_close(a->file);
    a->file = NULL;
}
