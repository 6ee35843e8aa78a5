/* SPDX-License-Identifier: Apache-2.0
 * Writes files as torch.save does, and files as no honest program would: a ZIP archive of stored
 * entries, and a pickle put together opcode by opcode. Written from the formats' descriptions, not
 * from the reader, so that reader and writer do not share their mistakes.
 * Read next: tests/unit/model/test_torch.c. */
#ifndef COTRAIN_TESTS_UNIT_MODEL_TORCH_WRITER_H
#define COTRAIN_TESTS_UNIT_MODEL_TORCH_WRITER_H

#include "base/str.h"
#include "compute/dtype.h"
#include "model/formats/zip.h"
#include "tests/unit/test.h"

static inline void put(struct str *s, const void *bytes, size_t n) {
    assert_ok(str_append(s, bytes, n));
}

static inline void put_number(struct str *s, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++, value >>= 8) put(s, &(char){(char)value}, 1);
}

/* A ZIP archive while it is written. */
struct zip_writer {
    struct str bytes, directory;
    uint64_t n;
    uint64_t method, flags; /* of the entries that follow */
    bool zip64;             /* sizes and places in zip64 fields */
};

static inline void zip_writer_release(struct zip_writer *z) {
    str_release(&z->bytes);
    str_release(&z->directory);
}

