/* SPDX-License-Identifier: Apache-2.0
 * The state of a dataset being built, shared by data/build.c (the steps) and data/manifest.c
 * (what is written down about them). Nobody else includes it: from outside a build is one call,
 * data_build. */
#ifndef COTRAIN_DATA_BUILD_INT_H
#define COTRAIN_DATA_BUILD_INT_H

#include "base/progress.h"
#include "data/build.h"
#include "data/corpus.h"
#include "data/dataset/shards_int.h"
#include "data/filters.h"
#include "data/lint.h"
#include "data/tokens/fim.h"

struct group_count {
    int64_t rows[SPLIT_COUNT], tokens[SPLIT_COUNT], answer_tokens[SPLIT_COUNT];
    int64_t cases;
};
struct building {
    const struct data_build *b;
    const char *dir; /* the temporary folder */
    struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    struct corpus corpus;
    struct filtering filtering;
    struct row_list rows;
    struct lint_row *lint_rows; /* of each row, once it is encoded */
    struct fim fim;
    struct row_tokens permuted;
    struct shard_writer splits[SPLIT_COUNT];
    char *split_dirs[SPLIT_COUNT];
    struct progress progress;
    int64_t n_written;          /* rows */
    struct group_count *counts; /* of each group */
};

/* rows.jsonl: what is known of rows beside their place. */
MUST_CHECK err build_write_rows(const struct building *s);
/* lint.json: what the lints find in the rows. */
MUST_CHECK err build_write_lint(const struct building *s);
/* holdout.jsonl: the cases, request by request. */
MUST_CHECK err build_write_cases(struct building *s);
/* manifest.json, after every other file of the folder. */
MUST_CHECK err build_write_manifest(const struct building *s);

#endif
