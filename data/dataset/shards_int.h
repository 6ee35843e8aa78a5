/* SPDX-License-Identifier: Apache-2.0
 * Writing one split of a dataset folder: shards of tokens and answer flags, and the index. The
 * format is told in data/dataset/dataset.h. Used by data/build.c; names and limits are shared with
 * data/dataset/dataset.c, which reads the same files back. */
#ifndef COTRAIN_DATA_DATASET_SHARDS_INT_H
#define COTRAIN_DATA_DATASET_SHARDS_INT_H

#include "base/file.h"
#include "data/dataset/dataset.h"
#include "data/tokens/rows.h"

enum { SHARD_MAX_TOKENS = 1 << 26 };
extern const char *const split_names[SPLIT_COUNT]; /* "train", "valid" */
extern const char *const group_role_names[];       /* of enum group_role */

struct shard_writer {
    const char *dir; /* of the split */
    struct file_writer tokens, answer;
    bool is_open;
    int64_t n_shards, shard_tokens; /* tokens in the open shard */
    struct dataset_row *rows;
    int64_t n_rows, capacity;
    int64_t n_tokens, n_answer_tokens;
    int64_t *first_tokens; /* of each shard, within the split */
    int64_t shards_capacity;
};

/* `w` is zeroed but for `dir`. The folder is made. */
MUST_CHECK err shard_writer_start(struct shard_writer *w);
/* `where` brings source, line and part; the rest is filled in. */
MUST_CHECK err shard_writer_add(struct shard_writer *w, const struct row_tokens *row,
                                struct dataset_row where);
MUST_CHECK err shard_writer_end(struct shard_writer *w);
void shard_writer_release(struct shard_writer *w); /* also gives up what is half-written */
/* "tokens-00000.bin" of that kind ("tokens", "answer") and number, from mem_alloc. */
char *shard_path(const char *dir, const char *kind, int64_t number);

#endif
