/* SPDX-License-Identifier: Apache-2.0
 * safetensors files: memory-mapped reading, atomic streaming writing. Facts: a u64 little-endian
 * header length, a JSON header {name: {dtype, shape, data_offsets}} padded with spaces to 8, then
 * raw data.
 * A header that lies (offsets outside the file, overlaps, holes, wrong sizes, duplicate names) is
 * refused, naming file and tensor. */
#ifndef COTRAIN_MODEL_FORMATS_SAFETENSORS_H
#define COTRAIN_MODEL_FORMATS_SAFETENSORS_H

#include "base/err.h"
#include "compute/dtype.h"
#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_DIMS = 8 };

struct tensor {
    const char *name;
    enum dtype dtype;
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS];
    int64_t count;
    const void *data; /* mapped (not aligned in every file), or the caller's when writing */
};

struct tensor_file; /* one or more mapped files seen as one set of tensors, sorted by name */

MUST_CHECK err tensor_file_open(struct tensor_file **out, const char *path);
/* STEM.safetensors, or the shards of STEM.safetensors.index.json, in a folder; `stem` is "model" or
 * "adapter_model". */
MUST_CHECK err tensor_file_open_dir(struct tensor_file **out, const char *dir, const char *stem);
void tensor_file_close(struct tensor_file *f);
int64_t tensor_file_count(const struct tensor_file *f);
const struct tensor *tensor_file_at(const struct tensor_file *f, int64_t i);
const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name); /* or NULL */
/* As find, but ERR_MISSING or ERR_MISMATCH naming file, tensor, wanted and found shape. */
MUST_CHECK err tensor_file_need(const struct tensor_file *f, const char *name, int n_dims,
                                const int64_t *shape, const struct tensor **out);
/* The file a tensor of `f` came from, for errors. */
const char *tensor_file_path(const struct tensor_file *f, const struct tensor *t);
int64_t tensor_file_bytes(const struct tensor_file *f); /* mapped, all files together */

/* Hands out the data of a tensor whose `data` is NULL; the bytes stay valid until the next call. */
struct tensor_source {
    err (*data)(void *ctx, const struct tensor *t, const void **out);
    void *ctx;
};

/* Writes one file with metadata {"format":"pt"}; tensors in the order given; same input, same
 * bytes. */
MUST_CHECK err tensor_file_write(const char *path, const struct tensor *tensors, int64_t n);
/* Writes DIR/STEM.safetensors, or numbered shards with an index when over shard_bytes (0: never).
 * `source` (may be NULL) is asked for the data of tensors that have none, one at a time, in
 * order. */
MUST_CHECK err tensor_file_write_dir(const char *dir, const char *stem,
                                     const struct tensor *tensors, int64_t n, int64_t shard_bytes,
                                     const struct tensor_source *source);

#endif