/* An entry whose data begins at a multiple of 64, as torch.save has it. */
static inline void zip_put(struct zip_writer *z, const char *name, const void *data, size_t n) {
    const uint64_t at = z->bytes.len, crc = zip_crc32(data, n), size = z->zip64 ? 0xffffffff : n;
    const size_t wide = z->zip64 ? 20 : 0;
    const size_t begin = at + 30 + strlen(name) + wide + 4, padding = (64 - begin % 64) % 64;
    const bool streamed = z->flags & 8;
    put(&z->bytes, "PK\3\4", 4);
    put_number(&z->bytes, 45, 2);
    put_number(&z->bytes, z->flags, 2);
    put_number(&z->bytes, z->method, 2);
    put_number(&z->bytes, 0, 4); /* time and date */
    put_number(&z->bytes, streamed ? 0 : crc, 4);
    put_number(&z->bytes, streamed ? 0 : size, 4);
    put_number(&z->bytes, streamed ? 0 : size, 4);
    put_number(&z->bytes, strlen(name), 2);
    put_number(&z->bytes, wide + 4 + padding, 2);
    put(&z->bytes, name, strlen(name));
    if (wide) {
        put_number(&z->bytes, 1, 2);
        put_number(&z->bytes, 16, 2);
        put_number(&z->bytes, n, 8);
        put_number(&z->bytes, n, 8);
    }
    put(&z->bytes, "FB", 2);
    put_number(&z->bytes, padding, 2);
    for (size_t i = 0; i < padding; i++) put(&z->bytes, "Z", 1);
    put(&z->bytes, data, n);

    put(&z->directory, "PK\1\2", 4);
    put_number(&z->directory, 45, 2);
    put_number(&z->directory, 45, 2);
    put_number(&z->directory, z->flags, 2);
    put_number(&z->directory, z->method, 2);
    put_number(&z->directory, 0, 4);
    put_number(&z->directory, crc, 4);
    put_number(&z->directory, size, 4);
    put_number(&z->directory, size, 4);
    put_number(&z->directory, strlen(name), 2);
    put_number(&z->directory, z->zip64 ? 28 : 0, 2);
    put_number(&z->directory, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
    put_number(&z->directory, z->zip64 ? 0xffffffff : at, 4);
    put(&z->directory, name, strlen(name));
    if (z->zip64) {
        put_number(&z->directory, 1, 2);
        put_number(&z->directory, 24, 2);
        put_number(&z->directory, n, 8);
        put_number(&z->directory, n, 8);
        put_number(&z->directory, at, 8);
    }
    z->n++;
}

/* Directory and end records; the archive is z->bytes then. */
static inline void zip_end(struct zip_writer *z) {
    const uint64_t at = z->bytes.len, bytes = z->directory.len;
    put(&z->bytes, z->directory.data, z->directory.len);
    const uint64_t end64 = z->bytes.len;
    if (z->zip64) {
        put(&z->bytes, "PK\6\6", 4);
        put_number(&z->bytes, 44, 8);
        put_number(&z->bytes, 45, 2);
        put_number(&z->bytes, 45, 2);
        put_number(&z->bytes, 0, 8);
        put_number(&z->bytes, z->n, 8);
        put_number(&z->bytes, z->n, 8);
        put_number(&z->bytes, bytes, 8);
        put_number(&z->bytes, at, 8);
        put(&z->bytes, "PK\6\7", 4);
        put_number(&z->bytes, 0, 4);
        put_number(&z->bytes, end64, 8);
        put_number(&z->bytes, 1, 4);
    }
    put(&z->bytes, "PK\5\6", 4);
    put_number(&z->bytes, 0, 4);
    put_number(&z->bytes, z->zip64 ? 0xffff : z->n, 2);
    put_number(&z->bytes, z->zip64 ? 0xffff : z->n, 2);
    put_number(&z->bytes, z->zip64 ? 0xffffffff : bytes, 4);
    put_number(&z->bytes, z->zip64 ? 0xffffffff : at, 4);
    put_number(&z->bytes, 0, 2);
}

/* Opcodes of a pickle. */
static inline void pickle_string(struct str *s, const char *text) {
    put(s, "X", 1);
    put_number(s, strlen(text), 4);
    put(s, text, strlen(text));
}

static inline void pickle_int(struct str *s, int64_t value) {
    if (value == (int32_t)value) {
        put(s, "J", 1);
        put_number(s, (uint64_t)value, 4);
    } else {
        put(s, "\x8a\x08", 2);
        put_number(s, (uint64_t)value, 8);
    }
}

static inline void pickle_global(struct str *s, const char *module, const char *name) {
    assert_ok(str_printf(s, "c%s\n%s\n", module, name));
}

static inline void pickle_ints(struct str *s, int64_t n, const int64_t *values) {
    put(s, "(", 1);
    for (int64_t i = 0; i < n; i++) pickle_int(s, values[i]);
    put(s, "t", 1);
}

/* A view of the storage `key`, which has `count` elements. */
struct view {
    const char *storage; /* "FloatStorage" */
    const char *key;
    int64_t count, offset;
    int64_t n_dims, shape[10], stride[10];
};

static inline void pickle_tensor(struct str *s, const struct view *v) {
    pickle_global(s, "torch._utils", "_rebuild_tensor_v2");
    put(s, "((", 2);
    pickle_string(s, "storage");
    pickle_global(s, "torch", v->storage);
    pickle_string(s, v->key);
    pickle_string(s, "cpu");
    pickle_int(s, v->count);
    put(s, "tQ", 2);
    pickle_int(s, v->offset);
    pickle_ints(s, v->n_dims, v->shape);
    pickle_ints(s, v->n_dims, v->stride);
    put(s, "\x89", 1); /* it needs no gradient */
    pickle_global(s, "collections", "OrderedDict");
    put(s, ")RtR", 4);
}

/* A whole file while it is written: the pickle grows in `pickle`, storages go to the archive. */
struct torch_writer {
    struct zip_writer zip;
    struct str pickle;
    int n_storages;
};

static inline void torch_begin(struct torch_writer *w) {
    *w = (struct torch_writer){.zip.flags = 0x0808};
    put(&w->pickle, "\x80\x02", 2);
}

static inline const char *torch_storage_name(enum dtype dtype) {
    static const char *const names[DTYPE_COUNT] = {
        [DTYPE_F32] = "FloatStorage", [DTYPE_BF16] = "BFloat16Storage",
        [DTYPE_F16] = "HalfStorage",  [DTYPE_F64] = "DoubleStorage",
        [DTYPE_I64] = "LongStorage",  [DTYPE_I32] = "IntStorage",
        [DTYPE_U8] = "ByteStorage",   [DTYPE_I8] = "CharStorage",
        [DTYPE_BOOL] = "BoolStorage"};
    return names[dtype];
}

/* A storage of its own, and the tensor that is the whole of it. */
static inline void torch_put_tensor(struct torch_writer *w, enum dtype dtype, int64_t n_dims,
                                    const int64_t *shape, const void *data) {
    char key[16], name[32];
    struct view v = {.storage = torch_storage_name(dtype), .key = key, .count = 1};
    snprintf(key, sizeof key, "%d", w->n_storages++);
    snprintf(name, sizeof name, "archive/data/%s", key);
    v.n_dims = n_dims;
    for (int64_t i = n_dims - 1; i >= 0; i--) {
        v.shape[i] = shape[i];
        v.stride[i] = v.count;
        v.count *= shape[i];
    }
    pickle_tensor(&w->pickle, &v);
    zip_put(&w->zip, name, data, (size_t)(v.count * dtype_bytes(dtype)));
}

/* Ends the pickle and writes the file. */
static inline void torch_end(struct torch_writer *w, const char *path) {
    put(&w->pickle, ".", 1);
    zip_put(&w->zip, "archive/data.pkl", w->pickle.data, w->pickle.len);
    zip_put(&w->zip, "archive/byteorder", "little", 6);
    zip_put(&w->zip, "archive/version", "3\n", 2);
    zip_put(&w->zip, "archive/.data/serialization_id", "0123456789", 10);
    zip_end(&w->zip);
    assert_ok(file_write(path, w->zip.bytes.data, w->zip.bytes.len));
    zip_writer_release(&w->zip);
    str_release(&w->pickle);
}

#endif
