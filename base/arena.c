/* SPDX-License-Identifier: Apache-2.0
 * Arena of chunks. A chunk holds many small blocks; a block larger than a quarter of a chunk gets a
 * chunk of its own, so little is wasted.
 * Read next: base/arena.h, the contract. */
#include "base/arena.h"

#include "base/mem.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 16384, ALIGN_BYTES = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(ALIGN_BYTES) char data[];
};

static struct arena_chunk *chunk_new(size_t bytes) {
    if (bytes > SIZE_MAX - sizeof(struct arena_chunk)) {
        (void)fail(ERR_MEMORY, "an allocation of %zu bytes is too large", bytes);
        return NULL;
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
        struct arena_chunk *fresh = chunk_new(wanted);
        if (fresh == NULL) return NULL;
        if (wanted == bytes && c != NULL) { /* a large block goes behind the chunk in use */
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
}

void arena_release(struct arena *a) {
    for (struct arena_chunk *c = a->chunks, *next; c != NULL; c = next) {
        next = c->next;
        mem_free(c);
    }
    a->chunks = NULL;
}
