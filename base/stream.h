/* SPDX-License-Identifier: Apache-2.0
 * A file read once, front to back, whatever it is compressed with: plain, gzip (one member or
 * several) or zstd (frames likewise), told by its first bytes and never by its name. Memory does
 * not grow with the file. What a stream cannot give whole it refuses: a folder, a pipe or a device,
 * a compression that is not read, a damaged or cut off stream, bytes behind the last member that
 * are none, a zstd window over 128 MiB, a file that changes while it is read (its size or its
 * time). Every error names the file. Read next: data/source/records.h, which cuts streams into
 * rows. */
#ifndef COTRAIN_BASE_STREAM_H
#define COTRAIN_BASE_STREAM_H

#include "base/err.h"
#include "base/hash.h"
#include <stddef.h>
#include <stdint.h>

enum { STREAM_BLOCK_BYTES = 1 << 16 };

struct stream;
MUST_CHECK err stream_open(struct stream **out, const char *path);
/* The next bytes, valid until the next call: STREAM_BLOCK_BYTES, fewer only at the end, none behind
 * it. After a failure the stream is only good for closing. */
MUST_CHECK err stream_next(struct stream *s, const uint8_t **out, size_t *out_n);
const char *stream_path(const struct stream *s);
/* "gzip", "zstd", or NULL: the bytes are the file's own. */
const char *stream_compression(const struct stream *s);
/* SHA-256 of the file as it lies on the disk, as sha256_file gives it. Reads what is left of it;
 * to be asked once, as the last thing. */
MUST_CHECK err stream_sha256(struct stream *s, char out[SHA256_HEX_SIZE]);
void stream_close(struct stream *s);

#endif
