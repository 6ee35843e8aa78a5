/* SPDX-License-Identifier: Apache-2.0
 * A set of named tensors in one or more mapped files, of any format of formats.def, under the names
 * and shapes of the HF form. What comes from a file is never believed: every length is held against
 * the file's size before it is used, and a fault names file and tensor.
 * Read next: model/formats/format.h for what a format is, safetensors.h for writing. */
#ifndef COTRAIN_MODEL_FORMATS_TENSOR_FILE_H
#define COTRAIN_MODEL_FORMATS_TENSOR_FILE_H

#include "base/err.h"
#include "base/json.h"
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
    const void *data; /* row-major as it is mapped (not aligned in every file), or the caller's when
                       * writing. NULL: not in one piece in a file; see tensor_file_read */
};

/* Hands out the data of a tensor whose `data` is NULL, piece by piece: elements
 * [begin, begin + *n); on entry *n is all that is left, it may make that less. The bytes stay valid
 * until the next call. */
struct tensor_source {
    err (*piece)(void *ctx, const struct tensor *t, int64_t begin, int64_t *n, const void **out);
    void *ctx;
};

struct tensor_file; /* sorted by name */

/* A file of any format. */
MUST_CHECK err tensor_file_open(struct tensor_file **out, const char *path);
/* The files of a folder; `stem` is "model" for a checkpoint, "adapter_model" for an adapter, or the
 * stem of any safetensors file. Of several formats in one folder the first of formats.def counts.
 * A path that is a file is opened as one. */
MUST_CHECK err tensor_file_open_dir(struct tensor_file **out, const char *dir, const char *stem);
void tensor_file_close(struct tensor_file *f);
int64_t tensor_file_count(const struct tensor_file *f);
const struct tensor *tensor_file_at(const struct tensor_file *f, int64_t i);
const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name); /* or NULL */
/* As find, but ERR_MISSING or ERR_MISMATCH naming file, tensor, wanted and found shape. */
MUST_CHECK err tensor_file_need(const struct tensor_file *f, const char *name, int n_dims,
                                const int64_t *shape, const struct tensor **out);
/* The values into `out` (count * dtype_bytes), row-major, wherever they lie. */
MUST_CHECK err tensor_file_read(const struct tensor_file *f, const struct tensor *t, void *out);
/* The tensor's pages may leave memory: for who passes over a file that is larger. */
void tensor_file_forget(const struct tensor_file *f, const struct tensor *t);
/* The file a tensor of `f` came from, for errors. */
const char *tensor_file_path(const struct tensor_file *f, const struct tensor *t);
int64_t tensor_file_bytes(const struct tensor_file *f);      /* mapped, all files together */
const char *tensor_file_format(const struct tensor_file *f); /* its name in formats.def */
/* config.json's object in HF keys where the format carries one itself; NULL: it does not. */
const json_t *tensor_file_config(const struct tensor_file *f);

#endif
