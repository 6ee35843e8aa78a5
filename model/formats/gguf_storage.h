/* SPDX-License-Identifier: Apache-2.0
 * How a GGUF file holds a tensor's elements: plain numbers, or blocks of 32 along the innermost
 * dimension with one scale each. Every type that ggml numbers is known by name; those with a
 * `block` are read.
 * Source of layouts and rounding: ggml's reference quantisation (block_q8_0, block_q4_0).
 * Read next: model/formats/gguf_storage.c. */
#ifndef COTRAIN_MODEL_FORMATS_GGUF_STORAGE_H
#define COTRAIN_MODEL_FORMATS_GGUF_STORAGE_H

#include "base/err.h"
#include "compute/dtype.h"
#include <stddef.h>
#include <stdint.h>

enum { GGUF_BLOCK = 32 };

struct gguf_storage {
    const char *name; /* "q8_0" */
    uint32_t number;  /* in files */
    int64_t block;    /* elements of a block, 1 for plain numbers; 0: not read */
    int64_t block_bytes;
    enum dtype dtype;   /* of the elements once read */
    uint32_t file_type; /* general.file_type of a file mostly in it */
    /* n elements, whole blocks, to fp32; exact. NULL: the bytes are the elements. */
    void (*decode)(const void *from, int64_t n, float *to);
    /* The other way, in ggml's rounding, from fp32 of any alignment. An element that is not finite,
     * or a block whose scale is beyond f16, is ERR_RANGE naming the element. */
    MUST_CHECK err (*encode)(const void *from, int64_t n, void *to);
};

/* NULL: no type of that number, or name. */
const struct gguf_storage *gguf_storage_numbered(uint32_t number);
const struct gguf_storage *gguf_storage_named(const char *name);

#endif
