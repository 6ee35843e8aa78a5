/* SPDX-License-Identifier: Apache-2.0
 * Reading the head of a GGUF file with a cursor that cannot leave the bytes: what is counted is
 * first held against what is left, so neither time nor memory is spent on a lie.
 * Two readers must not see different tensors in the same bytes: names are doubled nowhere, arrays
 * do not nest, and the tensors' data lie one after another with only padding between.
 * Read next: model/formats/gguf.h, the contract. */
#include "base/bytes.h"
#include "base/str.h"
#include "model/formats/gguf.h"
#include <stdlib.h>
#include <string.h>

/* The least that one key, and one tensor, take in a file. */
enum { KEY_MIN_BYTES = 8 + 4 + 1, TENSOR_MIN_BYTES = 8 + 4 + 8 + 4 + 8 };

struct cursor {
    const uint8_t *bytes;
    uint64_t n, at;
};

static err take(struct cursor *c, uint64_t n, const char *what, const uint8_t **out) {
    if (n > c->n - c->at)
        return fail(ERR_PARSE, "%s: %llu bytes at byte %llu of %llu", what, (unsigned long long)n,
                    (unsigned long long)c->at, (unsigned long long)c->n);
    *out = c->bytes + c->at;
    c->at += n;
    return ERR_OK;
}

static err take_u32(struct cursor *c, const char *what, uint32_t *out) {
    const uint8_t *bytes = NULL;
    TRY(take(c, 4, what, &bytes));
    *out = (uint32_t)bytes_get_little(bytes, 4);
    return ERR_OK;
}

static err take_u64(struct cursor *c, const char *what, uint64_t *out) {
    const uint8_t *bytes = NULL;
    TRY(take(c, 8, what, &bytes));
    *out = bytes_get_little(bytes, 8);
    return ERR_OK;
}

static err take_string(struct cursor *c, const char *what, const uint8_t **out, uint64_t *out_n) {
    TRY(take_u64(c, what, out_n));
    return take(c, *out_n, what, out);
}

/* The name of a key or tensor, kept by the arena. */
static err take_name(struct gguf *g, struct cursor *c, const char *what, const char **out) {
    const uint8_t *text = NULL;
    uint64_t n = 0;
    TRY(take_string(c, what, &text, &n));
    if (n > GGUF_MAX_NAME_BYTES)
        return fail(ERR_LIMIT, "%s of %llu bytes, at most %d are read", what, (unsigned long long)n,
                    GGUF_MAX_NAME_BYTES);
    if (!n || memchr(text, 0, n) || utf8_invalid_at((const char *)text, n) >= 0)
        return fail(ERR_PARSE, "%s at byte %llu is no text", what, (unsigned long long)(c->at - n));
    *out = arena_strndup(&g->arena, (const char *)text, n);
    return *out ? ERR_OK : ERR_MEMORY;
}

/* Bytes of a value, 0: not of one size. */
static uint64_t value_bytes(enum gguf_type t) {
    static const uint8_t bytes[GGUF_TYPE_COUNT] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_BOOL] = 1, [GGUF_U16] = 2,
        [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,  [GGUF_F32] = 4,
        [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
    };
    return bytes[t];
}

static err take_type(struct cursor *c, enum gguf_type *out) {
    uint32_t type = 0;
    TRY(take_u32(c, "a value's type", &type));
    if (type >= GGUF_TYPE_COUNT)
        return fail(ERR_UNSUPPORTED, "values of type %u are not known", type);
    *out = (enum gguf_type)type;
    return ERR_OK;
}

static err take_strings(struct cursor *c, uint64_t n, struct gguf_key *k) {
    const uint64_t begin = c->at, left = c->n - c->at;
    if (n > left / 8)
        return fail(ERR_PARSE, "%llu strings in %llu bytes", (unsigned long long)n,
                    (unsigned long long)left);
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *text = NULL;
        uint64_t bytes = 0;
        TRY(take_string(c, "a string", &text, &bytes));
    }
    k->data = c->bytes + begin;
    k->bytes = c->at - begin;
    return ERR_OK;
}

