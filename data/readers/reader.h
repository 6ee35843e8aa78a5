/* SPDX-License-Identifier: Apache-2.0
 * A reader turns one record of a source into a sample. It sees well-formed UTF-8 and,
 * for a record, well-formed JSON; what it refuses it says with fail(), without naming the place:
 * data/source/read.h adds file and line, collects the faults of all records, and checks what holds
 * for every format (nothing empty, no special tokens in a text). Table: data/readers/readers.def.
 */
#ifndef COTRAIN_DATA_READERS_READER_H
#define COTRAIN_DATA_READERS_READER_H

#include "base/json.h"
#include "data/source/sample.h"
#include "recipes/request.h"

struct reading; /* data/source/read.h */
struct read_file;

struct reader {
    const char *name, *summary;
    /* How it is read: one of these, or `record` and `line`, where a file may hold either. */
    err (*record)(const json_t *record, struct draft *out);
    err (*line)(struct span line, struct draft *out); /* nothing added: no sample on this line */
    char separator; /* a table's: its header chooses the reader of its rows */
    err (*file)(struct reading *r, struct read_file *file); /* cuts and hashes it by itself */
    err (*example)(const struct example *example, struct draft *out);
    bool (*fits)(const json_t *record); /* with `record`: is this such a record, by its keys? */
    bool whole;                         /* `line` is given the whole file */
    bool special_tokens;                /* its segments may hold special tokens */
};

#define READER(name, word, where) extern const struct reader reader_##name;
#include "data/readers/readers.def"
#undef READER
extern const struct reader *const readers[];
extern const int n_readers;

/* The reader of that name, or NULL. */
const struct reader *reader_find(const char *name);

/* For readers of records: a member as a text. An absent or null one is *out with text NULL;
 * anything but a string is ERR_PARSE naming the key. */
MUST_CHECK err record_text(const json_t *record, const char *key, struct span *out);
/* The same where it must be there. */
MUST_CHECK err record_need_text(const json_t *record, const char *key, struct span *out);

#endif
