/* SPDX-License-Identifier: Apache-2.0
 * What a file format is to the rest: how it is recognised and how it fills a set of tensors. One
 * file in model/formats/ and one line of formats.def each. A format maps its files, checks them
 * whole, and adds every tensor under its HF name; the set itself (model/formats/tensor_file.c)
 * sorts, finds, reads and reports for all of them.
 * Read next: model/formats/safetensors.c, the pattern. */
#ifndef COTRAIN_MODEL_FORMATS_FORMAT_H
#define COTRAIN_MODEL_FORMATS_FORMAT_H

#include "base/arena.h"
#include "base/file.h"
#include "model/formats/tensor_file.h"
#include <stdbool.h>

struct gguf_notes;
struct model_config;

struct tensor_entry {
    struct tensor tensor; /* first: a pointer to it is a pointer to its entry */
    int64_t file;         /* number of the file its data, or the first part of it, lies in */
    const void *origin;   /* the format's own description of the data, where tensor.data is NULL */
};

struct tensor_file {
    const struct format *format;
    struct arena arena;
    const char *path; /* what the caller asked for */
    struct mapped_file {
        const char *path;
        struct file_map map;
    } * files;
    int64_t n_files, files_capacity;
    struct tensor_entry *entries; /* sorted by name once the format is done */
    int64_t n, capacity;
    json_t *config; /* see tensor_file_config; owned */
};

/* A checkpoint on its way into files. */
struct tensor_output {
    const char *dir, *stem;       /* the folder, which exists, and what its files are called */
    const struct tensor *tensors; /* HF names; dtypes as `plan` left them */
    int64_t n;
    const struct tensor_source *source; /* pieces of whole blocks of 32 or to the end */
    const char *type;
    int64_t shard_bytes; /* 0: never in shards */
    const struct model_config *config;
    const struct gguf_notes *notes; /* for GGUF alone */
};
/* How a tensor will lie in a file. */
struct tensor_stored {
    const char *type;
    int64_t bytes;
};

struct format {
    const char *name, *summary;
    /* Whether `path`, a file that exists, is of this format (by name or first bytes). */
    bool (*is_file)(const char *path);
    /* What to open of a folder for a stem (arena's), or NULL where nothing is of this format. */
    MUST_CHECK err (*find)(const char *dir, const char *stem, struct arena *arena,
                           const char **out);
    /* Fills `f` from `path`, which is_file or find gave. Errors name the file. */
    MUST_CHECK err (*open)(struct tensor_file *f, const char *path);
    /* Writes the values of an entry whose tensor.data is NULL. NULL: there are none. */
    MUST_CHECK err (*read)(const struct tensor_file *f, const struct tensor_entry *e, void *out);
    /* The rest is NULL where a format is only read. What `type` of an output may be, "a,b,c"; the
     * first leaves the elements what they are, as far as the format has them. */
    const char *types;
    /* Decides how a tensor is stored; t->dtype becomes the one that `write` wants to be handed. */
    MUST_CHECK err (*plan)(const char *type, struct tensor *t, struct tensor_stored *out);
    /* Each file appears whole or not at all. Errors name file and tensor. */
    MUST_CHECK err (*write)(const struct tensor_output *o);
};
/* The format of that name, or NULL. */
const struct format *format_named(const char *name);
extern const struct format *const formats[];
extern const int n_formats;

/* For format.is_file: whether the file holds these bytes at that place. */
bool file_holds_at(const char *path, int64_t offset, const char *bytes);
/* Maps one more file of the set; *out is its number. */
MUST_CHECK err tensor_file_map(struct tensor_file *f, const char *path, int64_t *out);
/* One more tensor: everything of it is zero but the name (copied). Errors about it are the format's
 * to name. The pointer is valid until the next call. */
MUST_CHECK err tensor_file_add(struct tensor_file *f, const char *name, int64_t file,
                               struct tensor_entry **out);
/* Dimensions of a tensor with its count, held against overflow. */
MUST_CHECK err tensor_set_shape(struct tensor *t, int64_t n_dims, const int64_t *shape);
/* For format.open: maps `path` and lets `read` check and add what the mapped file of that number
 * holds. Errors name the file. */
typedef err tensor_file_reader(struct tensor_file *f, int64_t file);
MUST_CHECK err tensor_open_file(struct tensor_file *f, const char *path, tensor_file_reader *read);
/* The same, where `path` may be an index {"weight_map": {tensor: file}}: then each of its shards,
 * and shards and index are held against each other. */
MUST_CHECK err tensor_open_files(struct tensor_file *f, const char *path, tensor_file_reader *read);
/* For format.find: DIR/NAME where that exists, else DIR/NAME.index.json, else NULL. */
MUST_CHECK err tensor_find_in_dir(const char *dir, const char *name, struct arena *arena,
                                  const char **out);

#endif
