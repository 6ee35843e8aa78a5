/* SPDX-License-Identifier: Apache-2.0
 * Writing safetensors: atomic and streaming. Facts: a u64 little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}} padded with spaces to 8, then raw data.
 * Reading is through model/formats/tensor_file.h, as for every format. */
#ifndef COTRAIN_MODEL_FORMATS_SAFETENSORS_H
#define COTRAIN_MODEL_FORMATS_SAFETENSORS_H

#include "model/formats/tensor_file.h"

/* Hands out the data of a tensor whose `data` is NULL, whole or, where `piece` is given, piece by
 * piece; the bytes stay valid until the next call. */
struct tensor_source {
    err (*data)(void *ctx, const struct tensor *t, const void **out);
    void *ctx;
    /* Elements [begin, begin + *n); on entry *n is all that is left, it may make that less. */
    err (*piece)(void *ctx, const struct tensor *t, int64_t begin, int64_t *n, const void **out);
};

/* Writes one file with metadata {"format":"pt"}; tensors in the order given; same input, same
 * bytes. */
MUST_CHECK err safetensors_write(const char *path, const struct tensor *tensors, int64_t n);
/* Writes DIR/STEM.safetensors, or numbered shards with an index when over shard_bytes (0: never).
 * `source` (may be NULL) is asked for the data of tensors that have none, one at a time, in
 * order. */
MUST_CHECK err safetensors_write_dir(const char *dir, const char *stem,
                                     const struct tensor *tensors, int64_t n, int64_t shard_bytes,
                                     const struct tensor_source *source);

#endif
