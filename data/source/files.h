/* SPDX-License-Identifier: Apache-2.0
 * The files that a source's path stands for: itself, all below a folder, or what a pattern matches.
 * Each is read, hashed and reported on its own. Their names, which go into the dataset, are
 * relative to the folder or to the part of the pattern that holds no * ? or [, so that they do not
 * depend on where either lies.
 *
 * Of a folder, files and folders whose name begins with a dot are left out. With the format `auto`
 * only files are read whose name says that they hold rows (.jsonl .json .txt .csv .tsv .idx, and
 * these with .gz or .zst); the others are named in a warning. A .bin beside an .idx of the same
 * name belongs to it. Where a folder holds files named train, those beside them named valid,
 * validation, val, dev, test or eval are left out with a warning: they are not there to be trained.
 * A pattern matches files as it says, and folders as if they were named. With the format `megatron`
 * a path may be the .idx, the .bin or what both begin with. */
#ifndef COTRAIN_DATA_SOURCE_FILES_H
#define COTRAIN_DATA_SOURCE_FILES_H

#include "base/file.h"
#include "base/hash.h"

struct source_files {
    struct name_list paths, names; /* one of each a file, in the order of the names' bytes */
};

/* `format` as the source says it. None at all is ERR_MISSING, what is no regular file or has a name
 * that is no UTF-8 ERR_UNSUPPORTED. On failure too the caller releases.
 */
MUST_CHECK err source_files_find(struct source_files *f, const char *path, const char *format);
void source_files_release(struct source_files *f);

/* Whether the name, without a .gz or .zst behind it, ends with one of the endings (NULL-terminated)
 * and has more before that. */
bool source_file_named(const char *name, const char *const *endings);

/* The file's SHA-256; of a Megatron .idx that of its bytes and the .bin's behind them. */
MUST_CHECK err source_file_sha256(const char *path, char out[SHA256_HEX_SIZE]);
/* Over names and hashes of all of a source's files: changes when one of them does. */
MUST_CHECK err source_sha256(const char *path, const char *format, char out[SHA256_HEX_SIZE]);

#endif
