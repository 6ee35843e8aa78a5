/* SPDX-License-Identifier: Apache-2.0
 * A dataset folder, as data_build writes it:
 *   manifest.json       what is in it and the SHA-256 of every other file; its own SHA-256 is the
 *                       dataset's digest
 *   train/, valid/      tokens-00000.bin (int32, little endian, rows back to back), index.bin (a
 *                       struct dataset_row a row), answer-00000.bin (a byte a token: 1 where it
 *                       belongs to an answer or is the <eod> that ends one); a row never spans two
 *                       shards
 *   holdout.jsonl       held-out cases: {"request", "prompt", "response", "file", "line"}
 *   rows.jsonl          what is known of rows beside their place (data/dataset/provenance.h)
 *   lint.json           what the lints found (data/lint.h)
 *   dropped.jsonl       where filters ran: what they dropped (data/dataset/dropped.h)
 *   near.bin            likewise: hashes of the rows, for later months (data/dataset/near_rows.h)
 *   tokenizer/          the tokenizer's files
 * Opening checks every hash. */
#ifndef COTRAIN_DATA_DATASET_DATASET_H
#define COTRAIN_DATA_DATASET_DATASET_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

enum { DATASET_VERSION = 2 }; /* of the folder; a program reads its own only */
enum dataset_split { SPLIT_TRAIN, SPLIT_VALID, SPLIT_COUNT };

/* One row of tokens: a document that ends with <eod>. Stored as it stands here, little endian. */
struct dataset_row {
    int64_t first_token; /* number of its first token within the split */
    int32_t n_tokens;
    int32_t source; /* number in the manifest's `sources` */
    int32_t line;   /* of the source, from 1; of inline examples which of the request's */
    int32_t part;   /* which turn of a conversation, from 1; 0: the whole line is one row */
};

/* Rows that share a weight: a request's, or those of one source without a request. */
enum group_role { GROUP_REQUEST, GROUP_SOURCE, GROUP_REPLAY };
struct dataset_group {
    const char *name;     /* the request's id, or the source's file name */
    const char *scenario; /* the request's; NULL: none */
    enum group_role role;
    double weight;                   /* of a replayed group 0: it has a share of its own */
    int64_t first_source, n_sources; /* its sources are neighbours in the manifest */
};
struct dataset_source {
    const char *name;    /* file name without folders; "examples" for inline ones */
    const char *request; /* NULL: none */
    const char *format, *sha256;
    const char *license, *reviewer; /* of rows that do not say their own; NULL: not said */
    int64_t group;
};
/* How an epoch is mixed (data/steps/mix.h); zeros: not given. */
struct dataset_mix {
    double temperature, replay_share;
    int64_t tokens;
};
struct dataset_case {
    const char *request, *prompt, *response;
    const char *file; /* where it stands, without folders */
    int64_t line;
};

struct dataset;
MUST_CHECK err dataset_open(struct dataset **out, const char *dir);
void dataset_close(struct dataset *d);

const char *dataset_digest(const struct dataset *d);
const char *dataset_input(const struct dataset *d); /* as data_build_input gives it */
const char *dataset_dir(const struct dataset *d);
/* Path of the tokenizer folder inside the dataset. */
const char *dataset_tokenizer_dir(const struct dataset *d);
const char *dataset_tokenizer_digest(const struct dataset *d);
const char *dataset_special_whitespace(const struct dataset *d); /* "strip" or "keep" */
int64_t dataset_eod(const struct dataset *d);
int64_t dataset_sep(const struct dataset *d);
bool dataset_sealed(const struct dataset *d);

int64_t dataset_n_rows(const struct dataset *d, enum dataset_split split);
int64_t dataset_n_tokens(const struct dataset *d, enum dataset_split split);
int64_t dataset_n_answer_tokens(const struct dataset *d, enum dataset_split split);
const struct dataset_row *dataset_rows(const struct dataset *d, enum dataset_split split);
/* A row's tokens and answer flags, mapped; valid as long as the dataset is open. */
const int32_t *dataset_tokens(const struct dataset *d, enum dataset_split split, int64_t row);
const uint8_t *dataset_answer(const struct dataset *d, enum dataset_split split, int64_t row);

int64_t dataset_n_groups(const struct dataset *d);
const struct dataset_group *dataset_group(const struct dataset *d, int64_t group);
const struct dataset_mix *dataset_mix(const struct dataset *d);
int64_t dataset_n_sources(const struct dataset *d);
const struct dataset_source *dataset_source(const struct dataset *d, int64_t source);
/* Rows of a group in a split are neighbours: [*first, *first + *n). */
void dataset_group_rows(const struct dataset *d, enum dataset_split split, int64_t group,
                        int64_t *out_first, int64_t *out_n);
/* Appends where a row comes from: "train.jsonl line 12", "request 'x' example at line 7". */
MUST_CHECK err dataset_describe(const struct dataset *d, enum dataset_split split, int64_t row,
                                struct str *out);

/* Where a row's tokens lie: "train/tokens-00000.bin", appended, and the number of the first one
 * within that file. */
MUST_CHECK err dataset_shard(const struct dataset *d, enum dataset_split split, int64_t row,
                             struct str *out_file, int64_t *out_offset);
/* The filters that ran, in order, and what each did to the samples of a group (-1: to all). */
struct dataset_filter {
    const char *name;
    int64_t seen; /* of all groups */
    int64_t dropped, changed, noted, spared;
};
int64_t dataset_n_filters(const struct dataset *d);
MUST_CHECK err dataset_filter(const struct dataset *d, int64_t filter, int64_t group,
                              struct dataset_filter *out);

/* Held-out cases, in the order of the requests. */
int64_t dataset_n_cases(const struct dataset *d);
const struct dataset_case *dataset_cases(const struct dataset *d);

#endif
