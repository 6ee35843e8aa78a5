/* SPDX-License-Identifier: Apache-2.0
 * Writing safetensors: atomic and streaming. Facts: a u64 little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}} padded with spaces to 8, then raw data.
 * Reading is through model/formats/tensor_file.h, as for every format. */
#ifndef COTRAIN_MODEL_FORMATS_SAFETENSORS_H
#define COTRAIN_MODEL_FORMATS_SAFETENSORS_H

#include "model/formats/tensor_file.h"

/* Writes one file with metadata {"format":"pt"}; tensors in the order given; same input, same
 * bytes. */
MUST_CHECK err safetensors_write(const char *path, const struct tensor *tensors, int64_t n);
/* Writes DIR/STEM.safetensors, or numbered shards with an index when over shard_bytes (0: never);
 * refused where the disk has no room for all of it.
 * `source` (may be NULL) is asked for the data of tensors that have none, in order. */
MUST_CHECK err safetensors_write_dir(const char *dir, const char *stem,
                                     const struct tensor *tensors, int64_t n, int64_t shard_bytes,
                                     const struct tensor_source *source);

#endif
