/* SPDX-License-Identifier: Apache-2.0
 * An open dataset's insides, shared by data/dataset/dataset.c (opening, checking, tokens) and
 * data/dataset/dataset_view.c (held-out cases and everything that is only looked up). Everybody
 * else goes through data/dataset/dataset.h. */
#ifndef COTRAIN_DATA_DATASET_DATASET_INT_H
#define COTRAIN_DATA_DATASET_DATASET_INT_H

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "data/dataset/dataset.h"
#include "data/dataset/shards_int.h"

struct shard {
    int64_t first_token;
    struct file_map tokens, answer;
};
struct split {
    int64_t n_rows, n_tokens, n_answer_tokens;
    struct shard *shards;
    int64_t n_shards;
    struct file_map index;
    const struct dataset_row *rows; /* within index */
};
struct dataset {
    struct arena arena;
    json_t *manifest; /* owns the texts below */
    char digest[SHA256_HEX_SIZE];
    char *dir, *tokenizer_dir;
    const char *input, *tokenizer_digest, *special_whitespace;
    int64_t eod, sep;
    bool sealed;
    struct dataset_mix mix;
    struct split splits[SPLIT_COUNT];
    struct dataset_group *groups;
    struct dataset_source *sources;
    int64_t n_groups, n_sources;
    struct dataset_case *cases;
    int64_t n_cases;
};

MUST_CHECK err dataset_read_cases(struct dataset *d);

#endif
