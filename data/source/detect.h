/* SPDX-License-Identifier: Apache-2.0
 * What a file of rows is, from its first bytes: how it is cut into records and who reads them. The
 * name decides only where the bytes leave it open, and then without .gz or .zst at its end:
 *   {     JSON Lines, if the first line is an object; if not, text where the name ends in .txt or
 *         .md, else JSON Lines all the same (whose first line is a fault)
 *   [     a JSON list, if {, ] or nothing follows, or the name ends in .json or .jsonl; else text
 *   else  a table, if the first line names two columns or more and some format has all its keys
 *         among them, or the name ends in .csv or .tsv; else Yuan's lines of text
 * An .idx of Megatron is known by how it begins. A JSON record's format is that of the first reader
 * in the table which knows its keys. */
#ifndef COTRAIN_DATA_SOURCE_DETECT_H
#define COTRAIN_DATA_SOURCE_DETECT_H

#include "base/opt.h"
#include "data/readers/reader.h"
#include "data/source/records.h"

enum record_kind { RECORD_JSON, RECORD_ROW, RECORD_TEXT };

struct layout {
    enum record_kind kind;
    enum framing framing;
    char separator;              /* of a table */
    const struct reader *reader; /* of the file; NULL: its first record or its header decides */
};

/* `format` is auto or a reader's name; `head` is what is at hand of the file's beginning. Files
 * that are known to be something else (Parquet, Arrow) are ERR_UNSUPPORTED by name. */
struct detect {
    const char *path, *format;
    struct span head;
    const struct opt_list *columns;
};
MUST_CHECK err detect_layout(const struct detect *d, struct layout *out);
/* The first reader in the table that knows the record by its keys, or NULL. */
const struct reader *detect_record(const json_t *record);

#endif
