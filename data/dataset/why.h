/* SPDX-License-Identifier: Apache-2.0
 * Why a row is in a dataset, or is not: what somebody names - a row's number, a line of a source, a
 * stretch of text - is looked for among the rows, the samples that filters dropped (dropped.jsonl)
 * and the held-out cases, and each that is found is told with the chain it came by.
 * Read next: data/dataset/provenance.h, the chain of a row. */
#ifndef COTRAIN_DATA_DATASET_WHY_H
#define COTRAIN_DATA_DATASET_WHY_H

#include "base/json.h"
#include "data/dataset/provenance.h"

/* `what` is "12" (of train), "train:12", "valid:3", "FILE:LINE" (FILE with or without folders; also
 * "examples:LINE"), or else a text, found whatever its case, width and white space. `out` becomes a
 * list of at most `max` objects, with *out_n telling how many there are:
 *   kept      as provenance_chain has it, and "text", the row's beginning
 *   dropped   {"state": "dropped", "source": {"name", "line"}, "request", "filter", "reason",
 *             "related", "text"}; of one that is like a sealed case "sealed_case" instead of text
 *   held out  {"state": "held out", "request", "source", "text"}; without text when it is sealed
 * Nothing found is ERR_MISSING. The caller json_decref()s. */
MUST_CHECK err why_find(const struct dataset *d, const char *what, int64_t max, json_t **out,
                        int64_t *out_n);
/* Adds to what was found, where a row was generated, the question that it answers: "question":
 * {"model", "prompt", "outcome", "text"}, from the log of the expansion (expand.log.jsonl). A row
 * whose hash is not there is ERR_MISSING. */
MUST_CHECK err why_add_questions(json_t *found, const char *log_path);

#endif
