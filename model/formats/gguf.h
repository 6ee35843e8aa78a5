/* SPDX-License-Identifier: Apache-2.0
 * What a GGUF file says of itself: typed key-values and a list of tensors, read from bytes that
 * nobody vouches for. Every count, length, offset and dimension is held against the bytes that are
 * there before it is used. Facts, all little-endian: "GGUF", u32 version, u64 tensors, u64 keys;
 * a key is a string, a u32 type and a value; a tensor is its name, u32 dimensions, the dimensions
 * from the innermost outwards as u64, a u32 type of storage and a u64 offset into the data, which
 * begins at the next multiple of general.alignment (32). A string is a u64 length and its bytes.
 * Source: the published description of the container (ggml's docs/gguf.md).
 * Read next: model/formats/gguf.c, which makes a set of tensors of it; gguf_storage.h. */
#ifndef COTRAIN_MODEL_FORMATS_GGUF_H
#define COTRAIN_MODEL_FORMATS_GGUF_H

#include "base/arena.h"
#include "base/err.h"
#include "model/formats/gguf_storage.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GGUF_VERSION = 3,
    GGUF_MIN_VERSION = 2, /* the same layout; version 1 had shorter lengths */
    GGUF_ALIGNMENT = 32,
    GGUF_MAX_ALIGNMENT = 1 << 20,
    GGUF_MAX_TENSORS = 100000,
    GGUF_MAX_KEYS = 10000,
    GGUF_MAX_NAME_BYTES = 1000, /* of a key or a tensor */
    GGUF_MAX_DIMS = 4,
};

/* As numbered in files. */
enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPE_COUNT
};

struct gguf_key {
    const char *name;
    enum gguf_type type; /* of the value, or of each element of an array */
    bool array;
    uint64_t n;          /* elements of an array; else 1 */
    const uint8_t *data; /* where the value lies in the file; a string's own bytes */
    uint64_t bytes;      /* of `data` */
};

struct gguf_tensor {
    const char *name;
    const struct gguf_storage *storage;
    int n_dims;
    int64_t dims[GGUF_MAX_DIMS]; /* innermost first, as in the file */
    int64_t count;
    uint64_t offset;     /* into the data */
    const uint8_t *data; /* in the file */
    uint64_t bytes;
};

struct gguf {
    struct arena arena;
    uint32_t version;
    struct gguf_key *keys; /* sorted by name */
    int64_t n_keys;
    struct gguf_tensor *tensors; /* in the order of their data */
    int64_t n_tensors;
};

/* Reads `n` bytes of a file, to which the result points from then on. Tensors must follow one
 * another with nothing but padding between and behind. On failure nothing needs releasing. */
MUST_CHECK err gguf_parse(struct gguf *g, const uint8_t *bytes, size_t n);
void gguf_release(struct gguf *g);
/* The key of that name, or NULL. */
const struct gguf_key *gguf_find(const struct gguf *g, const char *name);
/* A value by name and kind. An absent one is ERR_MISSING, another kind ERR_PARSE, both naming it.
 * Any whole-number type serves for an int, and any floating one for a number. */
MUST_CHECK err gguf_need_string(const struct gguf *g, const char *name, const char **out,
                                size_t *out_n);
MUST_CHECK err gguf_need_int(const struct gguf *g, const char *name, int64_t *out);
MUST_CHECK err gguf_need_number(const struct gguf *g, const char *name, double *out);

#endif
