/* SPDX-License-Identifier: Apache-2.0
 * dropped.jsonl of a dataset folder: a line for every sample that a filter dropped, in the order in
 * which they were dropped. Members:
 *   "source", "request" (null: none), "line"   where the sample stands, as in the manifest
 *   "part"         0: the whole line; a turn's number where only that was dropped
 *   "filter", "reason"   "near_dup", "2 of 41 characters differ"
 *   "related"      the row that it is like, "request 'x' train.jsonl line 7"; null: none
 *   "sealed_case"  id of the request whose held-out case it is like; null: none
 *   "text"         its first characters; null where `sealed_case` is set
 * The file is there when any filter ran, and only then. */
#ifndef COTRAIN_DATA_DATASET_DROPPED_H
#define COTRAIN_DATA_DATASET_DROPPED_H

#include "base/arena.h"
#include "data/filters.h"

enum { DROPPED_TEXT_CHARS = 120 };

/* Writes dir/dropped.jsonl. */
MUST_CHECK err dropped_write(const struct filtering *f, const char *dir);

struct dropped_row {
    const char *source, *request, *filter, *reason, *related, *sealed_case, *text;
    int64_t line, part;
};
struct dropped_list {
    struct dropped_row *items;
    int64_t n;
};
/* Reads it back, in the order of the file; a folder without the file gives an empty list. The texts
 * and the list live in the arena. A line that is not as above is ERR_PARSE with file and line. */
MUST_CHECK err dropped_read(const char *dir, struct arena *a, struct dropped_list *out);

#endif
