/* SPDX-License-Identifier: Apache-2.0
 * near.bin of a dataset folder: its rows as a later month needs them to find copies
 * (data/text/alike.h), without their texts. The file is a line of JSON,
 *   {"format": "cotrain-near", "version": 1, "rows": N, "sources": ["rows.jsonl", ...]}
 * and then for every row, little endian: int32 source, line, n, width; uint32 answer, frame; n
 * uint32 windows. It takes about 4 bytes a character, and is written when the filter near_dup ran.
 */
#ifndef COTRAIN_DATA_DATASET_NEAR_ROWS_H
#define COTRAIN_DATA_DATASET_NEAR_ROWS_H

#include "base/arena.h"
#include "data/corpus.h"
#include "data/text/alike.h"

enum { NEAR_ROWS_VERSION = 1 };

/* What the filter compares of a sample: all of its texts, and its answer for numbers. */
MUST_CHECK err near_row_init(struct alike_text *t, const struct sample *s);

/* Writes dir/near.bin of all samples that are trained or validate. */
MUST_CHECK err near_rows_write(const struct corpus *c, const char *dir);

struct near_rows {
    struct alike_text *texts;
    const char **places; /* "2024-02: rows.jsonl line 7" */
    int64_t n, n_windows;
    struct arena arena;
};
/* Adds the rows of a dataset folder, or of such a file alone. A folder without the file is
 * ERR_MISSING, another version ERR_UNSUPPORTED, anything that is not as above ERR_PARSE. A zeroed
 * struct is empty; release it also after a failure. */
MUST_CHECK err near_rows_read(struct near_rows *r, const char *path);
void near_rows_release(struct near_rows *r);
/* The file that stands for the path: itself, or near.bin of a folder (mem_alloc). */
char *near_rows_path(const char *path);

#endif
