/* SPDX-License-Identifier: Apache-2.0
 * Cuts a stream into records, each with the line that it begins on: lines, the elements of a JSON
 * list, the rows of a table with quoted cells (RFC 4180), or the whole file as one. Nothing is
 * parsed here but what tells where a record ends. Memory is that of the longest record. The first
 * bytes can be looked at before anything is cut (data/source/detect.h does). */
#ifndef COTRAIN_DATA_SOURCE_RECORDS_H
#define COTRAIN_DATA_SOURCE_RECORDS_H

#include "base/str.h"
#include "base/stream.h"
#include "data/text/span.h"
#include <stdbool.h>

enum framing {
    FRAMING_LINES, /* without the newline and a CR before it */
    FRAMING_LIST,  /* the elements of one JSON list */
    FRAMING_TABLE, /* rows as lines, but a quoted cell may hold newlines */
    FRAMING_WHOLE
};
enum { RECORD_MAX_BYTES = 64 << 20 };

struct record {
    struct span text; /* valid until the next call */
    int64_t line;     /* from 1 */
};

struct records {
    struct stream *stream;
    enum framing framing;
    char separator; /* between the cells of a table */
    const uint8_t *block;
    size_t at, n; /* the next byte of the block, and its size */
    int64_t line; /* of the next byte */
    struct str text;
    bool too_long; /* the record is: its bytes are passed over */
    bool broken;   /* the stream has failed */
    int list_state;
};

/* Looks at the beginning: a byte order mark of UTF-8 is dropped, UTF-16 and UTF-32 are refused by
 * name. The stream stays the caller's. */
MUST_CHECK err records_open(struct records *r, struct stream *stream);
/* What is at hand of the beginning, 64 KiB at most; before the first records_next. */
struct span records_head(const struct records *r);
/* Says how to cut; lines otherwise. `separator` is a table's. */
void records_frame(struct records *r, enum framing framing, char separator);
/* The next record; *out_more false: there is none. A fault of the input comes with the line where
 * it was seen (out->line), and *out_more says whether reading can go on: ERR_LIMIT for a record of
 * over RECORD_MAX_BYTES, ERR_PARSE for a list or a quoted cell that does not end, and what a stream
 * says (base/stream.h). */
MUST_CHECK err records_next(struct records *r, struct record *out, bool *out_more);
void records_release(struct records *r);

#endif
