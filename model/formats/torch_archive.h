/* SPDX-License-Identifier: Apache-2.0
 * A file that torch.save wrote, mapped whole: the tree of its pickle, and the tensors in it as
 * views of the storages beside it. Layout: <folder>/data.pkl, <folder>/data/<key> a storage, and
 * <folder>/version; newer ones add <folder>/byteorder. Used by the formats torch and megatron.
 * Read next: model/formats/zip.h and pickle.h, which it is made of. */
#ifndef COTRAIN_MODEL_FORMATS_TORCH_ARCHIVE_H
#define COTRAIN_MODEL_FORMATS_TORCH_ARCHIVE_H

#include "model/formats/pickle.h"
#include "model/formats/tensor_file.h"
#include "model/formats/zip.h"

struct torch_archive {
    struct zip zip;
    const char *folder; /* of all entries, the name the file was saved under */
    const struct pickle_value *root;
    struct arena *arena;
};

/* Elements of a storage in any order; all of them lie inside it. */
struct torch_view {
    enum dtype dtype;
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS]; /* in elements */
    int64_t count;
    const uint8_t *data; /* the first element */
};

/* Of a byte range, which must outlive the archive, as must the arena. The data of storages is not
 * read. Errors name the entry, and the byte in it. */
MUST_CHECK err torch_archive_open(struct torch_archive *a, const uint8_t *data, size_t n,
                                  struct arena *arena);
/* A value that must be a tensor, with its storage held against the archive. */
MUST_CHECK err torch_archive_tensor(const struct torch_archive *a, const struct pickle_value *v,
                                    struct torch_view *out);
/* Whether the elements lie one after another in row-major order. */
bool torch_view_contiguous(const struct torch_view *v);
/* Rows [first, first + n) of dimension 0. The view must have them. */
struct torch_view torch_view_rows(const struct torch_view *v, int64_t first, int64_t n);
/* Writes the elements to out, where element (i, j, ..) goes to i*out_stride[0] + j*out_stride[1]
 * + .. elements from `out`. */
void torch_view_copy(const struct torch_view *v, const int64_t *out_stride, void *out);
/* Whether torch_view_copy would change nothing. */
bool torch_view_same(const struct torch_view *v, const int64_t *out_stride, const void *out);
/* Strides of a row-major tensor of that shape; of no use where it has no elements. */
void torch_row_major(int n_dims, const int64_t *shape, int64_t *out_stride);

#endif
