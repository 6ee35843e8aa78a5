/* SPDX-License-Identifier: Apache-2.0
 * Megatron's indexed datasets, as Yuan 2.0's own preprocessor writes and reads them: PREFIX.bin
 * holds ids back to back, PREFIX.idx says where each sequence lies. Little endian, no padding:
 *   "MMIDIDX\0\0", u64 version 1, u8 dtype (1 u8, 2 i8, 3 i16, 4 i32, 5 i64, 8 u16; 6 f64 and 7 f32
 *   are no ids), u64 N sequences, u64 M, i32 sizes[N], i64 byte offsets[N], i64 documents[M]
 * Yuan's files are of i32, one row a sequence, and their list of documents is [0], since the
 * preprocessor never ends one; so are those that are written here, byte for byte. Source: spec of
 * Yuan 2.0, 4.2 and 4.3. */
#ifndef COTRAIN_DATA_SOURCE_MEGATRON_H
#define COTRAIN_DATA_SOURCE_MEGATRON_H

#include "base/file.h"
#include "data/tokens/tokenizer.h"

/* PREFIX and ENDING (".idx", ".bin"), from mem_alloc; PREFIX is `path` without either. NULL: out of
 * memory, recorded. */
char *megatron_path(const char *path, const char *ending)
    __attribute__((malloc, warn_unused_result));

struct megatron {
    struct file_map idx, bin;
    int64_t n; /* sequences */
    const struct megatron_type *type;
};

/* `path` is the .idx, the .bin or what both begin with. Everything that the .idx says is checked
 * against it and the .bin: a header that is damaged, sizes beyond the file, offsets that do not
 * follow one another, documents out of order. On failure nothing is open. */
MUST_CHECK err megatron_open(struct megatron *m, const char *path);
/* Replaces *out by the sequence's ids; one that no int32 holds is ERR_RANGE. */
MUST_CHECK err megatron_read(const struct megatron *m, int64_t sequence, struct tokens *out);
void megatron_close(struct megatron *m);

/* Writing: after open, add any number of sequences, then commit or abort. Neither file is there
 * before commit. */
struct megatron_writer {
    struct file_writer bin;
    char *idx_path;
    int32_t *sizes;
    int64_t n, capacity;
};
MUST_CHECK err megatron_writer_open(struct megatron_writer *w, const char *prefix);
MUST_CHECK err megatron_writer_add(struct megatron_writer *w, const int32_t *ids, int64_t n);
MUST_CHECK err megatron_writer_commit(struct megatron_writer *w);
void megatron_writer_abort(struct megatron_writer *w); /* also safe after commit */

#endif