static err take_array(struct cursor *c, struct gguf_key *k) {
    TRY(take_type(c, &k->type));
    TRY(take_u64(c, "an array's length", &k->n));
    k->array = true;
    if (k->type == GGUF_ARRAY) return fail(ERR_UNSUPPORTED, "arrays of arrays are not read");
    if (k->type == GGUF_STRING) return take_strings(c, k->n, k);
    const uint64_t left = c->n - c->at;
    if (k->n > left / value_bytes(k->type))
        return fail(ERR_PARSE, "an array of %llu elements in %llu bytes", (unsigned long long)k->n,
                    (unsigned long long)left);
    k->bytes = k->n * value_bytes(k->type);
    return take(c, k->bytes, "an array", &k->data);
}

static err take_value(struct cursor *c, struct gguf_key *k) {
    TRY(take_type(c, &k->type));
    k->n = 1;
    if (k->type == GGUF_ARRAY) return take_array(c, k);
    if (k->type == GGUF_STRING) return take_string(c, "a string", &k->data, &k->bytes);
    k->bytes = value_bytes(k->type);
    return take(c, k->bytes, "a value", &k->data);
}

static int by_name(const void *a, const void *b) {
    const struct gguf_key *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static err take_keys(struct gguf *g, struct cursor *c) {
    g->keys = arena_alloc(&g->arena, (size_t)g->n_keys + 1, sizeof *g->keys);
    if (!g->keys) return ERR_MEMORY;
    for (int64_t i = 0; i < g->n_keys; i++) {
        struct gguf_key *k = &g->keys[i];
        TRY(take_name(g, c, "a key", &k->name));
        err code = take_value(c, k);
        if (code) return fail_in(code, "key '%s'", k->name);
    }
    qsort(g->keys, (size_t)g->n_keys, sizeof *g->keys, by_name);
    for (int64_t i = 1; i < g->n_keys; i++)
        if (by_name(&g->keys[i - 1], &g->keys[i]) == 0)
            return fail(ERR_PARSE, "key '%s' stands twice", g->keys[i].name);
    return ERR_OK;
}

static err take_dims(struct cursor *c, struct gguf_tensor *t) {
    uint32_t n_dims = 0;
    TRY(take_u32(c, "the dimensions", &n_dims));
    if (n_dims < 1 || n_dims > GGUF_MAX_DIMS)
        return fail(ERR_PARSE, "%u dimensions, allowed are 1 to %d", n_dims, GGUF_MAX_DIMS);
    t->n_dims = (int)n_dims;
    t->count = 1;
    for (uint32_t i = 0; i < n_dims; i++) {
        uint64_t size = 0;
        TRY(take_u64(c, "a dimension", &size));
        if (size < 1 || size > INT64_MAX / sizeof(double) ||
            __builtin_mul_overflow(t->count, (int64_t)size, &t->count) ||
            t->count > INT64_MAX / (int64_t)sizeof(double))
            return fail(ERR_RANGE, "dimension %u of %llu is out of range", i,
                        (unsigned long long)size);
        t->dims[i] = (int64_t)size;
    }
    return ERR_OK;
}

static err take_storage(struct cursor *c, struct gguf_tensor *t) {
    uint32_t number = 0;
    TRY(take_u32(c, "the type of storage", &number));
    t->storage = gguf_storage_numbered(number);
    if (!t->storage) return fail(ERR_UNSUPPORTED, "storage of type %u is not known", number);
    if (!t->storage->block)
        return fail(ERR_UNSUPPORTED, "stored as %s, which is not read", t->storage->name);
    if (t->dims[0] % t->storage->block)
        return fail(ERR_PARSE, "rows of %lld elements are no whole blocks of %s",
                    (long long)t->dims[0], t->storage->name);
    t->bytes = (uint64_t)(t->count / t->storage->block * t->storage->block_bytes);
    return ERR_OK;
}

static err take_tensors(struct gguf *g, struct cursor *c) {
    g->tensors = arena_alloc(&g->arena, (size_t)g->n_tensors + 1, sizeof *g->tensors);
    if (!g->tensors) return ERR_MEMORY;
    for (int64_t i = 0; i < g->n_tensors; i++) {
        struct gguf_tensor *t = &g->tensors[i];
        TRY(take_name(g, c, "a tensor's name", &t->name));
        err code = take_dims(c, t);
        if (!code) code = take_storage(c, t);
        if (!code) code = take_u64(c, "the offset", &t->offset);
        if (code) return fail_in(code, "tensor '%s'", t->name);
    }
    return ERR_OK;
}

static err read_alignment(const struct gguf *g, uint64_t *out) {
    int64_t alignment = GGUF_ALIGNMENT;
    if (gguf_find(g, "general.alignment")) TRY(gguf_need_int(g, "general.alignment", &alignment));
    if (alignment < 1 || alignment > GGUF_MAX_ALIGNMENT || (alignment & (alignment - 1)))
        return fail(ERR_RANGE, "'general.alignment' is %lld, allowed are powers of 2 up to %d",
                    (long long)alignment, GGUF_MAX_ALIGNMENT);
    *out = (uint64_t)alignment;
    return ERR_OK;
}

static uint64_t align_up(uint64_t at, uint64_t alignment) {
    return (at + alignment - 1) & ~(alignment - 1);
}

static int by_offset(const void *a, const void *b) {
    const struct gguf_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The tensors' data cover what follows the head, padded to `alignment`. */
static err place_tensors(struct gguf *g, const struct cursor *c, uint64_t alignment) {
    const uint64_t padding = align_up(c->at, alignment) - c->at;
    const uint64_t begin = padding > c->n - c->at ? c->n : c->at + padding, left = c->n - begin;
    uint64_t at = 0, end = 0;
    qsort(g->tensors, (size_t)g->n_tensors, sizeof *g->tensors, by_offset);
    for (int64_t i = 0; i < g->n_tensors; i++, at = align_up(end, alignment)) {
        struct gguf_tensor *t = &g->tensors[i];
        if (t->offset != at)
            return fail(ERR_PARSE,
                        "tensor '%s': data begins at byte %llu where %llu was expected (%s)",
                        t->name, (unsigned long long)t->offset, (unsigned long long)at,
                        t->offset < at ? "overlap" : "hole");
        if (at > left || t->bytes > left - at)
            return fail(ERR_PARSE, "tensor '%s': data ends at byte %llu of %llu", t->name,
                        (unsigned long long)(at + t->bytes), (unsigned long long)left);
        t->data = c->bytes + begin + at;
        end = at + t->bytes;
    }
    if (left > at)
        return fail(ERR_PARSE, "%llu bytes after the last tensor", (unsigned long long)(left - at));
    return ERR_OK;
}

static int by_tensor_name(const void *a, const void *b) {
    const struct gguf_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static err check_tensor_names(struct gguf *g) {
    const struct gguf_tensor **sorted =
        arena_alloc(&g->arena, (size_t)g->n_tensors + 1, sizeof(struct gguf_tensor *));
    if (!sorted) return ERR_MEMORY;
    for (int64_t i = 0; i < g->n_tensors; i++) sorted[i] = &g->tensors[i];
    qsort(sorted, (size_t)g->n_tensors, sizeof *sorted, by_tensor_name);
    for (int64_t i = 1; i < g->n_tensors; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return fail(ERR_PARSE, "tensor '%s' stands twice", sorted[i]->name);
    return ERR_OK;
}

static err take_count(struct cursor *c, const char *what, uint64_t max, uint64_t min_bytes,
                      int64_t *out) {
    uint64_t n = 0;
    TRY(take_u64(c, what, &n));
    if (n > (c->n - c->at) / min_bytes)
        return fail(ERR_PARSE, "%llu %s in a file of %llu bytes", (unsigned long long)n, what,
                    (unsigned long long)c->n);
    if (n > max)
        return fail(ERR_LIMIT, "%llu %s, at most %llu are read", (unsigned long long)n, what,
                    (unsigned long long)max);
    *out = (int64_t)n;
    return ERR_OK;
}

static err take_head(struct gguf *g, struct cursor *c) {
    const uint8_t *magic = NULL;
    TRY(take(c, 4, "the first bytes", &magic));
    if (memcmp(magic, "GGUF", 4) != 0) return fail(ERR_PARSE, "does not begin with 'GGUF'");
    TRY(take_u32(c, "the version", &g->version));
    if (g->version && !(g->version & 0xffff))
        return fail(ERR_UNSUPPORTED, "big-endian files are not read");
    if (g->version < GGUF_MIN_VERSION || g->version > GGUF_VERSION)
        return fail(ERR_UNSUPPORTED, "version %u, read are %d and %d", g->version, GGUF_MIN_VERSION,
                    GGUF_VERSION);
    TRY(take_count(c, "tensors", GGUF_MAX_TENSORS, TENSOR_MIN_BYTES, &g->n_tensors));
    return take_count(c, "keys", GGUF_MAX_KEYS, KEY_MIN_BYTES, &g->n_keys);
}

static err parse(struct gguf *g, struct cursor *c) {
    uint64_t alignment = 0;
    TRY(take_head(g, c));
    TRY(take_keys(g, c));
    TRY(read_alignment(g, &alignment));
    TRY(take_tensors(g, c));
    TRY(place_tensors(g, c, alignment));
    return check_tensor_names(g);
}

err gguf_parse(struct gguf *g, const uint8_t *bytes, size_t n) {
    struct cursor c = {.bytes = bytes, .n = n};
    *g = (struct gguf){0};
    err code = parse(g, &c);
    if (code) gguf_release(g);
    return code;
}

void gguf_release(struct gguf *g) {
    arena_release(&g->arena);
    *g = (struct gguf){0};
}

const struct gguf_key *gguf_find(const struct gguf *g, const char *name) {
    const struct gguf_key wanted = {.name = name};
    return g->n_keys ? bsearch(&wanted, g->keys, (size_t)g->n_keys, sizeof *g->keys, by_name)
                     : NULL;
}

static err need(const struct gguf *g, const char *name, const struct gguf_key **out) {
    *out = gguf_find(g, name);
    return *out ? ERR_OK : fail(ERR_MISSING, "no key '%s'", name);
}

err gguf_need_string(const struct gguf *g, const char *name, const char **out, size_t *out_n) {
    const struct gguf_key *k = NULL;
    TRY(need(g, name, &k));
    if (k->array || k->type != GGUF_STRING)
        return fail(ERR_PARSE, "key '%s' is not a string", name);
    *out = (const char *)k->data;
    *out_n = (size_t)k->bytes;
    return ERR_OK;
}

err gguf_need_int(const struct gguf *g, const char *name, int64_t *out) {
    const struct gguf_key *k = NULL;
    TRY(need(g, name, &k));
    const bool is_signed =
        k->type == GGUF_I8 || k->type == GGUF_I16 || k->type == GGUF_I32 || k->type == GGUF_I64;
    if (k->array || k->type == GGUF_STRING || k->type == GGUF_BOOL || k->type == GGUF_F32 ||
        k->type == GGUF_F64)
        return fail(ERR_PARSE, "key '%s' is not a whole number", name);
    uint64_t value = bytes_get_little(k->data, (int)k->bytes);
    if (is_signed && k->bytes < 8 && value >> (8 * k->bytes - 1))
        value |= ~UINT64_C(0) << 8 * k->bytes;
    if (!is_signed && value > INT64_MAX)
        return fail(ERR_RANGE, "key '%s' is %llu", name, (unsigned long long)value);
    *out = (int64_t)value;
    return ERR_OK;
}

err gguf_need_number(const struct gguf *g, const char *name, double *out) {
    const struct gguf_key *k = NULL;
    TRY(need(g, name, &k));
    if (k->array || (k->type != GGUF_F32 && k->type != GGUF_F64))
        return fail(ERR_PARSE, "key '%s' is not a floating-point number", name);
    const uint64_t bits = bytes_get_little(k->data, (int)k->bytes);
    if (k->type == GGUF_F32) {
        const uint32_t low = (uint32_t)bits;
        float value;
        memcpy(&value, &low, sizeof value);
        *out = (double)value;
    } else {
        memcpy(out, &bits, sizeof bits);
    }
    return ERR_OK;
}
