/* SPDX-License-Identifier: Apache-2.0
 * Many rows to tokens, by all threads, handed on one after the other in their order. Threads take
 * rows as they become free, and the caller's thread hands on a block while the next one is being
 * encoded, so what comes out does not depend on how many threads there are. All use one tokenizer:
 * sentencepiece keeps nothing between calls, and with an instance each, whose tables share the
 * processor's cache, they take longer (bench/README.md, bench_tokenize).
 * Read next: data/tokens/rows.h for one row, data/build.c, which writes them. */
#ifndef COTRAIN_DATA_TOKENS_ENCODING_H
#define COTRAIN_DATA_TOKENS_ENCODING_H

#include "data/tokens/rows.h"
#include "data/tokens/token_cache.h"

struct encoding {
    const struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    struct token_cache *cache; /* of the source that was begun; NULL: none */
    const struct row_text *rows;
    int64_t n;
    /* Called for row 0, 1, ...; its failure ends the encoding. */
    err (*take)(void *ctx, const struct row_text *row, const struct row_tokens *tokens);
    void *ctx;
};
MUST_CHECK err encode_rows(const struct encoding *e);

#endif
