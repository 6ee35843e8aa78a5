/* SPDX-License-Identifier: Apache-2.0
 * A checkpoint in one format becomes one in another: any format of formats.def that is read, to any
 * that is written. The model is opened and checked as for use; then its parameters stream through,
 * a piece of each at a time, so the peak stays under the two largest tensors and 64 MiB (a tensor
 * that the source has in pieces is whole in memory once).
 * What does not fit the new type is never an infinity: it becomes the largest finite value of its
 * sign, and is counted. Read next: model/convert.c, model/formats/format.h. */
#ifndef COTRAIN_MODEL_CONVERT_H
#define COTRAIN_MODEL_CONVERT_H

#include "model/formats/gguf_write.h"

struct model_conversion {
    const char *model;  /* folder or file */
    const char *out;    /* folder; or a single file, where its name ends as the format says */
    const char *format; /* of formats.def */
    const char *type;   /* one of that format's types */
    int64_t shard_bytes;
    const struct gguf_notes *notes; /* for GGUF */
};

enum { CONVERT_MAX_TYPES = 8 };

struct model_converted {
    const char *from;                                 /* the format that was read */
    int64_t n_tensors, n_values, bytes_in, bytes_out; /* of the tensors' data */
    struct {
        const char *name;
        int64_t n_tensors;
    } types[CONVERT_MAX_TYPES]; /* how they are stored, NULL-terminated */
    int64_t n_quantised;        /* values that became codes of a block */
    int64_t n_changed;          /* of the others: those that another dtype could not hold exactly */
    int64_t n_overflowed;       /* of those, beyond the dtype's largest */
    int64_t n_vanished;         /* too small for it: now 0 */
    double largest_error;       /* of the others, relative */
};

/* Writes `out`, which must not be there (ERR_EXISTS) and appears whole or not at all. A folder gets
 * config.json, torch_dtype following the weights, and the model folder's other files. */
MUST_CHECK err model_convert(const struct model_conversion *c, struct model_converted *out);

#endif
