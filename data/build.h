/* SPDX-License-Identifier: Apache-2.0
 * Builds a dataset folder: reads every source and inline example, keeps held-out cases apart,
 * filters what is left, keeps validation rows apart, makes rows, encodes, and writes token shards
 * with a manifest of hashes. The folder appears whole or not at all. The same input gives the same
 * bytes, whatever the paths are called up to their last part. Next: data/dataset/dataset.h (the
 * folder), data/source/read.h (sources), data/filters.h, data/steps/loader.h.
 */
#ifndef COTRAIN_DATA_BUILD_H
#define COTRAIN_DATA_BUILD_H

#include "base/hash.h"
#include "data/dataset/dataset.h"
#include "data/filters.h"
#include "data/options.h"
#include "data/text/leaks.h"
#include "recipes/request.h"
#include <stdint.h>

struct data_build {
    const struct data_options *options;
    const struct request_list *requests;
    const char *tokenizer_dir;
    int64_t vocab_size;             /* rows of the model's embedding; 0: not checked */
    uint64_t seed;                  /* of the splits */
    const struct data_score *score; /* of the filter quality; NULL: none */
    const char *score_digest;       /* of whatever judges, part of what the dataset depends on */
    const struct forbidden_source *forbidden; /* texts that no row may hold; NULL: none */
    const char
        *cache_dir; /* rows that were encoded before (data/tokens/token_cache.h); NULL: none */
    /* Called with the finished folder before it takes its place; a failure gives it up. May be
     * NULL. */
    err (*check)(void *ctx, const char *dir);
    void *check_ctx;
};

/* Refused, each with its place: no rows, every row held out, unreadable or ill-formed rows (all of
 * them together, counted, the first ten shown), special tokens in a text, a held-out prompt that is
 * also trained, a token id at or over vocab_size. Whether anything is trained depends on the loss
 * mask, so that is `check`'s to ask (cli/data_stage.c does). An existing `out_dir` is replaced only
 * if it is a dataset (or empty). */
MUST_CHECK err data_build(const struct data_build *b, const char *out_dir);

/* SHA-256 over all that a dataset depends on (files, texts, options, tokenizer, seed), without
 * reading a row: a dataset whose manifest has this `input` is up to date. */
MUST_CHECK err data_build_input(const struct data_build *b, char out[SHA256_HEX_SIZE]);

#endif
